"""A journal's writes, all or nothing, and what is said where its file, or its disk, does not go along."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from s3plan.executors.journal.schema import damaged
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.printable import shown_path

_OF_THE_DISK = frozenset(  # not of what is written on it
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)
UNREADABLE = (sqlite3.Error, UnicodeError)  # SQLite names what it finds damaged, in the damaged bytes


class Transaction:
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
            if error is None:
                self._connection.execute("COMMIT")
                return
        except sqlite3.Error as failure:
            self._undo()
            raise _write_failure(self._path, failure) from failure
        self._undo()
        if isinstance(error, sqlite3.Error):
            raise _write_failure(self._path, error) from error

    def _undo(self) -> None:
        if self._connection.in_transaction:  # SQLite may have undone it by itself
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")


def refusal(path: Path, error: Exception) -> S3PlanError:
    """Return the error for a journal that cannot be read: damaged, or kept from us by its disk."""
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_THE_DISK:
        return unopened(path, str(error))
    return damaged(path, str(error))


def unopened(path: Path, why: str) -> S3PlanError:
    """Return the error for a journal whose file cannot be opened."""
    return S3PlanError(
        f"{shown_path(path)}: the journal cannot be opened: {why}; make room or check the disk, then try again"
    )


def _write_failure(path: Path, error: sqlite3.Error) -> S3PlanError:
    return S3PlanError(
        f"{shown_path(path)}: the journal cannot be written: {error}; nothing more was started. Repair the disk, then "
        "apply again"
    )
