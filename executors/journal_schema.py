"""The journal's tables, and the check that a file is a journal of this plan, undamaged."""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path
from zlib import crc32

from s3plan.schemas.errors import JournalRefused

APPLICATION_ID = 0x5333524E  # "S3RN"
FORMAT_VERSION = 1


def schema_statements() -> tuple[str, ...]:
    """Return the statements of journal.sql, as SQLite keeps them."""
    text = resources.files("s3plan.executors").joinpath("journal.sql").read_text()
    return tuple(statement.strip() for statement in text.split(";") if statement.strip())


def check_of(content: tuple[object, ...]) -> int:
    """Return the CRC-32 that is kept beside the content of a row."""
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
    _set_pragmas(connection)
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise JournalRefused(f"{path} is not a journal of s3plan; move it away or name another with --journal")
    if version != FORMAT_VERSION:
        raise JournalRefused(f"{path} has journal format {version}; this s3plan reads format {FORMAT_VERSION}")
    found = [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")]
    if found != list(schema_statements()):
        raise damaged(path, "its tables are not those of a journal")
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise damaged(path, str(verdict))
    query = "SELECT plan_digest, made_at_ms, doubtful_since_ms, crc FROM journal WHERE id = 1"
    row = connection.execute(query).fetchone()
    if row is None or check_of(row[:3]) != row[3]:
        raise damaged(path, "it does not say to which plan it belongs")
    if row[0] != plan_digest:
        raise JournalRefused(
            f"{path} belongs to another plan ({row[0][:8]}, not {plan_digest[:8]}); "
            "move it away or name another with --journal"
        )
    since_ms: int | None = row[2]
    return since_ms


def damaged(path: Path, what: str) -> JournalRefused:
    """Return the error for a journal that is not, row for row, what was written."""
    return JournalRefused(
        f"{path}: the journal is damaged: {what}; "
        "`s3plan apply --rebuild-journal` sets it aside and looks at the store instead"
    )


def _set_pragmas(connection: sqlite3.Connection) -> None:
    for pragma in ("journal_mode = DELETE", "synchronous = FULL", "trusted_schema = OFF", "cell_size_check = ON"):
        connection.execute(f"PRAGMA {pragma}")
