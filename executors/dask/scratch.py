"""The folder in which the dask workers of this machine keep their things, and what killed runs have left of theirs."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

_PREFIX = "s3plan-dask-"
_LOCK = "owner.lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a new folder for as long as the context lasts; those of processes that are gone are removed first."""
    _remove_left_behind(Path(gettempdir()))
    with TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        fresh = folder / f"{_LOCK}.new"
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with suppress(OSError):  # without flock it is never taken for left behind
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fresh.rename(folder / _LOCK)  # nobody finds it under this name who could hold it first
            yield folder
        finally:
            os.close(descriptor)


def _remove_left_behind(parent: Path) -> None:
    """Remove our own folders whose locks nobody holds: the kernel lets go of a lock when its process ends."""
    try:
        found = [entry.path for entry in os.scandir(parent) if entry.name.startswith(_PREFIX)]
    except OSError:
        return
    for name in found:
        with suppress(OSError):
            _remove_if_left(Path(name))


def _remove_if_left(folder: Path) -> None:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)
