"""Puts a listing that comes in any order into the order of key bytes, on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing

from s3plan.schemas.errors import ListingUnusable, S3PlanError
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.ports import Lister
from s3plan.schemas.printable import escape_unprintable

_PAGE_ROWS = 1000


class SortedOnDisk:
    """A lister of what another one lists, sorted; memory stays flat, the disk takes about 200 bytes an object.

    The rows lie in a nameless temporary file of SQLite, in SQLITE_TMPDIR or TMPDIR, gone when the iteration ends.
    """

    def __init__(self, lister: Lister) -> None:
        self._lister = lister

    @property
    def note(self) -> str | None:
        """Say that the order is ours, not the store's."""
        return "the store lists out of order: sorted on disk first"

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        """Yield the rows in order, once all have come; raise as the other lister does, and for a repeated key.

        Raises S3PlanError if the disk fails.
        """
        try:
            yield from self._sorted_pages()
        except sqlite3.Error as error:
            raise S3PlanError(
                f"the listing cannot be sorted in a temporary file: {error}; make room or check the disk, or set "
                "SQLITE_TMPDIR to a folder with more room"
            ) from error

    def _sorted_pages(self) -> Iterator[Sequence[ObjectRow]]:
        # An empty name is SQLite's own temporary database: https://www.sqlite.org/inmemorydb.html#temp_db
        with closing(sqlite3.connect("", isolation_level=None, check_same_thread=False)) as database:
            database.execute("PRAGMA temp_store = FILE")
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("CREATE TABLE row (key BLOB, size_bytes INTEGER, etag TEXT, mtime_ms INTEGER, class TEXT)")
            database.execute("BEGIN")
            for page in self._lister.pages():
                database.executemany("INSERT INTO row VALUES (?, ?, ?, ?, ?)", page)
            database.execute("COMMIT")
            cursor = database.execute("SELECT * FROM row ORDER BY key")
            last_key: bytes | None = None
            while fetched := cursor.fetchmany(_PAGE_ROWS):
                rows = [ObjectRow(*row) for row in fetched]
                _refuse_repeats(rows, last_key)
                last_key = rows[-1].key
                yield rows


def _refuse_repeats(rows: Sequence[ObjectRow], last_key: bytes | None) -> None:
    for row in rows:
        if row.key == last_key:
            shown = escape_unprintable(row.key.decode(errors="backslashreplace"))
            raise ListingUnusable(f"the listing cannot be used: '{shown}' is listed twice; try again")
        last_key = row.key
