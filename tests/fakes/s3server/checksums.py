"""Content-MD5 and x-amz-checksum-*: checked where the standard library can, kept with the object."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping

from fakes.s3server.body import Body
from fakes.s3server.errors import S3Error

PREFIX = "x-amz-checksum-"
UNCHECKED = ("crc32c",)


def _crc32(chunks: Iterable[bytes | memoryview]) -> bytes:
    value = 0
    for chunk in chunks:
        value = zlib.crc32(chunk, value)
    return value.to_bytes(4, "big")


def _crc64nvme(chunks: Iterable[bytes | memoryview]) -> bytes:
    from awscrt.checksums import crc64nvme  # most servers never need it

    value = 0
    for chunk in chunks:
        value = crc64nvme(chunk, value)
    return value.to_bytes(8, "big")


def _hashed(name: str) -> Callable[[Iterable[bytes | memoryview]], bytes]:
    def digest(chunks: Iterable[bytes | memoryview]) -> bytes:
        hasher = hashlib.new(name, usedforsecurity=False)
        for chunk in chunks:
            hasher.update(chunk)
        return hasher.digest()

    return digest


_CHECKED = {"crc32": _crc32, "crc64nvme": _crc64nvme, "sha1": _hashed("sha1"), "sha256": _hashed("sha256")}


def check_body(headers: Mapping[str, str], data: bytes) -> dict[str, str]:
    """Compare what the headers promise with the bytes; returns the checksum headers to keep. Raises BadDigest."""
    md5 = headers.get("content-md5")
    if md5 is not None and _decoded(md5, size=16) != hashlib.md5(data, usedforsecurity=False).digest():
        raise S3Error("BadDigest")
    kept = {}
    for name in (*_CHECKED, *UNCHECKED):
        given = headers.get(PREFIX + name)
        if given is None:
            continue
        if name in _CHECKED and _decoded(given, size=None) != _CHECKED[name]((data,)):
            raise S3Error("BadDigest", f"The {name.upper()} you specified did not match the calculated checksum.")
        kept[PREFIX + name] = given
    return kept


def check_whole(headers: Mapping[str, str], body: Body) -> dict[str, str]:
    """Compare what is said of a multipart object with all of its bytes; returns what to keep. Raises BadDigest."""
    given = headers.get(f"{PREFIX}crc64nvme")
    if given is None:
        return {}
    if _decoded(given, size=8) != _crc64nvme(body.chunks()):
        raise S3Error("BadDigest", "The CRC64NVME you specified did not match the calculated checksum.")
    return {f"{PREFIX}crc64nvme": given}


def is_guarded(headers: Mapping[str, str]) -> bool:
    """Whether a body comes with a digest, as DeleteObjects demands."""
    return "content-md5" in headers or any(PREFIX + name in headers for name in (*_CHECKED, *UNCHECKED))


def computed_checksums(algorithm: str, body: Body) -> dict[str, str]:
    """The checksum that a copy was asked for; none for synthetic bodies and algorithms we cannot compute."""
    compute = _CHECKED.get(algorithm.lower())
    if compute is None or body.synthetic:
        return {}
    return {PREFIX + algorithm.lower(): base64.b64encode(compute(body.chunks())).decode()}


def _decoded(text: str, *, size: int | None) -> bytes:
    try:
        value = base64.b64decode(text, validate=True)
    except binascii.Error:
        value = b""
    if not value or (size is not None and len(value) != size):
        raise S3Error("InvalidDigest", "The Content-MD5 or checksum value that you specified is not valid.")
    return value
