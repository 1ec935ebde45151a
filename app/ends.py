"""Both ends of a job as a person must be able to recognise them: which store, whose, and reached how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from s3plan.planner.manifest.file import parse_manifest
from s3plan.schemas.errors import ManifestInvalid
from s3plan.schemas.manifest.connections import Connection
from s3plan.schemas.plan.header import ListingRecord, PlanHeader
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.stores.names import StoreName
from s3plan.storage.s3.store_quirks import store_at


@dataclass(frozen=True, slots=True)
class PlanEnd:
    """A location, and what its connection says about the store and about whoever signs; never a secret.

    `is_made_by_apply`: the bucket does not exist yet. `endpoint_is_from_environment`: no manifest named it.
    """

    location: PlanLocation
    is_aws: bool
    endpoint_is_from_environment: bool = False
    signed_by: str | None = None  # `profile prod`, `role arn:...`; None: what the environment gives
    checks_certificate: bool = True
    is_made_by_apply: bool = False
    account: str | None = None  # that the credentials were of when the plan was made, where it could be learnt


@dataclass(frozen=True, slots=True)
class JobEnds:
    """Where a job reads, if it does, and where it writes or deletes."""

    job: str
    source: PlanEnd | None
    destination: PlanEnd

    @property
    def all(self) -> tuple[PlanEnd, ...]:
        """Both, or the one that there is."""
        return (self.destination,) if self.source is None else (self.source, self.destination)


def ends_of(locations: Iterable[PlanLocation], header: PlanHeader) -> tuple[JobEnds, ...]:
    """Return the ends of each job of a plan; its own manifest says how their connections are meant."""
    connections = _connections(header)
    places = {location.id: location for location in locations}

    accounts = {record.connection: record.account for record in header.accounts}

    def end(location: int, listing: ListingRecord) -> PlanEnd:
        place = places[location]
        found = _end(place, connections.get(place.connection), is_made_by_apply=not listing.bucket_exists)
        return found if place.is_folder else replace(found, account=accounts.get(place.connection))

    return tuple(
        JobEnds(
            job.name,
            None if job.from_location is None or job.source is None else end(job.from_location, job.source),
            end(job.to_location, job.destination),
        )
        for job in header.jobs
    )


def _end(location: PlanLocation, connection: Connection | None, *, is_made_by_apply: bool) -> PlanEnd:
    named = None if connection is None else connection.endpoint
    return PlanEnd(
        location,
        is_aws=store_at(location.endpoint) is StoreName.AWS,
        endpoint_is_from_environment=location.endpoint is not None and named is None,
        signed_by=None if connection is None else _signed_by(connection),
        checks_certificate=connection is None or connection.tls_verify,
        is_made_by_apply=is_made_by_apply,
    )


def _connections(header: PlanHeader) -> Mapping[str, Connection]:
    record = header.manifest
    try:
        return parse_manifest(record.resolved.encode(), path=Path(record.path)).manifest.connections
    except ManifestInvalid:  # a manifest of another version: apply will say so
        return {}


def _signed_by(connection: Connection) -> str | None:
    if connection.anonymous:
        return "no credentials"
    if connection.role_arn is not None:
        return f"role {connection.role_arn}"
    if connection.profile is not None:
        return f"profile {connection.profile}"
    return None if connection.env_prefix is None else f"the variables {connection.env_prefix}*"
