"""What somebody else who may write to a folder can leave there."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

SOMEBODY_ELSE = 65_534


def give_away(path: Path) -> None:
    """Make a file, folder or link somebody else's; the test is skipped where only root could."""
    try:
        os.chown(path, SOMEBODY_ELSE, SOMEBODY_ELSE, follow_symlinks=False)
    except PermissionError:
        pytest.skip("only root can give a file away")


def plant_hot_journal(database: Path, statements: Sequence[str]) -> None:
    """Lay a rollback journal beside a database that turns its content into what the statements make of it."""
    other = _copy_with(database, statements)
    with closing(sqlite3.connect(other, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")  # pages are written out, and the journal before them
        connection.execute("BEGIN IMMEDIATE")
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            (column, *_), *_ = connection.execute(f"SELECT name FROM pragma_table_info('{table}')").fetchall()
            connection.execute(f"UPDATE {table} SET {column} = {column}")
        shutil.copyfile(f"{other}-journal", f"{database}-journal")
    other.unlink()


def plant_log(database: Path, statements: Sequence[str]) -> None:
    """Lay a write-ahead log beside a database that turns its content into what the statements make of it."""
    other = _copy_with(database, ())
    with closing(sqlite3.connect(other, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        for statement in statements:
            connection.execute(statement)
        shutil.copyfile(f"{other}-wal", f"{database}-wal")
    other.unlink()


def _copy_with(database: Path, statements: Sequence[str]) -> Path:
    other = database.with_name("other-copy")
    shutil.copyfile(database, other)
    with closing(sqlite3.connect(other, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return other
