"""Watches a folder and all below it, but one, for whatever the kernel tells of changes there (inotify(7), Linux)."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_MODIFY, _ATTRIB, _MOVED_FROM, _MOVED_TO = 0x2, 0x4, 0x40, 0x80
_CREATE, _DELETE, _OVERFLOW = 0x100, 0x200, 0x4000
_CHANGES = _MODIFY | _ATTRIB | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name


@contextmanager
def watched(folder: Path, *, but: Path) -> Iterator[list[str]]:
    """Yield a list that has, once the block is left, what was changed below `folder` and is neither `but` nor below."""
    if not sys.platform.startswith("linux"):
        pytest.skip("inotify is Linux's")
    kernel = ctypes.CDLL(None, use_errno=True)
    descriptor = kernel.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert descriptor >= 0, os.strerror(ctypes.get_errno())
    try:
        watches: dict[int, Path] = {}
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink() and path != but and but not in path.parents:
                watch = kernel.inotify_add_watch(descriptor, os.fsencode(path), _CHANGES)
                assert watch >= 0, os.strerror(ctypes.get_errno())
                watches[watch] = path
        changes: list[str] = []
        yield changes
        changes += [str(path) for path in _read(descriptor, watches) if path != but]
    finally:
        os.close(descriptor)


def _read(descriptor: int, watches: dict[int, Path]) -> Iterator[Path]:
    while True:
        try:
            data = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return
        while data:
            watch, mask, _, length = _EVENT.unpack_from(data)
            assert not mask & _OVERFLOW, "more changes than the kernel keeps"
            name = data[_EVENT.size : _EVENT.size + length].rstrip(b"\0")
            yield watches[watch] / os.fsdecode(name)
            data = data[_EVENT.size + length :]
