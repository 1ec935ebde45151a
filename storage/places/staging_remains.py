"""What is left in the staging folder of a plan once a run has ended, and goes, or stays for somebody to look at."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from s3plan.schemas.files.paths import STAGING_NAME, staging_folder
from s3plan.schemas.files.requests import Parts, StagedName
from s3plan.schemas.files.stamps import Stamp
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.writes.staging import EXCHANGED, is_same_file, remove_if_there
from s3plan.storage.folder.writes.trash import Trash
from s3plan.storage.folder.writes.trial import TRIAL


@dataclass(frozen=True, slots=True)
class Settled:
    """An action that no run acts on any more, and its file. `removed` went out of that place for it, if one did."""

    parts: Parts
    removed: Stamp | None


FindSettled = Callable[[StagedName], Settled | None]


def tidy_staging(
    root: Path, plan_digest: str, *, settled: FindSettled, clears: bool = False, trash: Trash | None = None
) -> list[bytes]:
    """Remove what settled actions have left, and the staging folder if nothing else is in it; return what is.

    A power failure brings back what was removed, or moved to the trash, after the last sync: the journal may say that
    those actions are done. With `clears` all that is ours goes. Raises OSError where there is no such root.
    """
    parts = staging_folder(plan_digest)
    with closing(OpenDirectories(root)) as directories:
        with suppress(FileNotFoundError):
            folder = directories.of(parts)
            left: list[bytes] = []
            for name in _names_in(folder):
                staged = StagedName.parse(plan_digest, os.fsdecode(name.removesuffix(EXCHANGED)))
                end = None if staged is None else settled(staged)
                if name.endswith(EXCHANGED):
                    is_over = end is not None and _is_removed(folder, name, end)
                else:
                    is_over = end is not None or clears
                if not is_over:
                    left.append(name)
                elif trash is not None and end is not None and name.endswith(EXCHANGED):
                    trash.take(folder, name, plan_digest, end.parts)
                else:
                    remove_if_there(name, folder=folder)
            if left:
                return left
            os.rmdir(parts[1], dir_fd=directories.of(parts[:1]))
        with suppress(OSError):
            _remove_dead_trials(directories)
            os.rmdir(parts[0], dir_fd=directories.of(()))
    return []


def _names_in(folder: int) -> list[bytes]:
    with os.scandir(folder) as found:
        return sorted(os.fsencode(each.name) for each in found)


def _is_removed(folder: int, name: bytes, end: Settled) -> bool:
    """Whether it is the very file that the action was to take out of its place."""
    return end.removed is not None and is_same_file(os.stat(name, dir_fd=folder, follow_symlinks=False), end.removed)


def _remove_dead_trials(directories: OpenDirectories) -> None:
    """Remove the folders of trials that were killed; raises OSError."""
    above: Parts = (STAGING_NAME,)
    for name in _names_in(directories.of(above)):
        if not name.startswith(TRIAL):
            continue
        folder = directories.of((*above, name))
        with suppress(BlockingIOError):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for each in _names_in(folder):
                os.unlink(each, dir_fd=folder)
            os.rmdir(name, dir_fd=directories.of(above))
