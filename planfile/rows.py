"""The tables of a plan and how their rows become values: types are checked, because SQLite checks none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import starmap
from pathlib import Path
from typing import Any

from s3plan.planfile.encoding import Encodable
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.rows import Batch, Edge, EdgeNeed, LocationKind, Phase, PhaseName, PlanLocation
from s3plan.schemas.stores.names import StoreName

# "s3pl" in the SQLite file's application_id, bytes 68 to 71 (https://www.sqlite.org/fileformat2.html).
APPLICATION_ID = 0x7333706C
SCHEMA_TEXT = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")

MAX_HEADER_BYTES = 16 << 20  # a manifest has 1 MiB at most, and an escape takes six bytes
MAX_ROW_BYTES = 16 << 10  # of any other row: a key and a version have 1,024 bytes each, a reason is a clause
MAX_BATCH_ACTIONS = 10_000

_INT, _TEXT, _BINARY = frozenset({int}), frozenset({str}), frozenset({bytes})
_INT_OR_NULL, _TEXT_OR_NULL, _BINARY_OR_NULL = (kinds | {type(None)} for kinds in (_INT, _TEXT, _BINARY))

Columns = dict[str, frozenset[type]]

LOCATION_COLUMNS: Columns = {
    "id": _INT,
    "kind": _TEXT,
    "url": _TEXT,
    "connection": _TEXT,
    "endpoint": _TEXT_OR_NULL,
    "region": _TEXT_OR_NULL,
    "bucket": _TEXT,
    "prefix": _TEXT,
    "owner": _TEXT_OR_NULL,
    "path": _TEXT_OR_NULL,
    "root_inode": _INT_OR_NULL,
    "follows": _INT,
    "has_short_stamps": _INT,
    "trash": _TEXT_OR_NULL,
    "stays_on_device": _INT,
    "store": _TEXT,
    "customer_key": _TEXT_OR_NULL,
    "customer_key_fingerprint": _TEXT_OR_NULL,
}
PHASE_COLUMNS: Columns = {"id": _INT, "job": _TEXT, "name": _TEXT}
EDGE_COLUMNS: Columns = {"before_phase": _INT, "after_phase": _INT, "needs": _TEXT}
BATCH_COLUMNS: Columns = {
    "id": _INT,
    "phase": _INT,
    "from_location": _INT_OR_NULL,
    "to_location": _INT_OR_NULL,
    "first_action": _INT,
    "actions": _INT,
    "size_bytes": _INT,
    "digest": _BINARY,
    "of_batch": _INT_OR_NULL,
}
ACTION_COLUMNS: Columns = {  # without the id
    "kind": _TEXT,
    "key": _BINARY,
    "size_bytes": _INT,
    "reason": _TEXT,
    "source_pin": _TEXT_OR_NULL,
    "source_mtime_ms": _INT_OR_NULL,
    "source_version": _TEXT_OR_NULL,
    "destination_pin": _TEXT_OR_NULL,
    "destination_mtime_ms": _INT_OR_NULL,
    "destination_key": _BINARY_OR_NULL,
    "storage_class": _TEXT_OR_NULL,
}

_TEXT_OF_KIND = {kind: str(kind.value) for kind in ActionKind}
_KIND_OF_TEXT = {text: kind for kind, text in _TEXT_OF_KIND.items()}

Row = tuple[Any, ...]
ColumnValues = tuple[tuple[Any, ...], ...]


class RowInvalid(Exception):
    """A row that no plan of this format can hold; the message is a clause without the file's name."""


def expected_schema() -> list[Row]:
    """Return the rows of sqlite_master that a plan must have, no more and no fewer."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(SCHEMA_TEXT)
        return found_schema(connection)
    finally:
        connection.close()


def found_schema(connection: sqlite3.Connection) -> list[Row]:
    """Return what a database says about its own tables, indices, views and triggers; 100 at most."""
    return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid").fetchmany(100)


def location_row(location: PlanLocation) -> tuple[Encodable, ...]:
    """Return the location's columns in the order of its table."""
    return (
        location.id,
        str(location.kind.value),
        location.url,
        location.connection,
        location.endpoint,
        location.region,
        location.bucket,
        location.prefix,
        location.owner,
        location.path,
        location.root_inode,
        int(location.follows),
        int(location.has_short_stamps),
        location.trash,
        int(location.stays_on_device),
        str(location.store.value),
        location.customer_key,
        location.customer_key_fingerprint,
    )


