"""What a plan says about one key."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from s3plan.schemas.plan.rows import PlanLocation


class ActionKind(StrEnum):
    """The verbs of a plan. `skip` and `conflict` are never performed: they are there to be seen."""

    COPY = "copy"
    UPLOAD = "upload"
    DOWNLOAD = "download"
    RELAY = "relay"  # from one store to another, or for another account: the bytes pass through us
    SAME = "same"  # of a move: both sides have the same bytes already, which is proved and nothing written
    DELETE = "delete"
    REMOVE = "remove"  # of a source, in no row of its own: a batch that removes reads the rows of its copies so
    SKIP = "skip"
    CONFLICT = "conflict"

    @property
    def is_delete(self) -> bool:
        """Whether it takes an object away where its batch points to."""
        return self in _DELETES

    @property
    def is_write(self) -> bool:
        """Whether it brings an object to the destination."""
        return self in _WRITES


_DELETES = frozenset({ActionKind.DELETE, ActionKind.REMOVE})
_WRITES = frozenset({ActionKind.COPY, ActionKind.UPLOAD, ActionKind.DOWNLOAD, ActionKind.RELAY})


def kind_of_writes(source: PlanLocation, destination: PlanLocation, *, is_relayed: bool) -> ActionKind:
    """Return how objects come from one location to the other; `is_relayed`: between buckets, through us."""
    if source.is_folder:
        return ActionKind.UPLOAD
    if destination.is_folder:
        return ActionKind.DOWNLOAD
    return ActionKind.RELAY if is_relayed else ActionKind.COPY


def kinds_of_writes(source: PlanLocation, destination: PlanLocation) -> frozenset[ActionKind]:
    """Return how objects can come from one location to the other: no store copies what another one has."""
    found = {kind_of_writes(source, destination, is_relayed=True)}
    if source.store_name == destination.store_name:
        found.add(kind_of_writes(source, destination, is_relayed=False))
    return frozenset(found)


class Action(NamedTuple):
    """One planned operation on one key, with its pins. A tuple, not a dataclass: millions of them are made.

    `key` is relative to the batch's from-location (delete: to its to-location). The destination key is
    `destination_key` where set, else `key`, relative to the to-location. `source_pin`, `source_version` and
    `destination_pin` are the pins: a write whose `destination_pin` is None expects the destination to be absent.
    They are ETags without quotes, of files stamps. `storage_class` is what the new object gets; None leaves it to the
    store.
    """

    kind: ActionKind
    key: bytes
    size_bytes: int
    reason: str
    source_pin: str | None = None
    source_mtime_ms: int | None = None
    source_version: str | None = None
    destination_pin: str | None = None
    destination_mtime_ms: int | None = None
    destination_key: bytes | None = None
    storage_class: str | None = None


class VerdictKind(StrEnum):
    """How one key is counted in a plan's totals."""

    COPY = "copy"
    OVERWRITE = "overwrite"
    SAME = "same"
    DELETE = "delete"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about one key, and why in one clause.

    `rule` is the reason without its figures ("size differs" for "size 10 -> 12"): totals are kept by it, so there are
    few of them however many objects there are.
    """

    kind: VerdictKind
    rule: str
    reason: str
