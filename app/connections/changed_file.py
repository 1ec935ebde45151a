"""Changes the file of this user's own connections: whole under its name at any moment, one writer at a time."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from s3plan.app.connections.own_file import read_own
from s3plan.app.paths import connections_path
from s3plan.planfile.own_file import objection_to_folder
from s3plan.planfile.temporary_file import create_temporary, remove_dead_temporaries, sync
from s3plan.planner.manifest.connections.own_connections import OwnConnections, parse_connections
from s3plan.schemas.errors import Locked, S3PlanError
from s3plan.schemas.printable import shown_path

_LOCK_PATIENCE_S = 10.0
_LOOK_EVERY_S = 0.05


def change_own_connections(change: Callable[[OwnConnections], bytes]) -> OwnConnections:
    """Replace the file by what `change` makes of it, under a lock that everybody takes who writes it; return it read.

    What it makes is judged first. Whoever reads meanwhile, and whoever comes after a kill at any moment, finds the old
    file or the new one. Raises ManifestInvalid for what is there or what would be, Locked after ten seconds behind
    another writer, S3PlanError where the folder or the disk does not take it, and what `change` raises.
    """
    path = connections_path()
    try:
        _make_folder(path.parent)
        with _lock(path):
            remove_dead_temporaries(path)
            old = read_own(path)
            new = change(parse_connections(b"" if old is None else old, path=path))
            judged = parse_connections(new, path=path)
            if new != old:
                _replace(path, new)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise S3PlanError(f"{shown_path(path)} cannot be written ({reason}); nothing was changed") from error
    return judged


def _replace(path: Path, text: bytes) -> None:
    temporary = create_temporary(path)
    try:
        with temporary.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def _make_folder(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    objection = objection_to_folder(folder)
    if objection is not None:
        raise S3PlanError(
            f"{shown_path(folder)} {objection}, so others could change your connections; chmod 700 it, or remove it"
        )


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the lock beside the file; a file system that has none leaves a file that is replaced as a whole."""
    flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path.with_name(f"{path.name}.lock"), flags, 0o600)
    try:
        until_s = time.monotonic() + _LOCK_PATIENCE_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() >= until_s:
                    raise Locked(
                        f"{shown_path(path)} is being changed by another s3plan; try again when it has ended"
                    ) from error
                time.sleep(_LOOK_EVERY_S)
                continue
            except OSError:
                pass
            break
        yield
    finally:
        with suppress(OSError):
            os.close(descriptor)
