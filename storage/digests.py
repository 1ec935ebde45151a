"""Digests of bytes that come in order: MD5, and those that S3 states of objects."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import md5, sha1, sha256
from typing import Protocol


class Digest(Protocol):
    """What takes bytes, and is the sum of them as S3 states it; MD5 in hex."""

    def update(self, piece: memoryview) -> None: ...
    def text(self) -> str: ...


def new_digest(algorithm: str) -> Digest:
    """Return one of no bytes; the algorithms are MD5 and those that S3 states."""
    return _ALGORITHMS[algorithm]()


class _Hashlib:
    def __init__(self, name: str) -> None:
        make = {"MD5": md5, "SHA1": sha1, "SHA256": sha256}[name]
        self._hash = make(usedforsecurity=False)
        self._is_hex = name == "MD5"

    def update(self, piece: memoryview) -> None:
        self._hash.update(piece)

    def text(self) -> str:
        return self._hash.hexdigest() if self._is_hex else b64encode(self._hash.digest()).decode()


class _Crc:
    def __init__(self, next_of: Callable[[memoryview, int], int], size_bytes: int) -> None:
        self._next_of = next_of
        self._size_bytes = size_bytes
        self._value = 0

    def update(self, piece: memoryview) -> None:
        self._value = self._next_of(piece, self._value)

    def text(self) -> str:
        return b64encode(self._value.to_bytes(self._size_bytes, "big")).decode()


def _crc64nvme() -> _Crc:
    from awscrt.checksums import crc64nvme

    return _Crc(lambda piece, before: int(crc64nvme(piece, before)), 8)


def _crc32c() -> _Crc:
    from awscrt.checksums import crc32c

    return _Crc(lambda piece, before: int(crc32c(piece, before)), 4)


_ALGORITHMS: Mapping[str, Callable[[], Digest]] = {
    "CRC32": lambda: _Crc(zlib.crc32, 4),
    "CRC32C": _crc32c,
    "CRC64NVME": _crc64nvme,
    "MD5": lambda: _Hashlib("MD5"),
    "SHA1": lambda: _Hashlib("SHA1"),
    "SHA256": lambda: _Hashlib("SHA256"),
}
