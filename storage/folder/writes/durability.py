"""Has a disk keep what was written: whole file systems at a time, which costs less than file by file."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from functools import cache
from threading import Lock


@cache
def _syncfs() -> Callable[[int], int] | None:
    """Return the C library's own: https://man7.org/linux/man-pages/man2/syncfs.2.html; None where there is none."""
    library = ctypes.CDLL(None, use_errno=True)
    try:
        call = library.syncfs
    except AttributeError:
        return None
    call.argtypes = (ctypes.c_int,)
    call.restype = ctypes.c_int
    return call


def sync_device(descriptor: int) -> None:
    """Return once all that was written to the file system of an open file is on its disk; raises OSError if it is not.

    Since Linux 5.8 it raises what went wrong with any file; elsewhere everything is synced, and less is told.
    """
    call = _syncfs()
    if call is None:
        os.sync()
        return
    if call(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number or errno.EIO, os.strerror(number or errno.EIO))


class SharedSync:
    """One sync for all who wait for one at a time: who comes while one goes on shares the next."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._begun = 0
        self._ended = 0  # the last that ended well

    def wait(self, sync: Callable[[], None]) -> None:
        """Return once a sync has ended that began after this was called; raises what it does."""
        wanted = self._begun + 1
        with self._lock:
            if self._ended >= wanted:
                return
            self._begun += 1
            sync()
            self._ended = self._begun
