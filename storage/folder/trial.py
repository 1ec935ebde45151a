"""Tries, in a folder, whether files can be put into place and exchanged as the pins of a plan need it."""

from __future__ import annotations

import os
import secrets
from contextlib import closing, suppress
from pathlib import Path

from s3plan.schemas.files.paths import STAGING_NAME, staging_folder
from s3plan.schemas.files.requests import Parts
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.renaming import ExchangeMissing, exchange, rename_into_nothing
from s3plan.storage.folder.staging import EXCHANGED

_ONE, _OTHER = b"one", b"other"


def can_exchange(root: Path) -> bool:
    """Return whether two files below a folder can change places at once.

    Raises OSError where no file can be written there, or a file would be replaced that was not to be. What is written
    lies in the staging folder and is removed again.
    """
    parts = (STAGING_NAME, b"trial-" + secrets.token_hex(8).encode())
    with closing(OpenDirectories(root)) as directories:
        folder = directories.of(parts, makes=True)
        try:
            return _try(folder)
        finally:
            for name in (_ONE, _OTHER):
                with suppress(OSError):
                    os.unlink(name, dir_fd=folder)
            with suppress(OSError):
                os.rmdir(parts[1], dir_fd=directories.of(parts[:1]))
                os.rmdir(parts[0], dir_fd=directories.of(()))


def _try(folder: int) -> bool:
    for name in (_ONE, _OTHER):
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder))
    before = os.stat(_ONE, dir_fd=folder).st_ino
    try:
        rename_into_nothing(folder, _ONE, folder, _OTHER)
    except FileExistsError:
        pass
    else:
        raise OSError("a rename that must not replace a file has replaced one")
    try:
        exchange(folder, _ONE, folder, _OTHER)
    except ExchangeMissing:
        return False
    return os.stat(_OTHER, dir_fd=folder).st_ino == before


def _clear(directories: OpenDirectories, parts: Parts) -> None:
    with suppress(FileNotFoundError):
        folder = directories.of(parts)
        with os.scandir(folder) as found:
            names = [os.fsencode(each.name) for each in found]
        for each in names:
            if not each.endswith(EXCHANGED):
                os.unlink(each, dir_fd=folder)


def tidy_staging(root: Path, plan_digest: str, *, clears: bool = False) -> list[bytes]:
    """Remove a plan's staging folder if it is empty, and the one above it; return the names of what is in it.

    With `clears` all that is ours and unfinished goes first. Raises OSError where there is no such root.
    """
    parts = staging_folder(plan_digest)
    with closing(OpenDirectories(root)) as directories:
        if clears:
            _clear(directories, parts)
        with suppress(FileNotFoundError):
            with os.scandir(directories.of(parts)) as found:
                left = sorted(os.fsencode(each.name) for each in found)
            if left:
                return left
            os.rmdir(parts[1], dir_fd=directories.of(parts[:1]))
        with suppress(OSError):
            os.rmdir(parts[0], dir_fd=directories.of(()))
    return []
