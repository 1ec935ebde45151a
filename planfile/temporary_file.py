"""A file that is whole under its final name or not there at all."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from pathlib import Path

from s3plan.planfile.own_file import objection_to_folder
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.printable import shown_path

MIN_FREE_BYTES = 32 * 1024 * 1024
PLAN_FOLDER = ".s3plan"


def prepare_folder(folder: Path) -> None:
    """Make the folder, for its owner only, if it is a `.s3plan` one; any other must be there.

    Raises what make_own_folder raises.
    """
    if folder.name == PLAN_FOLDER:
        make_own_folder(folder)


def make_own_folder(folder: Path) -> None:
    """Make a folder for plans, for its owner only, unless it is there. Raises OSError.

    One that somebody else has made is refused with S3PlanError: they could put another plan into it.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError as error:
        raise S3PlanError(
            f"{shown_path(folder)} is not a folder; move it away, or put the plan elsewhere with -o"
        ) from error
    objection = objection_to_folder(folder)
    if objection is not None:
        raise S3PlanError(
            f"{shown_path(folder)} {objection}, so others could change the plans in it; remove it, or put the plan "
            "elsewhere with -o"
        )


def free_bytes(folder: Path) -> int:
    """Return how many bytes this user may still write in the folder. Raises OSError."""
    return shutil.disk_usage(folder).free


def create_temporary(final: Path) -> Path:
    """Create an empty file beside `final`, readable by its owner only, and return its path. Raises OSError."""
    path = final.with_name(f".{final.name}.{os.getpid()}-{secrets.token_hex(8)}.tmp")
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    os.close(os.open(path, flags, 0o600))
    return path


def remove_dead_temporaries(final: Path) -> None:
    """Remove what writers of `final` left behind whose process is gone. Raises OSError.

    The process id is all there is to go by: a writer on another machine that shares the folder may lose its file, and
    then fails without having changed anything.
    """
    name = re.compile(rf"\.{re.escape(final.name)}\.([0-9]{{1,10}})-[0-9a-f]{{16}}\.tmp", re.DOTALL)
    for entry in final.parent.iterdir():
        found = name.fullmatch(entry.name)
        if found and not _is_alive(int(found[1])):
            entry.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have the kernel put a file's bytes, or a folder's names, on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
