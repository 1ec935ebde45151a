"""The file of this user's own connections, as it is found on disk."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from s3plan.app.paths import connections_path
from s3plan.planfile.own_file import objection_to_folder, objection_to_status
from s3plan.planner.manifest.connections.own_connections import OwnConnections, parse_connections
from s3plan.planner.manifest.text.yaml_document import MAX_FILE_BYTES
from s3plan.schemas.errors import ManifestInvalid
from s3plan.schemas.printable import shown_path


def own_connections() -> OwnConnections | None:
    """Return the user's connections; None if there is no file of them.

    Raises ManifestInvalid with every finding, and for a file that others may have written: it says where requests of
    this user go, and by which credentials they are signed.
    """
    path = connections_path()
    text = read_own(path)
    return None if text is None else parse_connections(text, path=path)


def read_own(path: Path) -> bytes | None:
    """Return the bytes of a file that only this user may write; None if there is none. Raises ManifestInvalid."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        is_link = error.errno in {errno.ELOOP, errno.EMLINK}
        reason = "is a symbolic link" if is_link else (error.strerror or "cannot be read").lower()
        raise _unusable(path, reason) from error
    try:
        objection = _objection(path, os.fstat(descriptor))
        if objection is not None:
            raise _unusable(path, objection)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _unusable(path, (error.strerror or "cannot be read").lower()) from error
    finally:
        os.close(descriptor)


def _objection(path: Path, found: os.stat_result) -> str | None:
    objection = objection_to_status(found, folder=path.parent)
    if objection is None and stat.S_ISREG(found.st_mode):
        of_folder = objection_to_folder(path.parent)
        return None if of_folder is None else f"lies in a folder that {of_folder}"
    return objection


def _unusable(path: Path, reason: str) -> ManifestInvalid:
    return ManifestInvalid(
        f"{shown_path(path)}: {reason}; s3plan takes your connections from a file of your own that nobody else may "
        "write, and from no link"
    )
