"""Directories below a folder, kept open: each is reached from the one above it, and no symbolic link on the way."""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from s3plan.schemas.files.requests import Parts

_MOST_OPEN = 64
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class _Held(NamedTuple):
    """An open directory; as long as it is open no other one can get its identity, the device and the inode."""

    descriptor: int
    identity: tuple[int, int]

    @classmethod
    def of(cls, descriptor: int) -> Self:
        """Return that of a directory that was just opened."""
        return cls(descriptor, _identity(os.fstat(descriptor)))


class OpenDirectories:
    """Used by one thread. With `follows`, symbolic links are gone through as well."""

    def __init__(self, root: bytes | str | os.PathLike[str], *, follows: bool = False) -> None:
        """Open the folder itself, by whatever links lead there; raises OSError."""
        self._flags = _FLAGS | (0 if follows else os.O_NOFOLLOW)
        self._path = Path(os.fsdecode(root))
        self._root = _Held.of(os.open(root, _FLAGS))
        self._open: OrderedDict[Parts, _Held] = OrderedDict()

    def of(self, parts: Parts, *, makes: bool = False) -> int:
        """Return the descriptor of a directory, good until the next call; with `makes` what is missing is made.

        Raises OSError: FileNotFoundError where there is none, NotADirectoryError or ELOOP for something else.
        """
        return self._held(parts, makes=makes).descriptor

    def device_of(self, parts: Parts, *, makes: bool = False) -> int:
        """Return the device that a directory is on; as `of`."""
        return self._held(parts, makes=makes).identity[0]

    def forget(self, parts: Parts) -> None:
        """Reach a directory, and all below it, anew when they are asked for again: somebody may have replaced them."""
        for each in [each for each in self._open if each[: len(parts)] == parts]:
            os.close(self._open.pop(each).descriptor)

    def look_again(self, *places: Parts) -> None:
        """Forget what is held on the way to directories and is not under its name any more: it was moved away.

        To be asked before anything is changed there. Raises OSError if that is so of the folder itself.
        """
        if self._root.identity != _identity(os.stat(self._path)):  # noqa: PTH116  for each file: pathlib takes its time
            raise OSError(errno.ESTALE, "another folder is in the place of the one that was opened")
        for parts in places:
            self._look_again_at(parts)

    def _look_again_at(self, parts: Parts) -> None:
        for depth in range(1, len(parts) + 1):
            held = self._open.get(parts[:depth])
            try:
                above = self.of(parts[: depth - 1])
                there = None if held is None else os.stat(parts[depth - 1], dir_fd=above, follow_symlinks=False)
            except FileNotFoundError:
                self.forget(parts[:depth])
                return
            if held is not None and there is not None and held.identity != _identity(there):
                self.forget(parts[:depth])

    def close(self) -> None:
        """Close all of them."""
        self.forget(())
        os.close(self._root.descriptor)

    def _held(self, parts: Parts, *, makes: bool) -> _Held:
        if not parts:
            return self._root
        known = self._open.get(parts)
        if known is not None:
            self._open.move_to_end(parts)
            return known
        above = self.of(parts[:-1], makes=makes)
        opened = self._open[parts] = _Held.of(self._opened(parts[-1], above, makes=makes))
        if len(self._open) > _MOST_OPEN:
            os.close(self._open.popitem(last=False)[1].descriptor)
        return opened

    def _opened(self, name: bytes, above: int, *, makes: bool) -> int:
        try:
            return os.open(name, self._flags, dir_fd=above)
        except FileNotFoundError:
            if not makes:
                raise
        with suppress(FileExistsError):  # somebody was quicker
            os.mkdir(name, dir_fd=above)
        return os.open(name, self._flags, dir_fd=above)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
