"""Opens a journal's file as far as SQLite is concerned: this user's own, never through a link, nothing planted by it.

SQLite reads what lies beside a database: `-journal`, which undoes what a crash left half written, and `-wal`, which
s3plan never makes. Somebody who may write to the folder could change with them what a journal says.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from s3plan.planfile.own_file import objection_to
from s3plan.schemas.errors import JournalRefused
from s3plan.schemas.printable import shown_path

_MAX_ROW_BYTES = 16 << 20  # a bitmap of a batch, or a clause; far more than either
_LOCK_WAIT_S = 5.0


def open_file(path: Path, *, create: bool) -> sqlite3.Connection:
    """Open the file, made with mode 0600 if it is missing and `create` says so; raise JournalRefused, OSError.

    Nothing was read of it yet. sqlite3.OperationalError where it is missing or may not be read.
    """
    if create:
        _create(path)
    check_place(path)
    # A URI, so that no name means anything else to SQLite, and so that SQLite makes no file by itself.
    location = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(location, uri=True, isolation_level=None, timeout=_LOCK_WAIT_S)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_ROW_BYTES)
    return connection


def check_place(path: Path) -> None:
    """Raise JournalRefused unless a journal, and what SQLite would read beside it, are this user's own. Raises OSError.

    In a folder where others may rename what is ours, this holds for the moment only.
    """
    for file in (path, path.with_name(f"{path.name}-journal")):
        objection = objection_to(file)
        if objection is not None:
            raise JournalRefused(
                f"{shown_path(file)} {objection}: it might say that work is done that is not; move it away, or name "
                "another journal with --journal"
            )
    log = path.with_name(f"{path.name}-wal")
    if os.path.lexists(log):
        raise JournalRefused(f"{shown_path(log)} is not from s3plan, and SQLite would read it; move it away")


def _create(path: Path) -> None:
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        os.close(os.open(path, flags, 0o600))
    except FileExistsError:
        return
