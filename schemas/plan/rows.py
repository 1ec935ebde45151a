"""What a plan says beside its header and its actions: rows of locations, phases, edges and batches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LocationRole(StrEnum):
    """Which end of a job a location is."""

    SOURCE = "source"
    DESTINATION = "destination"


@dataclass(frozen=True, slots=True)
class PlanLocation:
    """One end of a job. `connection` is a name of the manifest, empty for the default one. Never a secret."""

    id: int
    role: LocationRole
    url: str
    connection: str
    endpoint: str | None
    region: str | None
    bucket: str
    prefix: str
    owner: str | None = None  # expected account id, sent as x-amz-expected-bucket-owner


class PhaseName(StrEnum):
    """What a phase does; `aside` holds what is planned but never performed (skips, conflicts)."""

    PREPARE = "prepare"
    COPY = "copy"
    DELETE = "delete"
    ASIDE = "aside"


@dataclass(frozen=True, slots=True)
class Phase:
    """One node of the DAG: one step of one job. Its batches may run in any order."""

    id: int
    job: str
    name: PhaseName


@dataclass(frozen=True, slots=True)
class Edge:
    """`after` starts only when `before` has ended well."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The unit that executors run: a contiguous range of actions in key order. Ids begin at 1 and have no gaps."""

    id: int
    phase: int
    from_location: int | None
    to_location: int | None
    first_action: int
    actions: int
    size_bytes: int
    digest: bytes
