"""A disk that fails, fills up, or is the last thing that a process touches: disk_shim.c, compiled, armed and read."""

from __future__ import annotations

import ctypes
import platform
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOREVER = 1 << 40
SHORT_WRITE = -1  # as an error: the first half of a write is taken, then the disk is full
_SOURCE = Path(__file__).with_suffix(".c")
_HEAD = struct.Struct("=ciqq")


@dataclass(frozen=True, slots=True)
class DiskFault:
    """What goes wrong at the `fail_at`th change below a folder (from 1) and `times - 1` after it, with which errno.

    `kinds`: only changes of these are counted for that. `kill_at`: the process is killed just before the change of that
    number. 0: never.
    """

    fail_at: int = 0
    times: int = 1
    error: int = 5
    kill_at: int = 0
    kinds: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One change as the process asked for it: what a letter means is said in disk_shim.c, at `note`.

    `offset` is the new length for a truncation and for room that is reserved, the nanoseconds of a time, the number of
    a mark; `data` the new path for a renaming, an exchange and a link.
    """

    kind: str
    path: str
    offset: int
    data: bytes


def why_not() -> str | None:
    """Return why there can be no such disk here; None if there can."""
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return "needs LD_PRELOAD, /proc and glibc: Linux"
    return None if shutil.which("cc") else "needs a C compiler (cc)"


def compile_shim(folder: Path) -> Path:
    """Return the library, compiled if it is not in the folder yet."""
    library = folder / "disk_shim.so"
    if not library.exists():
        fresh = folder / "disk_shim.fresh.so"
        command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(fresh), str(_SOURCE), "-ldl", "-lpthread"]
        subprocess.run(command, check=True, capture_output=True)
        fresh.replace(library)
    return library


class Disk:
    """The shim in this process, which was started with it."""

    def __init__(self, library: str) -> None:
        self._shim = ctypes.CDLL(library)
        for told in (self._shim.disk_shim_failed, self._shim.disk_shim_kinds):
            told.restype = ctypes.c_char_p
        self._shim.disk_shim_arm.argtypes = [
            ctypes.c_char_p,
            ctypes.c_long,
            ctypes.c_long,
            ctypes.c_int,
            ctypes.c_long,
            ctypes.c_char_p,
            ctypes.c_char_p,
        ]
        self._shim.disk_shim_mark.argtypes = [ctypes.c_long]

    def watch(self, folder: Path, fault: DiskFault, *, log: Path | None = None) -> None:
        """Count what is done below the folder from now on, write it down, and let the fault happen."""
        path = None if log is None else bytes(log)
        kinds = fault.kinds.encode()
        self._shim.disk_shim_arm(bytes(folder), fault.fail_at, fault.times, fault.error, fault.kill_at, kinds, path)

    @property
    def changes(self) -> str:
        """All changes so far, a letter for each as in Change.kind.

        And `d` for a sync of the folder itself, `n` for the creation of a file without a name.
        """
        return bytes(self._shim.disk_shim_kinds()).decode()

    @property
    def failed(self) -> str:
        """What kinds of changes have failed, in the same letters."""
        return bytes(self._shim.disk_shim_failed()).decode()

    def mark(self, number: int) -> None:
        """Put a mark into the log."""
        self._shim.disk_shim_mark(number)


def read_log(path: Path) -> Iterator[Change]:
    """Yield what was written down."""
    raw, at = path.read_bytes(), 0
    while at < len(raw):
        kind, path_length, offset, length = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        name = raw[at : at + path_length].decode()
        at += path_length
        yield Change(kind.decode(), name, offset, raw[at : at + length])
        at += length
