"""Whether two places are one under two names: whoever moves from one to the other would delete what he has moved.

Names tell most of them apart. Where they do not, an object is made at one place, and looked for at the other.
"""

from __future__ import annotations

import os
from pathlib import Path

from s3plan.schemas.errors import S3PlanError, StoreRefused
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.plan.conditions import Enforcement
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import HeadObject, ObjectFound
from s3plan.storage.conditions.capabilities import CapabilityCache, known_capabilities
from s3plan.storage.conditions.probe_requests import Probe, UnclearAnswer
from s3plan.storage.listing.object_look import listing_of, says_nothing, told_by_listing
from s3plan.storage.places.mounts import file_system_of
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import refusal_of
from s3plan.storage.s3.store_quirks import is_known_by_host

ACCESS_POINT_ENDS = ("-s3alias", "--ol-s3", "--xa-s3")
_FROM_ELSEWHERE = ("fuse", "nfs", "cifs", "smb", "9p", "ceph")
_DOING = "looking whether two places are one"


def may_be_one(bucket: PlanLocation, other: PlanLocation) -> bool:
    """Return whether a place in a bucket and another place could be one without their names saying so.

    The makers of some stores say that a bucket has one name, but for access points; others let it have many. Which
    store it is, its host must say: a row that a manifest names may be the wrong one. A folder may be a mounted bucket
    if its files come from elsewhere.
    """
    if other.is_folder:
        return (file_system_of(Path(other.path or "")) or "").startswith(_FROM_ELSEWHERE)
    if bucket.whole_bucket == other.whole_bucket:
        return False  # then the prefixes tell
    has_one_name = all(
        is_known_by_host(place.store, place.endpoint)
        and Enforcement.UNKNOWN not in known_capabilities(place.store).values()
        for place in (bucket, other)
    )
    return not has_one_name or any(place.bucket.endswith(ACCESS_POINT_ENDS) for place in (bucket, other))


def are_nested(bucket: PlanLocation, other: PlanLocation) -> bool:
    """Return whether of two places in buckets one would lie within the other if the buckets were one."""
    shorter, longer = sorted((bucket.prefix, other.prefix), key=len)
    return not (bucket.is_folder or other.is_folder) and shorter != longer and longer.startswith(shorter)


def shows_at(
    bucket: PlanLocation,
    engine: Engine,
    other: PlanLocation,
    *,
    other_engine: Engine | None,
    cache: CapabilityCache,
    patience: Patience,
) -> bool:
    """Return whether an object made in a bucket is seen at the other place; it is removed again.

    It is looked for under the same key below the other place's prefix, and where one of two places may lie within the
    other under its whole key. `other_engine` is None for a folder; `cache` remembers what a killed process left. Raises
    StoreRefused, CredentialsUnusable, and what the hooks of `patience` raise.
    """
    is_outer = other.prefix.startswith(bucket.prefix)
    prefix = other.prefix if is_outer else bucket.prefix  # what is made there is in both, if one is in the other
    probe = Probe(engine, bucket.bucket, prefix, owner=bucket.owner, patience=patience)
    cache.note_confirmation(bucket.endpoint, bucket.bucket, stem=probe.stem)
    made = probe.key("-source")
    keys = [other.prefix + made.removeprefix(bucket.prefix)]
    if are_nested(bucket, other):
        keys.append(made)
    try:
        try:
            probe.begin()
            probe.write("-source")
            is_seen = any(_is_there(other, other_engine, key, patience) for key in keys)
        except UnclearAnswer as unclear:
            said = f"{bucket.bucket}: {_DOING} is not possible now ({unclear}); try again later"
            raise StoreRefused(said, failure=unclear.failure) from None
        finally:
            probe.clean_up()
        probe.check_clean()
    except S3PlanError:
        cache.note_failed_probe(bucket.endpoint, bucket.bucket)  # the next probe removes what is left
        raise
    cache.note_clean(bucket.endpoint, bucket.bucket)
    return is_seen


def _is_there(place: PlanLocation, engine: Engine | None, whole: str, patience: Patience) -> bool:
    if engine is None:
        return os.path.lexists(Path(place.path or "") / whole)
    reply = patience.call(engine, HeadObject(place.bucket, whole, owner=place.owner))
    if says_nothing(reply):
        listing = listing_of(place, whole)
        reply = told_by_listing(whole, listing, patience.call(engine, listing), otherwise=reply)
    if isinstance(reply, Failure) and reply.kind is not FailureKind.NOT_FOUND:
        raise refusal_of(
            reply,
            bucket=place.bucket,
            doing=_DOING,
            clock_offset_ms=engine.clock_offset_ms,
        )
    return isinstance(reply, ObjectFound)
