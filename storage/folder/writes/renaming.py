"""Renames that refuse to replace, and renames that exchange: what the system does at once, or the nearest to it.

renameat2: https://man7.org/linux/man-pages/man2/rename.2.html. Where the system or the file system has no such call
(macOS, NFS), a file is put into its place by a hard link, which refuses to replace, and a file is replaced by a plain
rename after a look: then a change between the two is not noticed.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from functools import cache

_NOREPLACE, _EXCHANGE = 1, 2
_IS_MISSING = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})
Renameat2 = Callable[[int, bytes, int, bytes, int], int]


class ExchangeMissing(OSError):
    """Nothing here can exchange two files at once."""


@cache
def _renameat2() -> Renameat2 | None:
    """Return the C library's own, None where there is none."""
    library = ctypes.CDLL(None, use_errno=True)
    try:
        call = library.renameat2
    except AttributeError:
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    call.restype = ctypes.c_int
    return call


def _call(source: int, name: bytes, destination: int, into: bytes, flags: int) -> None:
    rename = _renameat2()
    if rename is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if rename(source, name, destination, into, flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


def rename_into_nothing(source: int, name: bytes, destination: int, into: bytes) -> None:
    """Move a file to where nothing is; raises FileExistsError if something is, whatever it is, and OSError.

    Both places are a directory's descriptor and a name.
    """
    try:
        _call(source, name, destination, into, _NOREPLACE)
    except OSError as error:
        if error.errno not in _IS_MISSING:
            raise
        os.link(name, into, src_dir_fd=source, dst_dir_fd=destination, follow_symlinks=False)
        os.unlink(name, dir_fd=source)


def exchange(source: int, name: bytes, destination: int, into: bytes) -> None:
    """Have two files change their places, at once; raises ExchangeMissing, FileNotFoundError or OSError.

    Places are as in rename_into_nothing.
    """
    try:
        _call(source, name, destination, into, _EXCHANGE)
    except OSError as error:
        if error.errno in _IS_MISSING:
            raise ExchangeMissing(error.errno, error.strerror) from error
        raise
