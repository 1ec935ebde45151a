"""From a manifest's source and destination to locations whose store, region and owner are known."""

from __future__ import annotations

from dataclasses import dataclass

from s3plan.app.stores import Stores
from s3plan.schemas.errors import PlanRefused, StoreRefused
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.manifest_locations import Destination, Source
from s3plan.schemas.plan import LocationRole, PlanLocation
from s3plan.storage.buckets import BucketMissing, find_region
from s3plan.storage.connections import effective_endpoint


@dataclass(frozen=True, slots=True)
class FoundLocation:
    """A location and whether its bucket is there."""

    location: PlanLocation
    exists: bool


def find_location(stores: Stores, place: Source | Destination, *, role: LocationRole) -> FoundLocation:
    """Ask the store where the bucket is; raise BucketMissing unless it is a destination with `create: true`."""
    connection = place.connection or ""
    settings = stores.settings_of(connection)
    endpoint = effective_endpoint(settings)
    wanted = place.region or settings.region
    engine = stores.open(connection, region=wanted)
    exists = True
    region = wanted
    try:
        region = wanted or find_region(engine, place.bucket, owner=place.expected_bucket_owner)
        if wanted is not None:
            region = find_region(engine, place.bucket, owner=place.expected_bucket_owner) or wanted
    except BucketMissing:
        if role is LocationRole.SOURCE or not (isinstance(place, Destination) and place.create):
            raise
        exists = False
    except StoreRefused as refused:
        _check_owner(stores, place, connection, wanted, refused)
        raise
    prefix = place.key_prefix
    location = PlanLocation(
        id=1 if role is LocationRole.SOURCE else 2,
        role=role,
        url=f"s3://{place.bucket}/{prefix}",
        connection=connection,
        endpoint=endpoint,
        region=region,
        bucket=place.bucket,
        prefix=prefix,
        owner=place.expected_bucket_owner,
    )
    return FoundLocation(location, exists)


def _check_owner(
    stores: Stores, place: Source | Destination, connection: str, region: str | None, refused: StoreRefused
) -> None:
    """Tell another owner from a missing permission: without the expected owner the same request is answered."""
    is_denied = refused.failure is not None and refused.failure.kind is FailureKind.DENIED
    if is_denied and is_owned_by_another(stores, place.bucket, connection, region, place.expected_bucket_owner):
        raise PlanRefused(
            f"s3://{place.bucket} is not owned by {place.expected_bucket_owner}, as expected_bucket_owner says"
        ) from refused


def is_owned_by_another(stores: Stores, bucket: str, connection: str, region: str | None, owner: str | None) -> bool:
    """Return whether the bucket answers, but not to those who expect this owner."""
    if owner is None:
        return False
    try:
        find_region(stores.open(connection, region=region), bucket)
    except StoreRefused:
        return False
    return True
