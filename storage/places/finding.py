"""From what a manifest says of a place to a location whose store, region and owner are known."""

from __future__ import annotations

from s3plan.schemas.errors import PlanRefused, StoreRefused
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.files.urls import FolderUrl
from s3plan.schemas.manifest.locations import DeletedFrom, Destination, Location, Source
from s3plan.schemas.manifest.words import StampKind, Symlinks
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.schemas.stores.names import StoreName
from s3plan.storage.places.buckets import BucketMissing, find_region, is_owned_by_another, looks_at_owners
from s3plan.storage.places.folder import FolderWays, find_folder
from s3plan.storage.places.location import FoundLocation
from s3plan.storage.s3.connections.sessions import ConnectionSettings, effective_endpoint, effective_region
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.store_quirks import store_at

_UNKNOWN_HEADER = frozenset({FailureKind.INVALID, FailureKind.UNSUPPORTED})
_FIRST_CONTACT = Patience(attempts=5)  # a misspelt endpoint is reported within seconds


def find_bucket(
    engine: Engine, place: Source | Destination | DeletedFrom, settings: ConnectionSettings
) -> FoundLocation:
    """Ask the store where the bucket is, by an engine of these settings.

    Raises BucketMissing unless it is a destination with `create: true`, PlanRefused if it is not owned by whom the
    manifest expects, StoreRefused, CredentialsUnusable.
    """
    region = place.region or settings.region
    owner = place.expected_bucket_owner
    exists = True
    warnings: list[str] = []
    try:
        region, owner = _look(engine, place.bucket, owner, warnings)
        region = region or place.region or settings.region
    except BucketMissing as missing:
        exists = False
        if not isinstance(place, Destination) or not place.create:
            new = "; for a new one say `create: true`" if isinstance(place, Destination) else ""
            asked = f"{missing}{_leading_to(effective_endpoint(settings))}{new}"
            raise BucketMissing(asked, failure=missing.failure) from missing
        region = region or effective_region(settings)  # what is approved is where it is made, whoever applies
    if exists and is_owned_by_another(engine, place.bucket, owner=owner):
        raise PlanRefused(f"s3://{place.bucket} is not owned by {owner}, as expected_bucket_owner says")
    is_in_doubt = exists and owner is not None and store_at(effective_endpoint(settings)) is not StoreName.AWS
    if is_in_doubt and not looks_at_owners(engine, place.bucket, owner=owner or "", patience=_FIRST_CONTACT):
        warnings.append(_ignored(place.bucket, "ignores it"))
    location = PlanLocation(
        id=0,
        kind=LocationKind.S3,
        url=f"s3://{place.bucket}/{place.key_prefix}",
        connection=place.connection or "",
        endpoint=effective_endpoint(settings),
        region=region,
        bucket=place.bucket,
        prefix=place.key_prefix,
        owner=owner,
        store=store_at(effective_endpoint(settings), named=settings.store),
    )
    return FoundLocation(location, exists, tuple(warnings))


def is_found_at(place: Location, location: PlanLocation) -> bool:
    """Return whether a location is the one that a manifest names there."""
    path = None if place.folder is None else place.folder.path
    key = None if place.customer_key is None else place.customer_key.text
    said = (key, place.connection or "", place.bucket, place.key_prefix, path, *_folder_ways(place))
    return said == (
        location.customer_key,
        location.connection,
        location.bucket,
        location.prefix,
        location.path,
        location.follows,
        location.has_short_stamps,
        location.trash,
        location.stays_on_device,
    )


def find_named_folder(place: Source | Destination | DeletedFrom, folder: FolderUrl) -> FoundLocation:
    """Look where a folder is that a manifest names as a place, and as what; raises what find_folder raises.

    One that is written to may be missing.
    """
    return find_folder(folder, may_be_missing=isinstance(place, Destination), ways=_folder_ways(place))


def _folder_ways(place: Location) -> FolderWays:
    trash = place.trash.path if isinstance(place, Destination) and place.trash is not None else None
    stays = isinstance(place, Source) and bool(place.one_file_system)
    return FolderWays(place.symlinks is Symlinks.FOLLOW, place.stamp is StampKind.SIZE_MTIME, trash, stays)


def _leading_to(endpoint: str | None) -> str:
    """Return which store was asked, as a clause after "its connection"; nothing for AWS."""
    return "" if endpoint is None else f", which leads to {endpoint}"


def _look(engine: Engine, bucket: str, owner: str | None, warnings: list[str]) -> tuple[str | None, str | None]:
    """Return the bucket's region and whom to expect as its owner: nobody at a store that does not know the header.

    The plan says so then, for whoever approves it; an apply never leaves out what its plan holds.
    """
    try:
        return find_region(engine, bucket, owner=owner, patience=_FIRST_CONTACT), owner
    except StoreRefused as refused:
        if owner is None or refused.failure is None or refused.failure.kind not in _UNKNOWN_HEADER:
            raise
        region = find_region(engine, bucket, patience=_FIRST_CONTACT)
        warnings.append(_ignored(bucket, f"refuses it ({refused.failure})"))
        return region, None


def _ignored(bucket: str, how: str) -> str:
    return f"{bucket}: expected_bucket_owner is not checked: the store {how}"
