"""What was once found out: which files had the same bytes as which objects.

Each fact is a stamp and an ETag; it does not age, since either of the two changes with the bytes. So losing some, or
all, costs no more than reading files again. One SQLite database for each pair of a folder and a place in a bucket, in
the user's cache folder; keys are relative to both.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_FORMAT = 2  # of the table; a database of another one is made anew
_TABLE = (
    "CREATE TABLE known (key BLOB PRIMARY KEY, stamp TEXT NOT NULL, etag TEXT NOT NULL, other_time INTEGER NOT NULL) "
    "WITHOUT ROWID"
)
_COLUMNS = "key, stamp, etag, other_time"
_AT_ONCE = 1000
_BUSY_S = 2.0


class KnownFile(NamedTuple):
    """The file with this stamp has the bytes of the object with this ETag; `key` is relative to both places.

    `keeps_other_time`: 1 if the object is known to keep another time than the file's, else 0.
    """

    key: bytes
    stamp: str
    etag: str
    keeps_other_time: int = 0


class KnownFiles:
    """Such facts about one pair of places. What goes wrong with the database is never raised: it knows less then.

    Used by one thread at a time. `note` and `forget` are kept by `close`, and now and then before.
    """

    def __init__(self, path: Path) -> None:
        """Open the database of a pair, or make it, readable by its owner only."""
        self._path = path
        self._noted: list[KnownFile] = []
        self._gone: list[tuple[bytes]] = []
        self._database = _opened(path)
        self._rows: Iterator[KnownFile] | None = None
        self._row: KnownFile | None = None
        self._is_asked = False  # for the present row

    def at(self, key: bytes, *, passed: list[bytes] | None = None) -> KnownFile | None:
        """Return what is known of a key, None if nothing is; to be asked in ascending order of keys.

        `passed` gets the keys of which facts are known and nothing was asked.
        """
        if self._rows is None:
            self._rows = self._read()
            self._row = next(self._rows, None)
        while self._row is not None and self._row.key < key:
            if passed is not None and not self._is_asked:
                passed.append(self._row.key)
            self._row, self._is_asked = next(self._rows, None), False
        if self._row is None or self._row.key != key:
            return None
        self._is_asked = True
        return self._row

    def rewind(self) -> None:
        """Begin at the first key again, and know what was noted since."""
        self._keep()
        self._rows = self._row = None
        self._is_asked = False

    def note(self, fact: KnownFile) -> None:
        """Take note of a fact; it replaces what was known of its key."""
        self._noted.append(fact)
        if len(self._noted) >= _AT_ONCE:
            self._keep()

    def forget(self, keys: Iterable[bytes]) -> None:
        """Know nothing of these keys any more."""
        self._gone += [(key,) for key in keys]
        if len(self._gone) >= _AT_ONCE:
            self._keep()

    def close(self) -> None:
        """Keep what was noted, and let go of the database."""
        self.rewind()
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
            self._database = None

    def _read(self) -> Iterator[KnownFile]:
        """Yield all facts in order, some at a time: others may write meanwhile."""
        after = b""
        is_first = True
        while self._database is not None:
            comparison = ">=" if is_first else ">"
            query = f"SELECT {_COLUMNS} FROM known WHERE key {comparison} ? ORDER BY key LIMIT {_AT_ONCE}"  # noqa: S608
            try:
                rows = self._database.execute(query, (after,)).fetchall()
            except sqlite3.Error:
                return
            yield from map(KnownFile._make, rows)
            if len(rows) < _AT_ONCE:
                return
            after, is_first = rows[-1][0], False

    def _keep(self) -> None:
        noted, gone = self._noted, self._gone
        self._noted, self._gone = [], []
        if self._database is None or not (noted or gone):
            return
        with suppress(sqlite3.Error), self._database:
            self._database.executemany("DELETE FROM known WHERE key = ?", gone)
            self._database.executemany("INSERT OR REPLACE INTO known VALUES (?, ?, ?, ?)", noted)


def _opened(path: Path) -> sqlite3.Connection | None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    for _ in range(2):
        try:
            return _with_table(path)
        except (sqlite3.OperationalError, OSError):  # somebody else is at it, say: it is not broken
            return None
        except sqlite3.Error:
            pass
        for end in ("", "-wal", "-shm", "-journal"):  # broken, or of another format: it is worth nothing
            with suppress(OSError):
                path.with_name(path.name + end).unlink()
    return None


def _with_table(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    database = sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False)
    try:
        database.execute("PRAGMA synchronous = NORMAL")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            with database:
                database.execute("BEGIN IMMEDIATE")
                if database.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,):
                    database.execute(_TABLE)
                    database.execute(f"PRAGMA user_version = {_FORMAT}")
            (version,) = database.execute("PRAGMA user_version").fetchone()
        _check_format(version)
        database.execute(f"SELECT {_COLUMNS} FROM known LIMIT 1").fetchone()  # noqa: S608
    except BaseException:
        database.close()
        raise
    return database


def _check_format(version: int) -> None:
    if version != _FORMAT:
        raise sqlite3.DatabaseError("of another format")
