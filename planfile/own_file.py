"""Whether a file is this user's own: what may say that work is done must not come from whoever shares the folder.

A journal, a lock and what lies beside them are made with mode 0600 and never through a link, and so they are expected.
Where a file system keeps no owners or modes (FAT, some mounts of virtual machines and of NFS), a file of ours looks
like those of others; there, one that looks as a file does that is made now is taken for our own.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def objection_to(path: Path) -> str | None:
    """Return why a file is not to be believed, as a clause that follows its name; None if it may be, or is not there.

    Raises OSError.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return objection_to_status(found, folder=path.parent)


def objection_to_status(found: os.stat_result, *, folder: Path) -> str | None:
    """Return the same of a file in this folder of which `os.fstat` or `os.lstat` told `found`."""
    if stat.S_ISLNK(found.st_mode):
        return "is a symbolic link"
    if not stat.S_ISREG(found.st_mode):
        return "is not a file"
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid == os.geteuid() and not mode & _OTHERS_WRITE:
        return None
    if (found.st_uid, mode & _OTHERS_WRITE) == _look_of_a_new_file(folder):
        return None
    if found.st_uid != os.geteuid():
        return f"belongs to another user ({found.st_uid})"
    return f"may be written by others (its mode is {mode:04o}; chmod 600 it if you trust it)"


def is_of_another_user(path: Path) -> bool:
    """Return whether a file belongs neither to this user nor to root; False where there is none."""
    try:
        return path.stat().st_uid not in {os.geteuid(), 0}
    except OSError:
        return False


def objection_to_folder(path: Path) -> str | None:
    """Return why no plan should be kept in a folder, as a clause that follows its name. Raises OSError."""
    found = path.stat()
    for owner in (path.lstat().st_uid, found.st_uid):  # of the link, if it is one, and of the folder
        if owner not in {os.geteuid(), _look_of_a_new_file(path)[0]}:
            return f"belongs to another user ({owner})"
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX and not _look_of_a_new_file(path)[1]:
        return f"may be written by everybody (its mode is {stat.S_IMODE(found.st_mode):04o})"
    return None


def _look_of_a_new_file(folder: Path) -> tuple[int, int]:
    """Return the owner that a new file of ours has there, and which others may write it although we say none."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            status = os.fstat(file.fileno())
    except OSError:
        return os.geteuid(), 0
    return status.st_uid, status.st_mode & _OTHERS_WRITE
