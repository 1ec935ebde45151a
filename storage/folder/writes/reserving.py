"""Has a disk keep room for a file that is going to be written: a full one says so before the bytes are fetched.

By fallocate(2) itself: the C library's posix_fallocate writes a byte into each block where the file system has no such
call (NFS, FUSE, exFAT), which is all of the file. https://man7.org/linux/man-pages/man2/fallocate.2.html
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from functools import cache

_CANNOT = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS})


@cache
def _fallocate() -> Callable[[int, int, int, int], int] | None:
    """Return the C library's own, None where there is none (macOS)."""
    library = ctypes.CDLL(None, use_errno=True)
    try:
        call = library.fallocate
    except AttributeError:
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    call.restype = ctypes.c_int
    return call


def reserve(descriptor: int, size_bytes: int) -> None:
    """Reserve so many bytes, from the start, where that can be had; raises OSError where there is no room."""
    call = _fallocate()
    if call is None or call(descriptor, 0, 0, size_bytes) == 0:
        return
    number = ctypes.get_errno()
    if number not in _CANNOT:
        raise OSError(number, os.strerror(number))
