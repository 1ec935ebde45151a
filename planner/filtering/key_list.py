"""Exactly these keys (`filters.list`): read once from a file, sorted on disk, and held against listings."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from typing import BinaryIO

from s3plan.planner.filtering.filters import KeyFilter
from s3plan.planner.filtering.key_list_lines import LineInvalid, keys_of_lines
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.objects import ObjectRow, oddity_of
from s3plan.schemas.plan.header import KeyListRecord
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.redaction import redact

_MOST_LINE_BYTES = 32 << 10
_KEYS_AT_ONCE = 1000
_FIRST_SHOWN = 3


class KeyListInvalid(Exception):
    """A list that no job can go by."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class KeyList:
    """The keys of a list, each once and in order, in a nameless file of SQLite; memory stays flat."""

    def __init__(self, database: sqlite3.Connection, *, path: str, sha256: str, keys: int) -> None:
        self._database = database
        self.path = path
        self.sha256 = sha256
        self.keys = keys

    def read(self) -> Iterator[bytes]:
        """Yield the keys, ascending. Raises S3PlanError if the disk fails."""
        with _disk_faults():
            cursor = self._database.execute("SELECT key FROM listed ORDER BY key")
            while fetched := cursor.fetchmany(_KEYS_AT_ONCE):
                yield from (key for (key,) in fetched)

    def common_start(self) -> bytes:
        """Return what all keys begin with, as far as it can be printed."""
        with _disk_faults():
            first: bytes
            last: bytes
            ((first, last),) = self._database.execute("SELECT min(key), max(key) FROM listed")
        same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
        shared = bytes(byte for byte, _ in same).decode(errors="ignore")
        return "".join(takewhile(str.isprintable, shared)).encode()

    def has_below(self, key: bytes) -> bool:
        """Return whether a key of the list lies below this one, as a file in a folder does."""
        with _disk_faults():
            found = self._database.execute(
                "SELECT 1 FROM listed WHERE key > ? AND key < ? LIMIT 1", (key + b"/", key + b"0")
            )
            return found.fetchone() is not None


@contextmanager
def open_key_list(path: str, *, places: Sequence[bytes]) -> Iterator[KeyList]:
    """Read a list whole and sort it; `places` are what URLs in it may begin with.

    Raises KeyListInvalid, and S3PlanError where there is no room for it.
    """
    # An empty name is SQLite's own temporary database: https://www.sqlite.org/inmemorydb.html#temp_db
    database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    try:
        with _disk_faults():
            database.execute("PRAGMA temp_store = FILE")
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("CREATE TABLE line (key BLOB)")
            database.execute("CREATE TABLE listed (key BLOB PRIMARY KEY) WITHOUT ROWID")
            database.execute("BEGIN")
            sha256 = _take_lines(database, path, places=places)
            keys = database.execute("INSERT INTO listed SELECT DISTINCT key FROM line ORDER BY key").rowcount
            database.execute("DROP TABLE line")
            database.execute("COMMIT")
        if not keys:
            raise KeyListInvalid("the list has no keys: that would mean nothing, or everything")
        yield KeyList(database, path=path, sha256=sha256, keys=keys)
    finally:
        database.close()


def _take_lines(database: sqlite3.Connection, path: str, *, places: Sequence[bytes]) -> str:
    """Insert what the file's lines name; return the SHA-256 of its bytes."""
    digest = hashlib.sha256()

    def lines(file: BinaryIO) -> Iterator[bytes]:
        while line := file.readline(_MOST_LINE_BYTES):
            digest.update(line)
            yield line

    try:
        with _opened(path) as file:
            rows = ((key,) for key in keys_of_lines(lines(file), places=places))
            database.executemany("INSERT INTO line VALUES (?)", rows)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise KeyListInvalid(f"the list cannot be read: {reason}", "name a file with one key a line") from error
    except LineInvalid as error:
        raise KeyListInvalid(f"line {error.line} of the list {error.message}", error.hint) from error
    return digest.hexdigest()


def _opened(path: str) -> BinaryIO:
    """Open a regular file: a pipe would hang, and could not be read again."""
    file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")  # noqa: SIM115, PTH123
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise KeyListInvalid("the list is no file", "name a file with one key a line")
    return file


@contextmanager
def _disk_faults() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise S3PlanError(
            f"a list of keys cannot be sorted in a temporary file: {error}; make room or check the disk, or set "
            "SQLITE_TMPDIR to a folder with more room"
        ) from error


@dataclass(slots=True)
class ListedKeys:
    """Lets through those rows of one listing, in order, that a list names; counts the keys that it did not meet."""

    key_list: KeyList
    passes: KeyFilter | None = None
    missing: int = 0
    left_out: int = 0  # by the other key filters
    first_missing: list[bytes] = field(default_factory=list)
    _keys: Iterator[bytes] = field(init=False)
    _next: bytes | None = field(init=False)

    def __post_init__(self) -> None:
        self._keys = self.key_list.read()
        self._next = next(self._keys, None)

    def among(self, rows: Sequence[ObjectRow]) -> list[ObjectRow]:
        """Return the rows of one page that the list names, or below which it names keys that are hidden by them."""
        kept: list[ObjectRow] = []
        for row in rows:
            key = row[0]
            while self._next is not None and self._next < key:
                self._pass_over(self._next)
                self._next = next(self._keys, None)
            if self._next == key:
                kept.append(row)
                self.left_out += self.passes is not None and not self.passes(key)
                self._next = next(self._keys, None)
            elif not row[2] and self._hides_listed(row):
                kept.append(row)
        return kept

    def end(self) -> None:
        """Count the keys that come after the whole listing."""
        while self._next is not None:
            self._pass_over(self._next)
            self._next = next(self._keys, None)

    def record(self) -> KeyListRecord:
        """Return what a plan says of the list; of the source's listing, once it ended."""
        return KeyListRecord(
            path=self.key_list.path,
            sha256=self.key_list.sha256,
            keys=self.key_list.keys,
            left_out=self.left_out,
            not_in_source=self.missing,
            first_not_in_source=tuple(redact(escape_unprintable(key.decode())) for key in self.first_missing),
        )

    def _pass_over(self, key: bytes) -> None:
        if self.passes is not None and not self.passes(key):
            self.left_out += 1
            return
        self.missing += 1
        if len(self.first_missing) < _FIRST_SHOWN:
            self.first_missing.append(key)

    def _hides_listed(self, row: ObjectRow) -> bool:
        oddity = oddity_of(row)
        return oddity is not None and oddity.is_of_folder and self.key_list.has_below(row.key.removesuffix(b"/"))
