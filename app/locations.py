"""From a manifest's source and destination to locations whose store, region and owner are known."""

from __future__ import annotations

from dataclasses import dataclass

from s3plan.app.stores import Stores
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.manifest_locations import Destination, Source
from s3plan.schemas.plan import LocationRole, PlanLocation
from s3plan.storage.buckets import BucketMissing, find_region, is_owned_by_another
from s3plan.storage.connections import effective_endpoint, effective_region
from s3plan.storage.patience import Patience

_FIRST_CONTACT = Patience(attempts=5)  # a misspelt endpoint is told of within seconds


@dataclass(frozen=True, slots=True)
class FoundLocation:
    """A location and whether its bucket is there."""

    location: PlanLocation
    exists: bool


def find_location(stores: Stores, place: Source | Destination, *, role: LocationRole) -> FoundLocation:
    """Ask the store where the bucket is.

    Raises BucketMissing unless it is a destination with `create: true`, PlanRefused if it is not owned by whom the
    manifest expects, StoreRefused, CredentialsUnusable.
    """
    connection = place.connection or ""
    settings = stores.settings_of(connection)
    region = place.region or settings.region
    engine = stores.open(connection, region=region)
    owner = place.expected_bucket_owner
    exists = True
    try:
        region = find_region(engine, place.bucket, owner=owner, patience=_FIRST_CONTACT) or region
    except BucketMissing as missing:
        exists = False
        if not isinstance(place, Destination):
            raise
        if not place.create:
            raise BucketMissing(f"{missing}; for a new one say `create: true`", failure=missing.failure) from missing
        region = region or effective_region(settings)  # what is approved is where it is made, whoever applies
    if exists and is_owned_by_another(engine, place.bucket, owner=owner):
        raise PlanRefused(f"s3://{place.bucket} is not owned by {owner}, as expected_bucket_owner says")
    location = PlanLocation(
        id=1 if role is LocationRole.SOURCE else 2,
        role=role,
        url=f"s3://{place.bucket}/{place.key_prefix}",
        connection=connection,
        endpoint=effective_endpoint(settings),
        region=region,
        bucket=place.bucket,
        prefix=place.key_prefix,
        owner=owner,
    )
    return FoundLocation(location, exists)
