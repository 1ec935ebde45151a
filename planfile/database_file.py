"""Opens a file that claims to be a plan, as far as SQLite is concerned."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path
from urllib.parse import quote_from_bytes

from s3plan.planfile.rows import APPLICATION_ID, MAX_HEADER_BYTES, expected_schema, found_schema
from s3plan.schemas.errors import PlanDamaged, PlanRefused
from s3plan.schemas.plan.header import FORMAT_VERSION
from s3plan.schemas.printable import shown_path, typed_path

# https://www.sqlite.org/fileformat2.html#the_database_header
_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
# What reading a damaged database raises: sqlite3 itself fails on a message that quotes what is not UTF-8.
DATABASE_ERRORS = (sqlite3.Error, UnicodeDecodeError)


def open_database(path: Path) -> sqlite3.Connection:
    """Open a plan's database, read-only and as a file that never changes.

    Its first bytes are looked at before SQLite is, its schema before any row is. No journal or log of SQLite's beside
    it is read. It may be a symbolic link, and anybody's: what it says is judged by its digest, not by where it lies.
    Raises PlanRefused for what is not a plan of this format, PlanDamaged for one with a part missing.
    """
    _check_first_bytes(path)
    location = quote_from_bytes(bytes(path.absolute()))
    try:
        connection = sqlite3.connect(
            f"file://{location}?mode=ro&immutable=1", uri=True, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as e:
        raise PlanRefused(f"{shown_path(path)} cannot be opened ({e}); check its permissions and the disk") from e
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_HEADER_BYTES)
        is_plan = found_schema(connection) == expected_schema()
    except DATABASE_ERRORS as e:
        connection.close()
        raise PlanDamaged(f"{shown_path(path)} is damaged: {e}; make a new plan") from e
    if not is_plan:
        connection.close()
        raise PlanRefused(
            f"{shown_path(path)} is no plan of s3plan: its tables are not those of a plan; make a new plan"
        )
    return connection


def _check_first_bytes(path: Path) -> None:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise PlanRefused(f"{shown_path(path)} is {what}; name a plan, which is a file such as NAME.s3plan")
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
    except FileNotFoundError as e:
        raise PlanRefused(f"there is no plan at {shown_path(path)}; make one with `s3plan plan`") from e
    except OSError as e:
        raise PlanRefused(
            f"{shown_path(path)} cannot be read ({e.strerror}); check its permissions and the disk"
        ) from e
    if len(head) < _HEADER_BYTES or not head.startswith(_MAGIC) or _number(head, 68) != APPLICATION_ID:
        raise PlanRefused(f"{shown_path(path)} is {'no plan of s3plan' if head else 'an empty file'}; {_instead(path)}")
    version = _number(head, 60)
    if version > FORMAT_VERSION:
        raise PlanRefused(
            f"{shown_path(path)} was made by a newer s3plan: its format is {version}, this one reads {FORMAT_VERSION}; "
            "update s3plan, or make a new plan"
        )
    if version != FORMAT_VERSION:
        raise PlanRefused(
            f"{shown_path(path)} was made by an older s3plan: its format is {version}, this one reads "
            f"{FORMAT_VERSION}; make a new plan"
        )
    page_bytes = int.from_bytes(head[16:18], "big")
    planned = _number(head, 28) * (65536 if page_bytes == 1 else page_bytes)
    if planned != status.st_size:
        raise PlanDamaged(
            f"{shown_path(path)} is damaged: it has {status.st_size:,} bytes, not {planned:,}; make a new plan"
        )


def _instead(path: Path) -> str:
    """Return what to name in place of a file that is no plan, most likely a manifest."""
    if path.suffix == ".s3plan":
        return "make the plan again with `s3plan plan`"
    return f"if it is a manifest, `s3plan plan {typed_path(path)}` makes a plan of it"


def _number(head: bytes, offset: int) -> int:
    return int.from_bytes(head[offset : offset + 4], "big")
