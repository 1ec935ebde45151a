"""Reads a plan as what it is: a file that anybody may have touched."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from s3plan.planfile.batch_keys import destination_keys
from s3plan.planfile.batch_rules import WRITING_PHASES, check_actions, check_way, size_of
from s3plan.planfile.database_file import DATABASE_ERRORS, open_database
from s3plan.planfile.digests import columns_digest, content_digest, plan_digest
from s3plan.planfile.documents.header import HeaderInvalid, parse_header
from s3plan.planfile.graph import PhaseGraph
from s3plan.planfile.graph_rules import check_batch_place, check_graph, check_header, check_location
from s3plan.planfile.removals import check_removal, removals_of
from s3plan.planfile.rows import (
    ACTION_COLUMNS,
    MAX_ROW_BYTES,
    ColumnValues,
    Row,
    RowInvalid,
    actions_of,
    batch_of,
    check_columns,
    check_row,
    edge_of,
    location_of,
    phase_of,
)
from s3plan.schemas.errors import PlanDamaged, PlanRefused
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.header import PlanHeader
from s3plan.schemas.plan.rows import Batch, Edge, Phase, PhaseName, PlanLocation, folder_url
from s3plan.schemas.printable import shown_path

_SELECT_ACTIONS = (
    "SELECT kind, key, size_bytes, reason, source_pin, source_mtime_ms, source_version, destination_pin, "
    "destination_mtime_ms, destination_key, storage_class FROM action WHERE id BETWEEN ? AND ?"
)
_COUNT_OVERWRITES = "SELECT count(destination_pin) FROM action WHERE kind != 'same' AND id BETWEEN ? AND ?"
_COUNT_SAME = "SELECT count(*) FROM action WHERE kind = 'same' AND id BETWEEN ? AND ?"
_BINARY = frozenset({bytes})
_HEADER_COLUMNS = {
    "id": frozenset({int}),
    "document": frozenset({str}),
    "content_digest": _BINARY,
    "plan_digest": _BINARY,
}
_MAX_GRAPH_ROWS = 100_000  # of locations, phases and edges, each: a plan's jobs are written by people

_Value = TypeVar("_Value")


def open_plan(path: Path) -> PlanReader:
    """Open a plan and check everything but its graph and its actions: those are checked as they are asked for.

    Raises PlanRefused for what is not a plan of this format or breaks its rules, PlanDamaged for one whose bytes are
    not those that were written.
    """
    return PlanReader(path)


class PlanReader:
    """An open plan. Header and graph are in memory, actions stay on the disk.

    Locations, phases and batches come by id, edges by both their ends. Use it from one thread at a time. A digest
    proves that nothing changed since the plan was sealed, not who sealed it. Whoever performs the plan asks for its
    `graph` first.
    """

    header: PlanHeader
    header_text: str
    locations: tuple[PlanLocation, ...]
    phases: tuple[Phase, ...]
    edges: tuple[Edge, ...]
    batches: tuple[Batch, ...]
    locations_by_id: dict[int, PlanLocation]
    phases_by_id: dict[int, Phase]
    _content_digest: bytes
    _digest: bytes

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity = _identity_of(path)  # before it is opened: what is opened is this or newer
        self._connection = open_database(path)
        try:
            with self._damage():
                self._read_header()
                self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES)
                self._read_graph()
                self._check_sums()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def is_in_place(self) -> bool:
        """Return whether the file at `path` is still the one that was opened: it may be replaced, or put away."""
        return self._identity is not None and self._identity == _identity_of(self.path)

    @property
    def digest(self) -> str:
        """The plan's identity: 64 hex digits."""
        return self._digest.hex()

    def move_folders(self, path: str, *, root_inode: int | None) -> None:
        """Have the plan's folders, all at one path, lie at another one for whoever performs it from here.

        What was sealed was checked as it stands in the file, and the digest stays that of the file.
        """
        self.locations = tuple(
            replace(location, path=path, url=folder_url(path), root_inode=root_inode)
            if location.is_folder
            else location
            for location in self.locations
        )
        self.locations_by_id = {location.id: location for location in self.locations}

    @cached_property
    def graph(self) -> PhaseGraph:
        """What waits for what, held against the header's jobs when it is first asked for; raises PlanDamaged."""
        with self._damage():
            graph = PhaseGraph(self.phases, self.edges)
            check_graph(graph, jobs=self.header.jobs, phases=self.phases)
            return graph

    @property
    def plan_id(self) -> str:
        """The digest's first 8 digits; for the eye only."""
        return self.digest[:8]

    def actions(self, batch: Batch) -> tuple[Action, ...]:
        """Return a batch's actions in key order, their digest and the format's rules checked; raise PlanDamaged.

        Those of a batch that removes are deletes of the sources of its copies.
        """
        if batch.of_batch is not None:
            return removals_of(self.actions(self.batches[batch.of_batch - 1]))
        with self._damage(f"batch {batch.id}"):
            columns = self._columns(_SELECT_ACTIONS, batch)
            check_columns(columns, ACTION_COLUMNS)
            phase = self.phases_by_id[batch.phase].name
            check_actions(columns, phase=phase, source=self.source(batch), destination=self.destination(batch))
            check_way(columns, is_relayed=self.header.job(self.phases_by_id[batch.phase].job).is_relayed)
            if columns_digest(columns) != batch.digest or size_of(columns) != batch.size_bytes:
                raise RowInvalid("its actions are not the ones that were planned")
            return actions_of(columns)

    def batches_of(self, name: PhaseName, jobs: Container[str]) -> list[Batch]:
        """Return the batches of one kind of phase of these jobs, by id."""
        phases = {phase.id for phase in self.phases if phase.name is name and phase.job in jobs}
        return [batch for batch in self.batches if batch.phase in phases]

    def iter_actions(self, *, phases: Container[int] | None = None) -> Iterator[tuple[Batch, Action]]:
        """Yield all actions, or those of some phases, each with its batch; by batch, then by key.

        Each row of the plan once: batches that have none of their own give none.
        """
        for batch in self.batches:
            if batch.of_batch is None and (phases is None or batch.phase in phases):
                for action in self.actions(batch):
                    yield batch, action

    def destination_keys(self, batch: Batch) -> list[bytes]:
        """Return the whole keys that a copy or delete batch is about, at its destination, strictly ascending.

        Faster than `actions`, and less sure: the batch's digest is not checked. Raises PlanDamaged.
        """
        with self._damage(f"batch {batch.id}"):
            destination = self.destination(batch)
            if self.phases_by_id[batch.phase].name not in WRITING_PHASES or destination is None:
                raise RowInvalid("it writes nothing")
            return destination_keys(self._connection, batch, prefix=destination.prefix)

    def count_overwrites(self, batch: Batch) -> int:
        """Return how many of a copy batch's actions replace something; as sure as `destination_keys`."""
        return self._count(_COUNT_OVERWRITES, batch)

    def count_same(self, batch: Batch) -> int:
        """Return how many of a copy batch's actions write nothing, since both sides are the same; as sure as those."""
        return self._count(_COUNT_SAME, batch)

    def _count(self, select: str, batch: Batch) -> int:
        with self._damage(f"batch {batch.id}"):
            last = batch.first_action + batch.actions - 1
            (count,) = self._connection.execute(select, (batch.first_action, last)).fetchone()
            return int(count)

    def source(self, batch: Batch) -> PlanLocation | None:
        """Return the location that a batch reads from."""
        return None if batch.from_location is None else self.locations_by_id[batch.from_location]

    def destination(self, batch: Batch) -> PlanLocation | None:
        """Return the location that a batch changes."""
        return None if batch.to_location is None else self.locations_by_id[batch.to_location]

    def _columns(self, select: str, batch: Batch) -> ColumnValues:
        last = batch.first_action + batch.actions - 1
        rows = self._connection.execute(select, (batch.first_action, last)).fetchmany(batch.actions + 1)
        if len(rows) != batch.actions:
            raise RowInvalid(f"it has {len(rows)} of {batch.actions} actions")
        return tuple(zip(*rows, strict=True))

    def _read_header(self) -> None:
        rows = self._connection.execute("SELECT id, document, content_digest, plan_digest FROM header").fetchmany(2)
        if len(rows) != 1:
            raise RowInvalid(f"it has {len(rows)} headers")
        check_row(rows[0], _HEADER_COLUMNS)
        _, self.header_text, self._content_digest, self._digest = rows[0]
        if plan_digest(self.header_text, self._content_digest) != self._digest:
            raise RowInvalid("its header is not the one that was planned")
        try:
            self.header = parse_header(self.header_text)
        except HeaderInvalid as e:
            raise PlanRefused(
                f"{shown_path(self.path)} cannot be read: its header is not valid, {e}; make a new plan"
            ) from e

    def _read_graph(self) -> None:
        self.locations = self._numbered("location", _checked_location, most=_MAX_GRAPH_ROWS)
        self.phases = self._numbered("phase", phase_of, most=_MAX_GRAPH_ROWS)
        self.edges = self._read_edges()
        self.locations_by_id = {location.id: location for location in self.locations}
        self.phases_by_id = {phase.id: phase for phase in self.phases}
        self.batches = self._read_batches()

    def _numbered(self, table: str, read: Callable[[Row], _Value], *, most: int) -> tuple[_Value, ...]:
        found: list[_Value] = []
        for row in self._connection.execute(_SELECT_ALL[table]):
            found.append(read(row))
            if row[0] != len(found) or len(found) > most:
                raise RowInvalid(f"its table {table} does not hold the ids from 1 without gaps, {most} at most")
        return tuple(found)

    def _read_edges(self) -> tuple[Edge, ...]:
        found: list[Edge] = []
        for row in self._connection.execute("SELECT * FROM edge ORDER BY before_phase, after_phase"):
            edge = edge_of(row)
            if found and (edge.before, edge.after) <= (found[-1].before, found[-1].after):
                raise RowInvalid("its edges are out of order")
            found.append(edge)
            if len(found) > _MAX_GRAPH_ROWS:
                raise RowInvalid(f"it has more than {_MAX_GRAPH_ROWS} edges")
        return tuple(found)

    def _read_batches(self) -> tuple[Batch, ...]:
        """Read the batches; each begins where the one before it ended, and the last ends with the last action.

        Those that remove begin and end as the batch does that they are of.
        """
        siblings: dict[int, Batch] = {}
        by_id: dict[int, Batch] = {}
        removed: set[int] = set()
        next_action = 1

        def batch_in_its_place(row: Row) -> Batch:
            nonlocal next_action
            batch = batch_of(row)
            check_batch_place(
                batch, phases=self.phases_by_id, locations=self.locations_by_id, sibling=siblings.get(batch.phase)
            )
            if batch.of_batch is not None:
                copies = by_id.get(batch.of_batch)
                check_removal(batch, copies=copies, phases=self.phases_by_id, taken=removed)
            elif batch.first_action != next_action:
                raise RowInvalid(f"batch {batch.id} does not begin where the one before it ended")
            else:
                next_action += batch.actions
                by_id[batch.id] = batch
            siblings[batch.phase] = batch
            return batch

        batches = self._numbered("batch", batch_in_its_place, most=1 << 40)
        bounds = self._connection.execute("SELECT (SELECT min(id) FROM action), (SELECT max(id) FROM action)")
        if bounds.fetchone() != ((1, next_action - 1) if batches else (None, None)):
            raise RowInvalid("its batches do not cover its actions")
        return batches

    def _check_sums(self) -> None:
        content = content_digest(locations=self.locations, phases=self.phases, edges=self.edges, batches=self.batches)
        if content != self._content_digest:
            raise RowInvalid("its graph is not the one that was planned")
        check_header(self.header, phases=self.phases_by_id, locations=self.locations_by_id, batches=self.batches)

    @contextmanager
    def _damage(self, part: str = "") -> Iterator[None]:
        try:
            yield
        except (RowInvalid, *DATABASE_ERRORS) as e:
            where = f"{part}: " if part else ""
            raise PlanDamaged(f"{shown_path(self.path)} is damaged: {where}{e}; make a new plan") from e


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _checked_location(row: Row) -> PlanLocation:
    location = location_of(row)
    check_location(location)
    return location


_SELECT_ALL = {
    "location": "SELECT * FROM location ORDER BY id",
    "phase": "SELECT * FROM phase ORDER BY id",
    "batch": "SELECT * FROM batch ORDER BY id",
}
