"""What happened to a plan's actions, durable: `NAME.s3run`, one SQLite file, one writer.

For each begun batch one row with a bitmap of what is done; every other outcome has a row of its own. Each row carries
a CRC-32 of its content, so that a flipped bit is refused instead of believed. The file is replaced by SQLite's own
rollback journal (`journal_mode=DELETE`, `synchronous=FULL`): after a crash the last commit stands.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from zlib import crc32

from s3plan.executors.journal_schema import check_is_ours, create
from s3plan.schemas.errors import JournalRefused, S3PlanError
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.tasks import KnownUpload


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of the plan; `state` is `running` until it ends, so a run that was killed stays `running`."""

    id: int
    state: str
    began_at_ms: int
    ended_at_ms: int | None
    host: str
    pid: int
    executor: str
    tool_version: str


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """One begun batch. `is_open`: an attempt was begun and its end was never recorded."""

    id: int
    generation: int
    begun_at_ms: int
    is_open: bool
    actions: int
    done: bytes
    withheld: str | None = None  # why all of its actions are skipped


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """The newest outcome of one action, if it is not plainly `done`."""

    batch: int
    position: int
    kind: OutcomeKind
    reason: str
    evidence: str
    failure: FailureKind | None
    attempts: int
    at_ms: int


class Journal:
    """The open journal of one plan. Used from one thread; every method may raise S3PlanError if the disk fails."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, is_new: bool) -> None:
        self.path = path
        self.is_new = is_new
        self._connection = connection

    @classmethod
    def open(cls, path: Path, *, plan_digest: str, now_ms: int) -> Journal:
        """Open the journal of the plan with this digest, or make it; raise JournalRefused for any other file."""
        is_new = not path.exists() or path.stat().st_size == 0
        try:
            connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            try:
                if is_new:
                    path.chmod(0o600)
                    create(connection, plan_digest=plan_digest, now_ms=now_ms)
                else:
                    check_is_ours(connection, path=path, plan_digest=plan_digest)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise _refusal(path, error) from error
        except OSError as error:
            raise S3PlanError(f"{path}: the journal cannot be opened: {error.strerror or error}") from error
        return cls(path, connection, is_new=is_new)

    @classmethod
    def read(cls, path: Path, *, plan_digest: str) -> Journal:
        """Open an existing journal for reading only, also while an apply writes it."""
        try:
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=5.0
            )
            try:
                check_is_ours(connection, path=path, plan_digest=plan_digest)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise _refusal(path, error) from error
        return cls(path, connection, is_new=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was not committed is lost."""
        self._connection.close()

    def begin_run(self, *, now_ms: int, host: str, pid: int, executor: str, tool_version: str) -> int:
        """Record durably that a run begins; return its number."""
        with self._writing():
            cursor = self._connection.execute(
                "INSERT INTO run (state, began_at_ms, host, pid, executor, tool_version) "
                "VALUES ('running', ?, ?, ?, ?, ?)",
                (now_ms, host, pid, executor, tool_version),
            )
        return int(cursor.lastrowid or 0)

    def end_run(self, run: int, *, state: str, now_ms: int) -> None:
        """Record durably how a run ended."""
        with self._writing():
            self._connection.execute("UPDATE run SET state = ?, ended_at_ms = ? WHERE id = ?", (state, now_ms, run))

    def write(
        self,
        *,
        batches: Iterable[BatchRecord] = (),
        outcomes: Iterable[OutcomeRecord] = (),
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
            execute("INSERT OR REPLACE INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_outcome_row, outcomes))
            for batch, upload in uploads:
                execute("DELETE FROM part WHERE batch = ? AND position = ?", [(batch, upload.position)])
                execute(
                    "INSERT OR REPLACE INTO upload VALUES (?, ?, ?, ?)",
                    [(batch, upload.position, upload.upload_id, upload.part_size_bytes)],
                )
            execute("INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?, ?)", parts)
            for table in ("upload", "part"):
                execute(f"DELETE FROM {table} WHERE batch = ? AND position = ?", ended_uploads := list(ended_uploads))  # noqa: S608

    def runs(self) -> list[RunRecord]:
        """Return the runs, oldest first."""
        return [RunRecord(*row) for row in self._rows("SELECT * FROM run ORDER BY id")]

    def batches(self) -> Iterator[BatchRecord]:
        """Yield the begun batches in order; raise JournalRefused at the first that is not as it was written."""
        for row in self._rows("SELECT * FROM batch ORDER BY id"):
            record = BatchRecord(row[0], row[1], row[2], bool(row[3]), row[4], row[5], row[6])
            if _batch_row(record) != row:
                raise _damaged(self.path, f"the row of batch {row[0]} does not match its checksum")
            yield record

    def outcomes(self, batch: int | None = None) -> Iterator[OutcomeRecord]:
        """Yield outcome rows, of one batch or all, in order of batch and position."""
        where, values = ("", ()) if batch is None else (" WHERE batch = ?", (batch,))
        for row in self._rows(f"SELECT * FROM outcome{where} ORDER BY batch, position", values):  # noqa: S608
            try:
                failure = None if row[5] is None else FailureKind(row[5])
                record = OutcomeRecord(row[0], row[1], OutcomeKind(row[2]), row[3], row[4], failure, row[6], row[7])
            except (ValueError, TypeError) as error:
                raise _damaged(self.path, f"an outcome of batch {row[0]} cannot be read") from error
            if _outcome_row(record) != row:
                raise _damaged(self.path, f"an outcome of batch {row[0]} does not match its checksum")
            yield record

    def uploads(self, batch: int) -> tuple[KnownUpload, ...]:
        """Return the open uploads of a batch with the parts known to be stored."""
        found: list[KnownUpload] = []
        for position, upload_id, size in self._rows(
            "SELECT position, upload_id, part_size_bytes FROM upload WHERE batch = ? ORDER BY position", (batch,)
        ):
            parts = self._rows(
                "SELECT number, etag FROM part WHERE batch = ? AND position = ? AND upload_id = ? ORDER BY number",
                (batch, position, upload_id),
            )
            found.append(KnownUpload(position, upload_id, size, tuple(parts)))
        return tuple(found)

    def _rows(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple]:  # type: ignore[type-arg]
        try:
            with closing(self._connection.execute(query, tuple(values))) as cursor:
                yield from cursor
        except sqlite3.Error as error:
            raise _refusal(self.path, error) from error

    def _writing(self) -> _Transaction:
        return _Transaction(self._connection, self.path)


class _Transaction:
    """BEGIN IMMEDIATE ... COMMIT; on any error everything of it is undone."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def __enter__(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise _write_failure(self._path, error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._connection.execute("COMMIT" if error is None else "ROLLBACK")
        except sqlite3.Error as failure:
            if self._connection.in_transaction:
                self._connection.rollback()
            raise _write_failure(self._path, failure) from failure
        if isinstance(error, sqlite3.Error):
            raise _write_failure(self._path, error) from error


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
    return (*content, _check_of(content))


def _outcome_row(record: OutcomeRecord) -> tuple[object, ...]:
    content = (
        record.batch,
        record.position,
        record.kind.value,
        record.reason,
        record.evidence,
        None if record.failure is None else record.failure.value,
        record.attempts,
        record.at_ms,
    )
    return (*content, _check_of(content))


def _check_of(content: tuple[object, ...]) -> int:
    return crc32(repr(content).encode("utf-8", "surrogatepass"))


def _damaged(path: Path, what: str) -> JournalRefused:
    return JournalRefused(
        f"{path}: the journal is damaged: {what}; "
        "`s3plan apply --rebuild-journal` sets it aside and looks at the store instead"
    )


def _refusal(path: Path, error: sqlite3.Error) -> S3PlanError:
    if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
        return S3PlanError(f"{path}: the journal cannot be read: {error}")
    return _damaged(path, str(error))


def _write_failure(path: Path, error: sqlite3.Error) -> S3PlanError:
    return S3PlanError(
        f"{path}: the journal cannot be written: {error}; nothing more was started. Mend the disk, then apply again"
    )
