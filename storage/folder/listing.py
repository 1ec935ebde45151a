"""The files below a folder, in the order in which S3 lists their keys.

Names of a directory are ordered as bytes, those of directories with a `/` at their end, and walked depth first: that is
the order of the whole keys. The names of one directory are in memory at a time, for each level, half a million at most.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from s3plan.schemas.errors import ListingUnusable
from s3plan.schemas.files.paths import OWN_NAMES
from s3plan.schemas.objects import ObjectRow, Oddity, odd_row
from s3plan.schemas.printable import shown_path
from s3plan.storage.folder.name_runs import sorted_names

_PAGE_ROWS = 1000
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A name is kept as bytes that sort as it does, with a `/` at the end for a directory, and then of fixed length: NUL,
# which is in no name, the inode, whether it is a symbolic link. One object, of which there may be a million.
_INODE_BYTES = 8
_TAIL = 1 + _INODE_BYTES + 1
_PLAIN, _LINK = b"\0", b"\1"
_IS_LINK = _LINK[0]


@dataclass(slots=True)
class _Level:
    """A directory that is being walked; `key` is empty or ends in `/`, `at` is the first name not yet taken.

    `more` yields the names that follow those in memory.
    """

    descriptor: int
    key: bytes
    identity: tuple[int, int]
    names: list[bytes]
    more: Iterator[list[bytes]]
    at: int = 0


class FolderLister:
    """A Lister of the files below `root`; with `follows` symbolic links count as what they lead to.

    With `stays_on_device` what lies on another file system is an odd row.

    `below` are the first bytes of all keys that matter. A stamp is the ETag of a row. What is no file, or cannot be
    read, is an odd row. Empty directories have none; they are counted, and `on_empty` is told their keys, with `/` at
    the end, each before the page of what follows it.
    """

    def __init__(
        self,
        root: Path,
        *,
        follows: bool = False,
        has_short_stamps: bool = False,
        stays_on_device: bool = False,
        below: bytes = b"",
        on_empty: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self._on_empty = on_empty
        self._root = root
        self._follows = follows
        self._is_short = has_short_stamps
        self._stays = stays_on_device
        self._below = below
        self._empty = 0

    @property
    def note(self) -> str | None:
        """Say how many directories have nothing in them: no object stands for them."""
        if not self._empty:
            return None
        how_many = "1 empty directory is" if self._empty == 1 else f"{self._empty:,} empty directories are"
        return f"{how_many} left out"

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        """Yield the rows; raise ListingUnusable if the folder itself is not there, or cannot be read."""
        levels: list[_Level] = []
        page: list[ObjectRow] = []
        try:
            descriptor = os.open(self._root, _OPEN_DIRECTORY)
            levels.append(self._entered(descriptor, os.fstat(descriptor), b""))
            while levels:
                page += self._next_rows(levels)
                if len(page) >= _PAGE_ROWS:
                    yield page
                    page = []
            if page:
                yield page
        except OSError as error:
            raise ListingUnusable(f"the folder {shown_path(self._root)} cannot be read: {error.strerror}") from error
        finally:
            for level in levels:
                os.close(level.descriptor)

    def _next_rows(self, levels: list[_Level]) -> Sequence[ObjectRow]:
        """Return the rows of the files that come next in the innermost directory, or go into the next one, or out."""
        level = levels[-1]
        names, at = level.names, level.at
        if at == len(names):
            following = next(level.more, None)
            if following is None:
                os.close(levels.pop().descriptor)
            else:
                level.names, level.at = following, 0
            return ()
        if names[at][-_TAIL - 1] == _SLASH:
            level.at += 1
            found = self._enter(levels, names[at])
            if isinstance(found, _Level):
                levels.append(found)
                return ()
            return () if found is None else (found,)
        end = at + 1
        most = min(len(names), at + _PAGE_ROWS)
        while end < most and names[end][-_TAIL - 1] != _SLASH:
            end += 1
        level.at = end
        return self._files(level, names[at:end])

    def _enter(self, levels: list[_Level], packed: bytes) -> _Level | ObjectRow | None:
        """Return the level of a directory, or the odd row that stands for it, None if it has gone."""
        name = packed[: -_TAIL - 1]
        key = levels[-1].key + name + b"/"
        if name in OWN_NAMES:
            return odd_row(key, Oddity.OWN)
        flags = _OPEN_DIRECTORY | (0 if packed[-1] == _IS_LINK else os.O_NOFOLLOW)
        try:
            descriptor = os.open(name, flags, dir_fd=levels[-1].descriptor)
        except FileNotFoundError:
            return None
        except OSError:
            return odd_row(key, Oddity.UNREADABLE)
        try:
            status = os.fstat(descriptor)
            if (status.st_dev, status.st_ino) in {level.identity for level in levels}:
                os.close(descriptor)
                return odd_row(key, Oddity.LINK_IN_CIRCLE)
            if self._stays and status.st_dev != levels[0].identity[0]:
                os.close(descriptor)
                return odd_row(key, Oddity.MOUNTED)
            return self._entered(descriptor, status, key)
        except OSError:
            return odd_row(key, Oddity.UNREADABLE)

    def _entered(self, descriptor: int, status: os.stat_result, key: bytes) -> _Level:
        """Read the names of an open directory; closes it if that fails."""
        is_empty = True

        def packed(found: Iterator[os.DirEntry[str]]) -> Iterator[bytes]:
            nonlocal is_empty
            for each in found:
                is_empty = False
                name = self._packed(descriptor, each)
                if not self._below or self._matters(key + name[:-_TAIL]):
                    yield name

        try:
            with os.scandir(descriptor) as found:
                more = sorted_names(packed(found))
                names = next(more)
        except BaseException:
            with suppress(OSError):
                os.close(descriptor)
            raise
        if is_empty and key:
            self._empty += 1
            self._on_empty(key)
        return _Level(descriptor, key, (status.st_dev, status.st_ino), names, more)

    def _matters(self, key: bytes) -> bool:
        return key.startswith(self._below) or self._below.startswith(key)

    def _packed(self, descriptor: int, found: os.DirEntry[str]) -> bytes:
        is_directory, kind = found.is_dir(follow_symlinks=False), _PLAIN
        if found.is_symlink():
            kind = _LINK
            if self._follows:
                with suppress(OSError):
                    is_directory = S_ISDIR(os.stat(found.name, dir_fd=descriptor).st_mode)
        end = b"/\0" if is_directory else b"\0"
        return os.fsencode(found.name) + end + found.inode().to_bytes(_INODE_BYTES, "big") + kind

    def _files(self, level: _Level, packed: list[bytes]) -> list[ObjectRow]:
        """Return the rows of names that are no directories; they are looked at as they lie on the disk."""
        rows: list[ObjectRow | None] = [None] * len(packed)
        inodes = [each[-_INODE_BYTES - 1 : -1] for each in packed]
        for at in sorted(range(len(packed)), key=inodes.__getitem__):
            each = packed[at]
            rows[at] = self._row(level, each[:-_TAIL], is_link=each[-1] == _IS_LINK)
        return [row for row in rows if row is not None]

    def _row(self, level: _Level, name: bytes, *, is_link: bool) -> ObjectRow | None:
        """Return the row of a name that is no directory, None if it has gone."""
        key = level.key + name
        if name in OWN_NAMES:
            return odd_row(key, Oddity.OWN)
        if is_link and not self._follows:
            return odd_row(key, Oddity.LINK)
        try:
            status = os.stat(name, dir_fd=level.descriptor, follow_symlinks=self._follows)
        except OSError as error:
            if is_link:
                return odd_row(key, Oddity.LINK_TO_NOTHING)
            return None if isinstance(error, FileNotFoundError) else odd_row(key, Oddity.UNREADABLE)
        if self._stays and status.st_dev != level.identity[0]:
            return odd_row(key, Oddity.MOUNTED)
        return file_row(key, status, has_short_stamp=self._is_short) or odd_row(key, Oddity.SPECIAL)


def file_row(key: bytes, status: os.stat_result, *, has_short_stamp: bool = False) -> ObjectRow | None:
    """Return the row of a file with its stamp as the ETag; None if it is none."""
    if not S_ISREG(status.st_mode):
        return None
    size_bytes, mtime_ns = status.st_size, status.st_mtime_ns
    # As Stamp writes it, at a third of the cost: there may be millions of files.
    stamp = f"{size_bytes}:{mtime_ns}"
    if not has_short_stamp:
        stamp = f"{stamp}:{status.st_ctime_ns}:{status.st_ino}"
    return ObjectRow(key, size_bytes, stamp, mtime_ns // 1_000_000)


_SLASH = b"/"[0]
