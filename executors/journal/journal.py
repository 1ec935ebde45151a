"""What happened to a plan's actions, durable: `NAME.s3run`, one SQLite file, one writer.

For each begun batch one row with a bitmap of what is done; every other outcome has a row of its own. Each row carries
a CRC-32 of its content, so that a flipped bit is refused instead of believed; only `run` rows, which are for people, do
not. A commit is undone by SQLite's own rollback journal (`journal_mode=DELETE`, `synchronous=EXTRA`) unless it is
whole: after a crash the last one stands.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from s3plan.executors.journal.file import open_file
from s3plan.executors.journal.records import BatchRecord, JournaledRun, OutcomeRecord, ProofRecord, RootRecord
from s3plan.executors.journal.run_engines import engines_text, parse_engines
from s3plan.executors.journal.schema import check_is_ours, check_of, check_stored_row, create, damaged, is_empty
from s3plan.executors.journal.transaction import UNREADABLE, Transaction, refusal, unopened
from s3plan.schemas.engines import EngineUsed
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.tasks import KnownUpload


class Journal:
    """The open journal of one plan. Used from one thread; every method may raise S3PlanError if the disk fails.

    `is_new`: it was made just now. `doubtful_since_ms`: it took the place of one that was lost, so that every action
    may have been begun since then; None for a first journal.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        *,
        is_new: bool,
        doubtful_since_ms: int | None,
        check_lock: Callable[[], None] = lambda: None,
    ) -> None:
        self.path = path
        self.is_new = is_new
        self.doubtful_since_ms = doubtful_since_ms
        self._connection = connection
        self._check_lock = check_lock
        self._uploads_checked = False

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        plan_digest: str,
        now_ms: int,
        doubtful_since_ms: int | None = None,
        check_lock: Callable[[], None] = lambda: None,
    ) -> Journal:
        """Open the journal of the plan with this digest, or make it; raise JournalRefused for any other file.

        `doubtful_since_ms` is kept in a journal that is made; one that is there has its own. `check_lock` is called
        before each write, and what it raises prevents it.
        """
        try:
            connection = open_file(path, create=True)
            try:
                is_new = is_empty(connection)
                if is_new:
                    create(connection, plan_digest=plan_digest, now_ms=now_ms, doubtful_since_ms=doubtful_since_ms)
                since_ms = check_is_ours(connection, path=path, plan_digest=plan_digest)
            except BaseException:
                connection.close()
                raise
        except UNREADABLE as error:
            raise refusal(path, error) from error
        except OSError as error:
            raise unopened(path, error.strerror or str(error)) from error
        return cls(path, connection, is_new=is_new, doubtful_since_ms=since_ms, check_lock=check_lock)

    @classmethod
    def read(cls, path: Path, *, plan_digest: str) -> Journal:
        """Open an existing journal for reading only, also while an apply writes it.

        The file itself is opened for writing where that is allowed: undoing what a crash left half written needs it.
        """
        try:
            connection = open_file(path, create=False)
            try:
                if is_empty(connection) and not path.stat().st_size:  # its maker was stopped before the first commit
                    connection.close()
                    connection = sqlite3.connect(":memory:", isolation_level=None)
                    create(connection, plan_digest=plan_digest, now_ms=0, doubtful_since_ms=None)
                connection.execute("PRAGMA query_only = ON")
                since_ms = check_is_ours(connection, path=path, plan_digest=plan_digest)
            except BaseException:
                connection.close()
                raise
        except UNREADABLE as error:
            raise refusal(path, error) from error
        except OSError as error:
            raise unopened(path, error.strerror or str(error)) from error
        return cls(path, connection, is_new=False, doubtful_since_ms=since_ms)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was not committed is lost."""
        self._connection.close()

    def begin_run(
        self,
        *,
        now_ms: int,
        host: str,
        pid: int,
        executor: str,
        tool_version: str,
        engines: Iterable[EngineUsed],
        root: RootRecord | None = None,
    ) -> int:
        """Record durably that a run begins, by which engines its requests go, and in which folder (see `root`).

        Return its number.
        """
        with self._writing():
            if root is not None:
                self._connection.execute("INSERT OR REPLACE INTO root VALUES (?, ?, ?, ?)", _checked((1, *root)))
            cursor = self._connection.execute(
                "INSERT INTO run (state, began_at_ms, host, pid, executor, tool_version, engines) "
                "VALUES ('running', ?, ?, ?, ?, ?, ?)",
                (now_ms, host, pid, executor, tool_version, engines_text(engines)),
            )
        return int(cursor.lastrowid or 0)

    def note_run_state(self, run: int, *, state: str) -> None:
        """Record durably that a run is paused, or goes on."""
        with self._writing():
            self._connection.execute("UPDATE run SET state = ? WHERE id = ?", (state, run))

    def end_run(self, run: int, *, state: str, reason: str | None, now_ms: int) -> None:
        """Record durably how a run ended, and why if that was before its plan was through."""
        with self._writing():
            self._connection.execute(
                "UPDATE run SET state = ?, reason = ?, ended_at_ms = ? WHERE id = ?", (state, reason, now_ms, run)
            )

    def write(
        self,
        *,
        batches: Iterable[BatchRecord] = (),
        outcomes: Iterable[OutcomeRecord] = (),
        proofs: Iterable[ProofRecord] = (),
        settled: Iterable[tuple[int, int]] = (),
        uploads: Iterable[tuple[int, KnownUpload]] = (),
        parts: Iterable[tuple[int, int, str, int, str]] = (),
        ended_uploads: Iterable[tuple[int, int]] = (),
    ) -> None:
        """Write news durably, all or nothing.

        `settled` are (batch, position) whose earlier outcome row is to go since they are done now; `parts` are
        (batch, position, upload id, number, etag); `ended_uploads` are (batch, position).
        """
        with self._writing():
            execute = self._connection.executemany
            execute("INSERT OR REPLACE INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(_batch_row, batches))
            execute("DELETE FROM outcome WHERE batch = ? AND position = ?", settled)
            execute(
                "INSERT OR REPLACE INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_outcome_row, outcomes)
            )
            execute("INSERT OR REPLACE INTO proof VALUES (?, ?, ?, ?)", map(_checked, proofs))
            for batch, upload in uploads:
                execute("DELETE FROM part WHERE batch = ? AND position = ?", [(batch, upload.position)])
                execute(
                    "INSERT OR REPLACE INTO upload VALUES (?, ?, ?, ?, ?)",
                    [_checked((batch, upload.position, upload.upload_id, upload.part_size_bytes))],
                )
            execute("INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?, ?, ?)", map(_checked, parts))
            for table in ("upload", "part"):
                execute(f"DELETE FROM {table} WHERE batch = ? AND position = ?", ended_uploads := list(ended_uploads))  # noqa: S608

    def runs(self) -> list[JournaledRun]:
        """Return the runs, oldest first."""
        rows = self._rows("run", "ORDER BY id")
        return [JournaledRun(*(*row[:8], parse_engines(row[8]), row[9])) for row in rows]

    def root(self) -> RootRecord | None:
        """Return the folder that stands in for the plan's own; None: the plan's own is it."""
        for row in self._rows("root"):
            if _checked(row[:-1]) != row:
                raise damaged(self.path, "the folder that its runs go to does not match its checksum")
            return RootRecord(*row[1:-1])
        return None

    def batches(self) -> Iterator[BatchRecord]:
        """Yield the begun batches in order; raise JournalRefused at the first that is not as it was written."""
        for row in self._rows("batch", "ORDER BY id"):
            record = BatchRecord(row[0], row[1], row[2], bool(row[3]), row[4], row[5], row[6])
            if _batch_row(record) != row:
                raise damaged(self.path, f"the row of batch {row[0]} does not match its checksum")
            yield record

    def outcomes(self, batch: int | None = None) -> Iterator[OutcomeRecord]:
        """Yield outcome rows, of one batch or all, in order of batch and position."""
        where, values = ("", ()) if batch is None else ("WHERE batch = ?", (batch,))
        for row in self._rows("outcome", f"{where} ORDER BY batch, position", values):
            try:
                failure = None if row[5] is None else FailureKind(row[5])
                side = None if row[6] is None else Side(row[6])
                end, tries = OutcomeKind(row[2]), row[7]
                record = OutcomeRecord(row[0], row[1], end, row[3], row[4], failure, tries, row[8], row[9], side)
            except (ValueError, TypeError) as error:
                raise damaged(self.path, f"an outcome of batch {row[0]} cannot be read") from error
            if _outcome_row(record) != row:
                raise damaged(self.path, f"an outcome of batch {row[0]} does not match its checksum")
            yield record

    def proofs(self) -> Iterator[ProofRecord]:
        """Yield what was proved as it was written, in order of batches."""
        for row in self._rows("proof", "ORDER BY batch, proved_by"):
            record = ProofRecord(*row[:-1])
            if _checked(record) != row:
                raise damaged(self.path, f"a proof of batch {row[0]} does not match its checksum")
            yield record

    def uploads(self, batch: int) -> tuple[KnownUpload, ...]:
        """Return the open uploads of a batch with the parts known to be stored."""
        self._check_uploads()
        parts: dict[tuple[int, str], list[tuple[int, str]]] = {}
        for _, position, upload_id, number, etag, _ in self._rows(
            "part", "WHERE batch = ? ORDER BY position, number", (batch,)
        ):
            parts.setdefault((position, upload_id), []).append((number, etag))
        return tuple(
            KnownUpload(position, upload_id, size, tuple(parts.get((position, upload_id), ())))
            for _, position, upload_id, size, _ in self._rows("upload", "WHERE batch = ? ORDER BY position", (batch,))
        )

    def _check_uploads(self) -> None:
        """Check the rows of every batch, once: one whose batch's number is damaged is missed under its own."""
        if self._uploads_checked:
            return
        for table in ("upload", "part"):
            for row in self._rows(table):
                if _checked(row[:-1]) != row:
                    raise damaged(self.path, f"a row of {table} of batch {row[0]} does not match its checksum")
        self._uploads_checked = True

    def _rows(self, table: str, clauses: str = "", values: Sequence[object] = ()) -> Iterator[tuple]:  # type: ignore[type-arg]
        query = f"SELECT * FROM {table} {clauses}"  # noqa: S608
        try:
            with closing(self._connection.execute(query, tuple(values))) as cursor:
                for row in cursor:
                    check_stored_row(row, table=table, path=self.path)
                    yield row
        except UNREADABLE as error:
            raise refusal(self.path, error) from error

    def _writing(self) -> Transaction:
        self._check_lock()
        return Transaction(self._connection, self.path)


def _checked(content: tuple[object, ...]) -> tuple[object, ...]:
    return (*content, check_of(tuple(content)))


def _batch_row(record: BatchRecord) -> tuple[object, ...]:
    content = (
        record.id,
        record.generation,
        record.begun_at_ms,
        int(record.is_open),
        record.actions,
        record.done,
        record.withheld,
    )
    return _checked(content)


def _outcome_row(record: OutcomeRecord) -> tuple[object, ...]:
    content = (
        record.batch,
        record.position,
        record.kind.value,
        record.reason,
        str(record.evidence),
        None if record.failure is None else record.failure.value,
        None if record.side is None else record.side.value,
        record.attempts,
        record.at_ms,
        record.unclear_since_ms,
    )
    return _checked(content)
