"""What an object holds: real bytes, or zeros that take no memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CHUNK_BYTES = 1 << 20
_ZEROS = bytes(CHUNK_BYTES)


@dataclass(frozen=True, slots=True)
class Zeros:
    """A run of zero bytes."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class Body:
    """Segments in order; a synthetic body has at least one run of zeros."""

    segments: tuple[bytes | Zeros, ...]
    size_bytes: int

    @classmethod
    def real(cls, data: bytes) -> Body:
        return cls((data,), len(data)) if data else EMPTY

    @classmethod
    def zeros(cls, size_bytes: int) -> Body:
        return cls((Zeros(size_bytes),), size_bytes) if size_bytes else EMPTY

    @classmethod
    def joined(cls, bodies: Iterable[Body]) -> Body:
        segments = tuple(segment for body in bodies for segment in body.segments)
        return cls(segments, sum(map(_size_of, segments)))

    @property
    def synthetic(self) -> bool:
        return any(isinstance(segment, Zeros) for segment in self.segments)

    def part(self, first: int, end: int) -> Body:
        """The bytes from `first` up to, not including, `end`."""
        kept: list[bytes | Zeros] = []
        offset = 0
        for segment in self.segments:
            size = _size_of(segment)
            low, high = max(first - offset, 0), min(end - offset, size)
            if low < high:
                kept.append(Zeros(high - low) if isinstance(segment, Zeros) else segment[low:high])
            offset += size
        return Body(tuple(kept), sum(map(_size_of, kept)))

    def chunks(self) -> Iterator[bytes | memoryview]:
        for segment in self.segments:
            size = _size_of(segment)
            source = memoryview(_ZEROS if isinstance(segment, Zeros) else segment)
            for offset in range(0, size, CHUNK_BYTES):
                length = min(CHUNK_BYTES, size - offset)
                start = 0 if isinstance(segment, Zeros) else offset
                yield source[start : start + length]

    def md5_hex(self) -> str:
        digest = hashlib.md5(usedforsecurity=False)
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()


EMPTY = Body((), 0)


def _size_of(segment: bytes | Zeros) -> int:
    return segment.size_bytes if isinstance(segment, Zeros) else len(segment)
