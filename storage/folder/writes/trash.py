"""Where files go that were replaced or deleted: a folder apart, on the same disk, in which nothing is ever replaced."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

from s3plan.schemas.files.paths import staging_folder
from s3plan.schemas.files.requests import Parts
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.writes.renaming import rename_into_nothing

_MOST_NAME_BYTES = 255
_MOST_COPIES = 10_000


class Trash:
    """A file of the plan lands at `PATH/<32 digits of the plan>/<key>`, or at `<key>~1` and so on where one is.

    Used by one thread at a time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, folder: int, name: bytes, plan_digest: str, parts: Parts) -> None:
        """Move the file of that name, in an open directory, to where a person finds it; raises OSError."""
        with suppress(FileExistsError):
            self._path.mkdir(mode=0o700, parents=True)
        with closing(OpenDirectories(self._path)) as directories:
            above = directories.of((staging_folder(plan_digest)[-1], *parts[:-1]), makes=True)
            for number in range(_MOST_COPIES):
                ending = b"~%d" % number if number else b""
                into = parts[-1][: _MOST_NAME_BYTES - len(ending)] + ending
                try:
                    rename_into_nothing(folder, name, above, into)
                except FileExistsError:
                    continue
                return
        raise FileExistsError("so many files of that name are in the trash already")


def is_on_disk_of(trash: Path, root: Path) -> bool:
    """Return whether files can be renamed from one folder to the other, be they there or to be made."""
    return _device_of(trash) == _device_of(root)


def _device_of(path: Path) -> int | None:
    for each in (path, *path.parents):
        with suppress(OSError):
            return each.stat().st_dev
    return None
