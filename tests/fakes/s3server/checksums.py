"""Content-MD5 and x-amz-checksum-*: checked, and kept with the object; of parts as S3 combines them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence

from fakes.s3server.body import Body
from fakes.s3server.errors import S3Error

PREFIX = "x-amz-checksum-"
SUMS_OF_SUMS = frozenset({"sha1", "sha256"})
"""Those of which S3 has no FULL_OBJECT of parts."""


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


def _crc32c(chunks: Iterable[bytes | memoryview]) -> bytes:
    from awscrt.checksums import crc32c

    value = 0
    for chunk in chunks:
        value = crc32c(chunk, value)
    return value.to_bytes(4, "big")


def _hashed(name: str) -> Callable[[Iterable[bytes | memoryview]], bytes]:
    def digest(chunks: Iterable[bytes | memoryview]) -> bytes:
        hasher = hashlib.new(name, usedforsecurity=False)
        for chunk in chunks:
            hasher.update(chunk)
        return hasher.digest()

    return digest


_CHECKED = {
    "crc32": _crc32,
    "crc32c": _crc32c,
    "crc64nvme": _crc64nvme,
    "sha1": _hashed("sha1"),
    "sha256": _hashed("sha256"),
}


def check_body(headers: Mapping[str, str], data: bytes) -> dict[str, str]:
    """Compare what the headers promise with the bytes; returns the checksum headers to keep. Raises BadDigest."""
    md5 = headers.get("content-md5")
    if md5 is not None and _decoded(md5, size=16) != hashlib.md5(data, usedforsecurity=False).digest():
        raise S3Error("BadDigest")
    kept = {}
    for name, compute in _CHECKED.items():
        given = headers.get(PREFIX + name)
        if given is None:
            continue
        if _decoded(given, size=None) != compute((data,)):
            raise S3Error("BadDigest", f"The {name.upper()} you specified did not match the calculated checksum.")
        kept[PREFIX + name] = given
    if len(kept) > 1:
        raise S3Error("InvalidRequest", "Expecting a single x-amz-checksum- header")
    return kept


def asked_of_upload(headers: Mapping[str, str]) -> str | None:
    """The algorithm of an upload's checksums, None for one of parts that have each its own. Raises InvalidRequest."""
    asked = headers.get("x-amz-checksum-algorithm")
    if asked is None:
        return None
    algorithm = asked.lower()
    if algorithm not in _CHECKED:
        raise S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.")
    usual = "FULL_OBJECT" if algorithm == "crc64nvme" else "COMPOSITE"
    wants = headers.get("x-amz-checksum-type", usual)
    if wants not in {"FULL_OBJECT", "COMPOSITE"} or (wants == "FULL_OBJECT") is (algorithm in SUMS_OF_SUMS):
        # AWS makes a COMPOSITE of CRC32 and CRC32C as well; nobody here asks for one.
        raise S3Error("InvalidRequest", f"The {wants} checksum type cannot be used with the {algorithm} algorithm.")
    return algorithm


def sum_of_sums(algorithm: str, sums: Sequence[str]) -> dict[str, str]:
    """The COMPOSITE of an object of parts with these checksums."""
    value = _CHECKED[algorithm]([base64.b64decode(each) for each in sums])
    return {PREFIX + algorithm: f"{base64.b64encode(value).decode()}-{len(sums)}"}


def other_than(value: str) -> str:
    """A checksum of the same form, of other bytes."""
    return ("B" if value.startswith("A") else "A") + value[1:]


def is_of_parts(sums: Mapping[str, str]) -> bool:
    """Whether they are COMPOSITE: - is no sign of base64."""
    return any("-" in value for value in sums.values())


def as_xml(sums: Mapping[str, str]) -> str:
    """How answers name them."""
    names = {name: name.removeprefix(PREFIX).upper() for name in sums}
    return "".join(f"<Checksum{names[name]}>{value}</Checksum{names[name]}>" for name, value in sums.items())


def check_whole(headers: Mapping[str, str], body: Body, algorithm: str | None) -> dict[str, str]:
    """Compare what is said of a multipart object with all of its bytes; returns what to keep. Raises BadDigest."""
    given = headers.get(f"{PREFIX}crc64nvme")
    if given is None:
        return {} if algorithm is None else computed_checksums(algorithm, body)
    if _decoded(given, size=8) != _crc64nvme(body.chunks()):
        raise S3Error("BadDigest", "The CRC64NVME you specified did not match the calculated checksum.")
    return {f"{PREFIX}crc64nvme": given}


def is_guarded(headers: Mapping[str, str]) -> bool:
    """Whether a body comes with a digest, as DeleteObjects demands."""
    return "content-md5" in headers or any(PREFIX + name in headers for name in _CHECKED)


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
