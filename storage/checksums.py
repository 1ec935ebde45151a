"""Checksums of bytes as they pass: those that S3 states for whole objects and that cost next to nothing.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence

CRC64NVME = "CRC64NVME"
PASSING = frozenset({CRC64NVME, "CRC32", "CRC32C"})
"""Those that are computed of bytes as they pass."""


class PassingChecksums:
    """CRC64NVME of all bytes that it was given, in order; of a whole object also what else a store may state of it.

    Those are CRC32 and CRC32C; CRC32 takes three times as long as the two others together.
    """

    __slots__ = ("_crc32", "_crc32c", "_crc64nvme", "_is_of_part")

    def __init__(self, *, is_of_part: bool = False) -> None:
        self._is_of_part = is_of_part
        self._crc64nvme = self._crc32 = self._crc32c = 0

    def update(self, content: memoryview | bytes) -> None:
        """Take the next bytes."""
        from awscrt.checksums import crc32, crc32c, crc64nvme

        self._crc64nvme = int(crc64nvme(content, self._crc64nvme))
        if not self._is_of_part:
            self._crc32 = int(crc32(content, self._crc32))
            self._crc32c = int(crc32c(content, self._crc32c))

    def values(self) -> Mapping[str, str]:
        """Return them by S3's names, in base64."""
        found = {CRC64NVME: _base64(self._crc64nvme, 8)}
        if self._is_of_part:
            return found
        return {**found, "CRC32": _base64(self._crc32, 4), "CRC32C": _base64(self._crc32c, 4)}


def difference(stated: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """Return, as a clause, how bytes are not those of which a store states checksums; None if all agree.

    Those of other algorithms say nothing.
    """
    for algorithm in stated.keys() & found.keys():
        if stated[algorithm] != found[algorithm]:
            return f"its {algorithm} is {found[algorithm]}, the store states {stated[algorithm]}"
    return None


def combined_crc64nvme(crcs: Sequence[int], sizes_bytes: Sequence[int]) -> str:
    """Return the CRC64NVME, in base64, of bytes that were cut into parts, from the parts' and their sizes."""
    from awscrt.checksums import combine_crc64nvme

    whole = 0
    for crc, size_bytes in zip(crcs, sizes_bytes, strict=True):
        whole = int(combine_crc64nvme(whole, crc, size_bytes))
    return _base64(whole, 8)


def _base64(value: int, size_bytes: int) -> str:
    return b64encode(value.to_bytes(size_bytes, "big")).decode()
