"""Writes a plan: streamed, whole or absent."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from s3plan.planfile.batch_keys import destination_keys
from s3plan.planfile.batch_rules import WRITING_PHASES, check_actions, follows, last_keys, size_of
from s3plan.planfile.digests import columns_digest, content_digest, plan_digest
from s3plan.planfile.documents.header import header_text
from s3plan.planfile.graph import graph_of_jobs
from s3plan.planfile.graph_rules import check_batch_place, check_header, check_location
from s3plan.planfile.removals import check_removal, removal_batch
from s3plan.planfile.rows import (
    ACTION_COLUMNS,
    APPLICATION_ID,
    LOCATION_COLUMNS,
    MAX_HEADER_BYTES,
    MAX_ROW_BYTES,
    SCHEMA_TEXT,
    ColumnValues,
    RowInvalid,
    action_columns,
    batch_row,
    check_columns,
    edge_row,
    location_row,
    phase_row,
)
from s3plan.planfile.temporary_file import (
    MIN_FREE_BYTES,
    PLAN_FOLDER,
    create_temporary,
    free_bytes,
    prepare_folder,
    remove_dead_temporaries,
    sync,
)
from s3plan.planfile.written_keys import KeyTwice, WrittenBatch, check_written_once
from s3plan.schemas.errors import ManifestInvalid, S3PlanError
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.header import FORMAT_VERSION, PlanHeader
from s3plan.schemas.plan.rows import Batch, Edge, Phase, PlanLocation
from s3plan.schemas.printable import escape_unprintable, shown_path

_PAGE_BYTES = 4096
_INSERT_ACTIONS = "INSERT INTO action VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


Replacing = Callable[[Path], AbstractContextManager[object]]
"""The context in which a plan takes its final path; it raises to keep what is there."""


def _replacing_anything(_path: Path) -> AbstractContextManager[object]:
    """Nothing speaks against a plan that is there already."""
    return nullcontext()


class PlanWriter:
    """One new plan under a temporary name; `seal` gives it its final one. Leaving the context unsealed removes it.

    Add locations and phases first, then batches; ids begin at 1 and have no gaps. The batches of different phases may
    come in any order. What waits for what follows from the header's jobs. What breaks a rule of the format raises
    ValueError: the caller is wrong. A disk that is full or fails raises S3PlanError. The plan takes its final path
    within the context that `replacing` gives for it.
    Memory grows with batches, never with actions. Not thread-safe.
    """

    def __init__(self, path: Path, *, replacing: Replacing = _replacing_anything) -> None:
        self._path = path
        self._replacing = replacing
        self._locations: dict[int, PlanLocation] = {}
        self._phases: dict[int, Phase] = {}
        self._batches: list[Batch] = []
        self._last_batches: dict[int, Batch] = {}  # by phase
        self._last_keys: dict[int, tuple[bytes, bytes]] = {}  # by phase: key and destination key
        self._removed: set[int] = set()  # copy batches whose sources are removed
        self._next_action = 1
        self._temporary: Path | None = None
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        with self._disk_errors():
            if self._path.is_dir():
                raise S3PlanError(f"{shown_path(self._path)} is a folder; name a file for the plan")
            _check_folder(self._path)
            prepare_folder(self._path.parent)
            remove_dead_temporaries(self._path)
            free = free_bytes(self._path.parent)
            if free < MIN_FREE_BYTES:
                raise S3PlanError(
                    f"cannot write {shown_path(self._path)}: its disk has {free:,} bytes left, a plan needs "
                    f"{MIN_FREE_BYTES:,} or more; make room, or put the plan elsewhere with -o"
                )
            self._temporary = create_temporary(self._path)
            try:
                self._connection = _connect(self._temporary)
            except BaseException:
                self._discard()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    def add_location(self, location: PlanLocation) -> None:
        """Add one end of a job."""
        _check_next_id(location.id, taken=self._locations)
        try:
            check_location(location)
        except RowInvalid as e:
            raise ValueError(f"a location that no plan can hold: {e}") from e
        self._locations[location.id] = location

    def add_phase(self, phase: Phase) -> None:
        """Add one node of the DAG."""
        _check_next_id(phase.id, taken=self._phases)
        self._phases[phase.id] = phase

    def add_batch(
        self, *, phase: int, from_location: int | None, to_location: int | None, actions: Sequence[Action]
    ) -> Batch:
        """Write a batch of at least one action and return it with its id, size and digest.

        Its keys ascend strictly by bytes and are all above those of the phase's earlier batches.
        """
        if not actions:
            raise ValueError("a batch has at least one action")
        columns = action_columns(actions)
        try:
            check_columns(columns, ACTION_COLUMNS)
            batch = Batch(
                id=len(self._batches) + 1,
                phase=phase,
                from_location=from_location,
                to_location=to_location,
                first_action=self._next_action,
                actions=len(actions),
                size_bytes=size_of(columns),
                digest=columns_digest(columns),
            )
            self._check_batch(batch, columns)
        except RowInvalid as e:
            raise ValueError(f"a batch that no plan can hold: {e}") from e
        ids = range(batch.first_action, batch.first_action + batch.actions)
        with self._disk_errors():
            self._database.executemany(_INSERT_ACTIONS, zip(ids, *columns, strict=True))
        self._next_action += batch.actions
        self._batches.append(batch)
        self._last_batches[phase] = batch
        self._last_keys[phase] = last_keys(columns)
        return batch

    def add_removal(self, copies: Batch, *, phase: int) -> Batch:
        """Write the batch of a remove phase that is about the actions of a copy batch, which was added before."""
        batch = removal_batch(copies, id_=len(self._batches) + 1, phase=phase)
        try:
            check_batch_place(
                batch, phases=self._phases, locations=self._locations, sibling=self._last_batches.get(phase)
            )
            check_removal(batch, copies=copies, phases=self._phases, taken=self._removed)
        except RowInvalid as e:
            raise ValueError(f"a batch that no plan can hold: {e}") from e
        self._batches.append(batch)
        self._last_batches[phase] = batch
        return batch

    def seal(self, header: PlanHeader) -> str:
        """Finish the plan, put it under its final name and return its digest, 64 hex digits."""
        try:
            edges = graph_of_jobs(header.jobs, self._phases.values()).edges
            check_header(header, phases=self._phases, locations=self._locations, batches=self._batches)
        except RowInvalid as e:
            raise ValueError(f"a plan that cannot be: {e}") from e
        self._check_written_once(header)
        text = header_text(header)
        content = content_digest(
            locations=self._locations.values(), phases=self._phases.values(), edges=edges, batches=self._batches
        )
        digest = plan_digest(text, content)
        with self._disk_errors():
            self._write_graph(edges)
            self._database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_HEADER_BYTES)
            self._database.execute("INSERT INTO header VALUES (1, ?, ?, ?)", (text, content, digest))
            self._database.execute("COMMIT")
        self._publish()
        return digest.hex()

    @property
    def _database(self) -> sqlite3.Connection:
        if self._connection is None:
            raise ValueError("the plan is not being written: not entered, or sealed already")
        return self._connection

    def _check_batch(self, batch: Batch, columns: ColumnValues) -> None:
        sibling = self._last_batches.get(batch.phase)
        check_batch_place(batch, phases=self._phases, locations=self._locations, sibling=sibling)
        check_actions(
            columns,
            phase=self._phases[batch.phase].name,
            source=self._locations.get(batch.from_location or 0),
            destination=self._locations.get(batch.to_location or 0),
        )
        last = self._last_keys.get(batch.phase)
        if last is not None and not follows(columns, last):
            raise RowInvalid("its first key is not above the last one of its phase")

    def _check_written_once(self, header: PlanHeader) -> None:
        """Raise ManifestInvalid for a key that two jobs write, or one writes and the other deletes."""
        if len({phase.job for phase in self._phases.values()}) == 1:
            return  # its pairs were told apart by their keys
        written = [
            WrittenBatch(batch, phase.job, self._locations[batch.to_location])
            for batch in self._batches
            if (phase := self._phases[batch.phase]).name in WRITING_PHASES and batch.to_location is not None
        ]

        def keys_of(batch: Batch) -> list[bytes]:
            return destination_keys(self._database, batch, prefix=self._locations[batch.to_location or 0].prefix)

        try:
            with self._disk_errors():
                check_written_once(written, keys_of=keys_of)
        except KeyTwice as twice:
            first, second = twice.jobs
            key = escape_unprintable(twice.key.decode("utf-8", "backslashreplace"))
            raise ManifestInvalid(
                f"{escape_unprintable(header.manifest.path)}: the jobs {first} and {second} both write or delete the "
                f"key {key}: one of them must leave it out, by its filters or by another destination; no plan was made"
            ) from twice

    def _write_graph(self, edges: Sequence[Edge]) -> None:
        database = self._database
        database.executemany(
            f"INSERT INTO location VALUES ({', '.join('?' * len(LOCATION_COLUMNS))})",  # noqa: S608
            map(location_row, self._locations.values()),
        )
        database.executemany("INSERT INTO phase VALUES (?, ?, ?)", map(phase_row, self._phases.values()))
        database.executemany("INSERT INTO edge VALUES (?, ?, ?)", map(edge_row, edges))
        database.executemany("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(batch_row, self._batches))

    def _publish(self) -> None:
        temporary = self._temporary
        if temporary is None:
            raise ValueError("the plan is not being written")
        with self._disk_errors():
            self._database.close()
            self._connection = None
            sync(temporary)
        with self._disk_errors(), self._replacing(self._path):
            temporary.replace(self._path)
            self._temporary = None
        try:
            sync(self._path.parent)
        except OSError as e:
            raise S3PlanError(
                f"{shown_path(self._path)} is written, but whether it outlasts a power failure is not known: "
                f"{e.strerror}; check the disk and make the plan again"
            ) from e

    def _discard(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        if self._temporary is not None:
            with suppress(OSError):
                self._temporary.unlink()
            self._temporary = None

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DataError as e:
            raise S3PlanError(
                f"cannot write {shown_path(self._path)}: something in it is too long for a plan, such as an ETag that "
                f"the store has made up ({e}); nothing was left behind"
            ) from e
        except (OSError, sqlite3.OperationalError) as e:
            reason = e.strerror if isinstance(e, OSError) and e.strerror else str(e)
            raise S3PlanError(
                f"cannot write {shown_path(self._path)}: {reason}; nothing was left behind. Make room, check the disk "
                "and the folder's permissions, or put the plan elsewhere with -o"
            ) from e


def _check_folder(path: Path) -> None:
    """Raise S3PlanError where a plan is to lie in no folder: only `.s3plan` is made for it."""
    folder = path.parent
    if not folder.is_dir() and folder.name != PLAN_FOLDER:
        raise S3PlanError(f"cannot write {shown_path(path)}: there is no folder {shown_path(folder)}; make it first")


def _check_next_id(number: int, *, taken: dict[int, PlanLocation] | dict[int, Phase]) -> None:
    if number != len(taken) + 1:
        raise ValueError(f"ids begin at 1 and have no gaps: {number} cannot follow {len(taken)}")


def _connect(path: Path) -> sqlite3.Connection:
    """Open the empty temporary file, ready for rows.

    Nothing is journaled or synced on the way: the file counts only once it was synced whole and renamed.
    """
    connection = sqlite3.connect(path.absolute(), isolation_level=None)  # a relative name may mean something to SQLite
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES)
    for statement in (
        f"PRAGMA page_size = {_PAGE_BYTES}",
        "PRAGMA encoding = 'UTF-8'",
        "PRAGMA journal_mode = OFF",
        "PRAGMA synchronous = OFF",
        "PRAGMA locking_mode = EXCLUSIVE",
        f"PRAGMA application_id = {APPLICATION_ID}",
        f"PRAGMA user_version = {FORMAT_VERSION}",
    ):
        connection.execute(statement)
    connection.executescript(SCHEMA_TEXT)
    connection.execute("BEGIN")
    return connection
