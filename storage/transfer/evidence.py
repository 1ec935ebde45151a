"""The ladder: whether what stands at the destination is what an action would have made.

A 412 never decides alone, nor does a timeout or a 500: an engine may have retried by itself, and a committed write
whose reply was lost comes back as a plain 412.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5

from s3plan.schemas.evidence.ladder import is_no_digest, is_of_bytes
from s3plan.schemas.outcomes import Evidence
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.requests.customer_keys import is_free_of_digests
from s3plan.schemas.requests.objects import ObjectFound
from s3plan.storage.s3.wire.store_clock import DATE_GRAIN_MS

_MD5_HEX_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Made:
    """What an action would have made, as far as it is known.

    `unclear_since_ms` is the durable start, by the store's clock, of the first attempt at it whose end is not known;
    None if the end of each is known. `source` is the pinned source and no other object, None if it was not looked at.
    """

    action: Action
    unclear_since_ms: int | None
    multipart_etag: str | None = None  # computed from the ETags of the parts
    source: ObjectFound | None = None
    tells_time: bool = True  # size and time may be all that shows it


def evidence_of(found: ObjectFound, made: Made) -> Evidence | None:
    """Return what shows that `found` is the action's work, or None if nothing does."""
    action = made.action
    if found.size_bytes != action.size_bytes:
        return None
    # An overwrite by the same bytes leaves the ETag as it was: then only the time can tell.
    keeps_etag = action.destination_pin is not None and action.destination_pin in (
        action.source_pin,
        made.multipart_etag,
    )
    is_same = found.etag in (action.source_pin, made.multipart_etag) and not is_no_digest(found.etag)
    if action.kind is ActionKind.RELAY and not is_of_bytes(found.etag):
        is_same = False  # two stores may count their objects alike
    if is_same and (not keeps_etag or _is_newer(found, made)):
        return Evidence.BY_ETAG if found.etag == action.source_pin else Evidence.BY_PARTS
    if found.etag == action.destination_pin:
        return None
    agrees = _checksums_agree(found.checksums, {} if made.source is None else made.source.checksums)
    if agrees is not None:
        return Evidence.BY_CHECKSUM if agrees else None
    if made.unclear_since_ms is None or found.mtime_ms <= made.unclear_since_ms or not made.tells_time:
        return None
    return None if _has_other_md5(found, made) else Evidence.BY_SIZE_AND_TIME


def _is_newer(found: ObjectFound, made: Made) -> bool:
    """Return whether the same bytes may have been written since. If they were not, they are once more: no harm."""
    planned_ms, since_ms = made.action.destination_mtime_ms, made.unclear_since_ms
    if since_ms is None:
        return False
    is_since = found.mtime_ms > since_ms - DATE_GRAIN_MS
    return is_since and (planned_ms is None or found.mtime_ms > planned_ms)


def _checksums_agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool | None:
    """Return whether two objects have the same full-object checksums; None if they share no algorithm."""
    shared = one.keys() & other.keys()
    return all(one[algorithm] == other[algorithm] for algorithm in shared) if shared else None


def _has_other_md5(found: ObjectFound, made: Made) -> bool:
    """Return whether both ETags are MD5 sums, as far as is known; they differ, so the bytes do."""
    return _is_md5(found.etag, found) and _is_md5(made.action.source_pin or "", made.source)


def _is_md5(etag: str, owner: ObjectFound | None) -> bool:
    """Return whether an ETag is an MD5 sum. 32 hex digits are one, but under KMS and SSE-C, where they only look alike.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
    """
    hides = owner is not None and is_free_of_digests(owner.encryption)
    return len(etag) == _MD5_HEX_LENGTH and all(digit in "0123456789abcdefABCDEF" for digit in etag) and not hides


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
