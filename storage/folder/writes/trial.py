"""Tries, in a folder, whether files can be put into place and exchanged as the pins of a plan need it."""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import closing, suppress
from pathlib import Path

from s3plan.schemas.files.paths import STAGING_NAME
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.writes.renaming import ExchangeMissing, exchange, rename_into_nothing

TRIAL = b"trial-"
"""How the names of folders begin that a trial makes in the staging folder; it has them locked while it goes on."""
_ONE, _OTHER = b"one", b"other"


def can_exchange(root: Path) -> bool:
    """Return whether two files below a folder can change places at once.

    Raises OSError where no file can be written there, or a file would be replaced that was not to be. What is written
    lies in the staging folder and is removed again.
    """
    parts = (STAGING_NAME, TRIAL + secrets.token_hex(8).encode())
    with closing(OpenDirectories(root)) as directories:
        folder = directories.of(parts, makes=True)
        with suppress(OSError):  # where there are no locks, nobody takes a trial away
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            return _try(folder)
        finally:
            for name in (_ONE, _OTHER):
                with suppress(OSError):
                    os.unlink(name, dir_fd=folder)
            with suppress(OSError):
                os.rmdir(parts[1], dir_fd=directories.of(parts[:1]))
                os.rmdir(parts[0], dir_fd=directories.of(()))


def _try(folder: int) -> bool:
    for name in (_ONE, _OTHER):
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder))
    before = os.stat(_ONE, dir_fd=folder).st_ino
    try:
        rename_into_nothing(folder, _ONE, folder, _OTHER)
    except FileExistsError:
        pass
    else:
        raise OSError("a rename that must not replace a file has replaced one")
    try:
        exchange(folder, _ONE, folder, _OTHER)
    except ExchangeMissing:
        return False
    return os.stat(_OTHER, dir_fd=folder).st_ino == before
