"""The ladder: whether what stands at the destination is what an action would have made; design.md section 6.

A 412 never decides alone, nor does a timeout or a 500: an engine may have retried by itself, and a committed write
whose reply was lost comes back as a plain 412.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5

from s3plan.schemas.actions import Action
from s3plan.schemas.requests import ObjectFound

BY_ETAG = "by etag"
BY_CHECKSUM = "by checksum"
BY_SIZE_AND_TIME = "by size and time"
_MD5_HEX_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Made:
    """What an action would have made, as far as it is known."""

    action: Action
    begun_ms: int  # the batch's durable start by the store's clock
    multipart_etag: str | None = None  # computed from the ETags of the parts
    source_checksums: Mapping[str, str] | None = None  # full-object ones


def evidence_of(found: ObjectFound, made: Made) -> str | None:
    """Return what shows that `found` is the action's work, or None if nothing does."""
    action = made.action
    if found.size_bytes != action.size_bytes:
        return None
    is_written_since = found.mtime_ms >= made.begun_ms
    # An overwrite by the same bytes leaves the ETag as it was: then only the time can tell.
    keeps_etag = action.destination_etag is not None and action.destination_etag in (
        action.source_etag,
        made.multipart_etag,
    )
    if found.etag in (action.source_etag, made.multipart_etag) and (not keeps_etag or _is_newer(found, made)):
        return BY_ETAG
    if found.etag == action.destination_etag:
        return None
    if _share_a_checksum(found.checksums, made.source_checksums or {}):
        return BY_CHECKSUM
    return BY_SIZE_AND_TIME if is_written_since else None


def _is_newer(found: ObjectFound, made: Made) -> bool:
    planned_ms = made.action.destination_mtime_ms
    return found.mtime_ms >= made.begun_ms and (planned_ms is None or found.mtime_ms > planned_ms)


def _share_a_checksum(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return any(other.get(algorithm) == value for algorithm, value in one.items())


def multipart_etag_of(part_etags: Sequence[str]) -> str | None:
    """Return the ETag that S3 gives an object of these parts; None if the parts' ETags are not MD5 sums.

    md5 of the parts' md5 sums, a dash, the number of parts: how S3 makes it for plain and SSE-S3 objects
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).
    """
    digest = md5(usedforsecurity=False)
    for etag in part_etags:
        if len(etag) != _MD5_HEX_LENGTH:
            return None
        try:
            digest.update(bytes.fromhex(etag))
        except ValueError:
            return None
    return f"{digest.hexdigest()}-{len(part_etags)}" if part_etags else None