def phase_row(phase: Phase) -> tuple[Encodable, ...]:
    """Return the phase's columns in the order of its table."""
    return (phase.id, phase.job, str(phase.name.value))


def edge_row(edge: Edge) -> tuple[Encodable, ...]:
    """Return the edge's columns in the order of its table."""
    return (edge.before, edge.after, str(edge.needs.value))


def batch_row(batch: Batch) -> tuple[Encodable, ...]:
    """Return the batch's columns in the order of its table."""
    return (
        batch.id,
        batch.phase,
        batch.from_location,
        batch.to_location,
        batch.first_action,
        batch.actions,
        batch.size_bytes,
        batch.digest,
        batch.of_batch,
    )


def location_of(row: Row) -> PlanLocation:
    """Return the location that a row of its table holds; raise RowInvalid."""
    check_row(row, LOCATION_COLUMNS)
    kind = row[1]
    if kind not in set(LocationKind):
        raise RowInvalid(f"there is no kind of location {kind!a}")
    follows, has_short_stamps, trash, stays_on_device, store, *keys = row[-7:]
    if not {follows, has_short_stamps, stays_on_device} <= {0, 1}:
        raise RowInvalid(f"location {row[0]} says neither yes nor no")
    if store not in set(StoreName):
        raise RowInvalid(f"there is no kind of store {store!a}; a newer s3plan may have it")
    ways = [bool(follows), bool(has_short_stamps), trash, bool(stays_on_device), StoreName(store)]
    return PlanLocation(row[0], LocationKind(kind), *row[2:-7], *ways, *keys)


def phase_of(row: Row) -> Phase:
    """Return the phase that a row of its table holds; raise RowInvalid."""
    check_row(row, PHASE_COLUMNS)
    name = row[2]
    if name not in set(PhaseName):
        raise RowInvalid(f"there is no phase {name!a}")
    return Phase(row[0], row[1], PhaseName(name))


def edge_of(row: Row) -> Edge:
    """Return the edge that a row of its table holds; raise RowInvalid."""
    check_row(row, EDGE_COLUMNS)
    before, after, needs = row
    if needs not in set(EdgeNeed):
        raise RowInvalid(f"there is no edge that needs {needs!a}")
    return Edge(before, after, EdgeNeed(needs))


def batch_of(row: Row) -> Batch:
    """Return the batch that a row of its table holds; raise RowInvalid."""
    check_row(row, BATCH_COLUMNS)
    return Batch(*row)


def action_columns(actions: Sequence[Action]) -> ColumnValues:
    """Return the columns of a batch's actions, kinds as text; one tuple for each entry of ACTION_COLUMNS."""
    kinds, *others = zip(*actions, strict=True)
    return (tuple([_TEXT_OF_KIND[kind] for kind in kinds]), *others)


def actions_of(columns: ColumnValues) -> tuple[Action, ...]:
    """Return the actions that columns hold, whose types were checked; raise RowInvalid for an unknown kind."""
    unknown = set(columns[0]) - _KIND_OF_TEXT.keys()
    if unknown:
        raise RowInvalid(f"there is no action kind {min(unknown)!a}")
    kinds = [_KIND_OF_TEXT[text] for text in columns[0]]
    return tuple(starmap(Action, zip(kinds, *columns[1:], strict=True)))


def check_row(row: Row, columns: Columns) -> None:
    """Raise RowInvalid unless every value has a type that its column allows."""
    check_columns(tuple((value,) for value in row), columns)


def check_columns(values: Iterable[Sequence[Any]], columns: Columns) -> None:
    """Raise RowInvalid unless all values of each column have a type that it allows."""
    for name, allowed, column in zip(columns, columns.values(), values, strict=True):
        strange = set(map(type, column)) - allowed
        if strange:
            kinds = ", ".join(sorted(kind.__name__ for kind in strange))
            raise RowInvalid(f"column {name} holds a value of type {kinds}")
