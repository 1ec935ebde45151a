"""The ladder of evidence: whether two sides have the same bytes under a key, by what is known of each.

Size and time are no evidence. Checksums of the whole come first, then MD5 sums, then those of parts; where a step knows
nothing, the next one decides. https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass, field

BY_SIZE = "size"
BY_MD5 = "MD5"
BY_PARTS = "MD5 of the parts"
BY_EMPTINESS = "being empty"
CHECKSUM_BYTES = {"CRC64NVME": 8, "CRC32C": 4, "CRC32": 4, "SHA256": 32, "SHA1": 20}
"""The checksums that S3 states, the cheapest first, and how long each is."""
PROOFS = (*CHECKSUM_BYTES, BY_MD5, BY_PARTS, BY_EMPTINESS)
"""By what two sides may be found the same."""
NOT_COMPARABLE = "not comparable"
"""In their place, where nothing tells."""

is_digest = re.compile(r"(?!0{32})[0-9a-f]{32}").fullmatch
"""Whether an ETag looks like an MD5 sum, in small letters."""
_OF_PARTS = re.compile(r"(?!0{32})[0-9a-f]{32}-([1-9][0-9]{0,4})").fullmatch
is_no_digest = re.compile(r"0{32}(-[0-9]+)?").fullmatch
"""Whether an ETag stands where a store knows none (MinIO's, of files that it has found): equal ones prove nothing."""


@dataclass(frozen=True, slots=True)
class KnownBytes:
    """What is known of the bytes on one side, whoever has found it out.

    `checksums` are of all bytes, by S3's names, in base64; what cannot be one counts for nothing. `md5` is in hex, and
    `is_exact` whether it is that for certain: under SSE-KMS and SSE-C an ETag only looks alike, so that equal ones
    prove something and different ones do not. `of_parts` are ETags that objects of these bytes have, or would have, if
    they were uploaded in parts; `part_bytes` is how they were cut, all parts but the last alike, where that is certain.
    """

    size_bytes: int
    checksums: Mapping[str, str] = field(default_factory=dict)
    md5: str | None = None
    is_exact: bool = True
    of_parts: frozenset[str] = frozenset()
    part_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """What a step has decided; `of_one` and `of_other` are what it has compared."""

    is_same: bool
    by: str
    of_one: str = ""
    of_other: str = ""


def known_of_object(
    size_bytes: int, etag: str, *, checksums: Mapping[str, str] | None = None, is_exact: bool
) -> KnownBytes:
    """Return what an object's listing, and perhaps its HEAD, tell; `is_exact` as in KnownBytes, as far as is known."""
    small = etag.lower()
    return KnownBytes(
        size_bytes,
        {} if checksums is None else checksums,
        md5=small if is_digest(small) else None,
        is_exact=is_exact,
        of_parts=frozenset({small}) if _OF_PARTS(small) else frozenset(),
    )


def parts_of_etag(etag: str) -> int | None:
    """Return of how many parts an object was made, as far as its ETag tells."""
    cut = _OF_PARTS(etag.lower())
    return None if cut is None else int(cut[1])


def is_of_bytes(etag: str) -> bool:
    """Return whether an ETag looks like sums of an object's bytes, by which those of two stores are compared."""
    return is_digest(etag.lower()) is not None or parts_of_etag(etag) is not None


def compare_bytes(one: KnownBytes, other: KnownBytes) -> Compared | None:
    """Return what the first step says that knows something; None if none does."""
    if one.size_bytes != other.size_bytes:
        return Compared(False, BY_SIZE, str(one.size_bytes), str(other.size_bytes))  # noqa: FBT003
    if not one.size_bytes:
        return Compared(True, BY_EMPTINESS)  # noqa: FBT003
    return _by_checksums(one.checksums, other.checksums) or _by_md5(one, other) or _by_parts(one, other)


_EMPTY = Compared(True, BY_EMPTINESS)  # noqa: FBT003
_SAME_MD5 = Compared(True, BY_MD5)  # noqa: FBT003
_SAME_PARTS = Compared(True, BY_PARTS)  # noqa: FBT003


def proven_by_listing(size_bytes: int, etag: str) -> Compared | None:
    """Return what size and ETag prove of two objects that are listed with the same of both, as compare_bytes would."""
    if not size_bytes:
        return _EMPTY
    if is_digest(etag):
        return _SAME_MD5
    return _SAME_PARTS if _OF_PARTS(etag) else None


def stated_checksum(stated: Mapping[str, str]) -> str | None:
    """Return the cheapest algorithm of which a usable checksum is stated."""
    return next((name for name in CHECKSUM_BYTES if _is_checksum(name, stated.get(name))), None)


def _by_checksums(one: Mapping[str, str], other: Mapping[str, str]) -> Compared | None:
    """Compare by all that both have: a single difference proves it, whatever else is equal."""
    if not one or not other:
        return None
    shared = [
        name for name in CHECKSUM_BYTES if _is_checksum(name, one.get(name)) and _is_checksum(name, other.get(name))
    ]
    if not shared:
        return None
    by = next((name for name in shared if one[name] != other[name]), shared[0])
    return Compared(one[by] == other[by], by, one[by], other[by])


def _by_md5(one: KnownBytes, other: KnownBytes) -> Compared | None:
    if one.md5 is None or other.md5 is None:
        return None
    is_same = one.md5 == other.md5
    if not is_same and not (one.is_exact and other.is_exact):
        return None
    return Compared(is_same, BY_MD5, one.md5, other.md5)


def _by_parts(one: KnownBytes, other: KnownBytes) -> Compared | None:
    """Equal ones prove the same bytes; different ones nothing, unless both sides are known to be cut alike."""
    shared = one.of_parts & other.of_parts
    if shared:
        return Compared(True, BY_PARTS, min(shared), min(shared))  # noqa: FBT003
    is_cut_alike = one.part_bytes is not None and one.part_bytes == other.part_bytes
    if not (is_cut_alike and one.is_exact and other.is_exact and one.of_parts and other.of_parts):
        return None
    return Compared(False, BY_PARTS, min(one.of_parts), min(other.of_parts))  # noqa: FBT003


def _is_checksum(name: str, value: str | None) -> bool:
    try:
        return value is not None and len(b64decode(value, validate=True)) == CHECKSUM_BYTES[name]
    except (NotBase64, ValueError):
        return False
