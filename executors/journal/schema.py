"""The journal's tables, and the check that a file is a journal of this plan, undamaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any
from zlib import crc32

from s3plan.schemas.errors import JournalRefused
from s3plan.schemas.evidence.ladder import PROOFS
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.printable import shown_path
from s3plan.schemas.run_states import RunState, StopReason

APPLICATION_ID = 0x5333524E  # "S3RN"
FORMAT_VERSION = 1

_LATEST_MS = 253_402_300_799_999  # of the year 9999: whatever is read becomes a date
_ANY = 1 << 63  # nothing that SQLite holds is beyond it
_MOST = 1 << 62  # half of what SQLite holds: a generation more can always be written


@dataclass(frozen=True, slots=True)
class _Column:
    """What a column may hold: an int from `least` to `most`, or text, of certain words if there are any, or bytes."""

    kind: type = int
    least: int = 0
    most: int = _MOST
    words: frozenset[str] = frozenset()
    is_optional: bool = False


class _Shape:
    """What the rows of one table may hold; SQLite looks at neither types nor ranges."""

    def __init__(self, *columns: _Column) -> None:
        kinds = [(column.kind, type(None)) if column.is_optional else (column.kind,) for column in columns]
        self._kinds = frozenset(product(*kinds))  # of whole rows: there may be a million of them to look at
        self._numbers = [(at, column.least, column.most) for at, column in enumerate(columns) if column.kind is int]
        self._words = [(at, column.words) for at, column in enumerate(columns) if column.words]

    def fits(self, row: Sequence[Any]) -> bool:
        if tuple(map(type, row)) not in self._kinds:
            return False
        for at, least, most in self._numbers:
            if row[at] is not None and not least <= row[at] <= most:
                return False
        return all(row[at] is None or row[at] in words for at, words in self._words)


_COUNT, _FROM_ONE, _TIME_MS, _TEXT = _Column(), _Column(least=1), _Column(most=_LATEST_MS), _Column(str)
_TIME_MS_OR_NOT = _Column(most=_LATEST_MS, is_optional=True)
_TEXT_OR_NOT = _Column(str, is_optional=True)
_JOURNAL = _Shape(_TEXT, _TIME_MS, _TIME_MS_OR_NOT, _COUNT)  # without the id
_SHAPES = {
    "run": _Shape(
        _FROM_ONE,
        _Column(str, words=frozenset(RunState)),
        _TIME_MS,
        _TIME_MS_OR_NOT,
        _TEXT,
        _COUNT,
        _TEXT,
        _TEXT,
        _TEXT,
        _Column(str, words=frozenset(StopReason), is_optional=True),
    ),
    "root": _Shape(_FROM_ONE, _Column(bytes), _Column(least=-_ANY, most=_ANY, is_optional=True), _COUNT),
    "batch": _Shape(_FROM_ONE, _COUNT, _TIME_MS, _Column(most=1), _FROM_ONE, _Column(bytes), _TEXT_OR_NOT, _COUNT),
    "outcome": _Shape(
        _FROM_ONE,
        _COUNT,
        _TEXT,
        _TEXT,
        _TEXT,
        _TEXT_OR_NOT,
        _Column(str, words=frozenset(Side), is_optional=True),
        _COUNT,
        _TIME_MS,
        _TIME_MS_OR_NOT,
        _COUNT,
    ),
    "proof": _Shape(_FROM_ONE, _Column(str, words=frozenset(PROOFS)), _Column(bytes), _COUNT),
    "upload": _Shape(_FROM_ONE, _COUNT, _TEXT, _FROM_ONE, _COUNT),
    "part": _Shape(_FROM_ONE, _COUNT, _TEXT, _Column(least=1, most=10_000), _TEXT, _COUNT),
}


def schema_statements() -> tuple[str, ...]:
    """Return the statements of journal.sql, as SQLite keeps them."""
    text = resources.files("s3plan.executors.journal").joinpath("journal.sql").read_text()
    return tuple(statement.strip() for statement in text.split(";") if statement.strip())


def check_of(content: tuple[object, ...]) -> int:
    """Return the CRC-32 that is kept with the content of a row."""
    return crc32(repr(content).encode("utf-8", "surrogatepass"))


def is_empty(connection: sqlite3.Connection) -> bool:
    """Return whether nothing was ever committed to the file; what a crash left half written is undone by asking."""
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    return bool(pages == 0)


def create(connection: sqlite3.Connection, *, plan_digest: str, now_ms: int, doubtful_since_ms: int | None) -> None:
    """Make the tables in an empty file, durably, for one plan."""
    _set_pragmas(connection)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
    for statement in schema_statements():
        connection.execute(statement)
    content = (plan_digest, now_ms, doubtful_since_ms)
    connection.execute("INSERT INTO journal VALUES (1, ?, ?, ?, ?)", (*content, check_of(content)))
    connection.execute("COMMIT")


def check_is_ours(connection: sqlite3.Connection, *, path: Path, plan_digest: str) -> int | None:
    """Raise JournalRefused unless this is an undamaged journal of this plan; return its `doubtful_since_ms`."""
    _check_head(path)
    _set_pragmas(connection)
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise JournalRefused(
            f"{shown_path(path)} is not a journal of s3plan; move it away or name another with --journal"
        )
    if version != FORMAT_VERSION:
        raise JournalRefused(
            f"{shown_path(path)} has journal format {version}; this s3plan reads format {FORMAT_VERSION}; "
            "`s3plan apply --rebuild-journal` sets it aside and looks at the store instead"
        )
    if _found_schema(connection) != _expected_schema():
        raise damaged(path, "its tables are not those of a journal")
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise damaged(path, str(verdict))
    query = "SELECT plan_digest, made_at_ms, doubtful_since_ms, crc FROM journal WHERE id = 1"
    row = connection.execute(query).fetchone()
    if row is None or check_of(row[:3]) != row[3] or not _JOURNAL.fits(row):
        raise damaged(path, "it does not say to which plan it belongs")
    if row[0] != plan_digest:
        raise JournalRefused(
            f"{shown_path(path)} belongs to another plan ({row[0][:8]}, not {plan_digest[:8]}); "
            "`s3plan apply --rebuild-journal` sets it aside and looks at the store, or name another with --journal"
        )
    since_ms: int | None = row[2]
    return since_ms


def _check_head(path: Path) -> None:
    """Look at what SQLite does not tell of: a file that it would read and, without a word, never write.

    https://www.sqlite.org/fileformat2.html#file_format_version_numbers
    """
    with path.open("rb") as file:
        versions = file.read(20)[18:]
    if versions not in (b"", b"\1\1"):
        raise damaged(path, "its head is not that of a journal")


def check_stored_row(row: Sequence[Any], *, table: str, path: Path) -> None:
    """Raise JournalRefused unless each column of a row of that table holds what it may."""
    if not _SHAPES[table].fits(row):
        raise damaged(path, f"a row of {table} holds what no journal does")


def _expected_schema() -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in schema_statements():
            connection.execute(statement)
        return _found_schema(connection)


def _found_schema(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    """Return what a database says about its own tables, indices, views and triggers; 100 at most."""
    return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid").fetchmany(100)


def damaged(path: Path, what: str) -> JournalRefused:
    """Return the error for a journal that is not, row for row, what was written."""
    return JournalRefused(
        f"{shown_path(path)}: the journal is damaged: {what}; "
        "`s3plan apply --rebuild-journal` sets it aside and looks at the store instead"
    )


def _set_pragmas(connection: sqlite3.Connection) -> None:
    for pragma in ("journal_mode = DELETE", "synchronous = EXTRA", "trusted_schema = OFF", "cell_size_check = ON"):
        connection.execute(f"PRAGMA {pragma}")
