"""What the operating system says of a file, as failures: the one place where errno becomes our classes."""

from __future__ import annotations

import errno
import logging

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.requests import Parts
from s3plan.schemas.printable import escape_unprintable

_logger = logging.getLogger(__name__)
_KINDS = {
    errno.ENOENT: FailureKind.NOT_FOUND,
    errno.ENOTDIR: FailureKind.NOT_FOUND,
    errno.EACCES: FailureKind.DENIED,
    errno.EPERM: FailureKind.DENIED,
    errno.ELOOP: FailureKind.SOURCE_CHANGED,  # a symbolic link stands where none was
    errno.EISDIR: FailureKind.SOURCE_CHANGED,
    errno.EEXIST: FailureKind.PRECONDITION,
    errno.ENOTEMPTY: FailureKind.PRECONDITION,
    # Of this process and of this machine: others are about to be closed.
    errno.EMFILE: FailureKind.THROTTLED,
    errno.ENFILE: FailureKind.THROTTLED,
}


def failure_from(error: OSError, *, operation: str, parts: Parts) -> Failure:
    """Class what the system raised; whatever is not said of the file itself is LOCAL_IO: a full disk, a broken one."""
    kind = _KINDS.get(error.errno or 0, FailureKind.LOCAL_IO)
    code = errno.errorcode.get(error.errno or 0, type(error).__name__)
    return Failure(kind, operation, code, f"{shown_parts(parts)}: {error.strerror or error}")


def broken(error: Exception, *, operation: str) -> Failure:
    """Return the failure of a fault of ours, which is logged: whoever waits for the reply must hear of it, too."""
    _logger.error("a request broke the folder's engine", exc_info=error)
    return Failure(FailureKind.BAD_REPLY, operation, "EngineBroke", f"{type(error).__name__}: {error}")


def changed(what: str, *, operation: str, parts: Parts) -> Failure:
    """Return the failure of a file that is not the planned one."""
    return Failure(FailureKind.SOURCE_CHANGED, operation, "FileChanged", f"{shown_parts(parts)}: {what}")


def shown_parts(parts: Parts) -> str:
    """Return a path for a message."""
    return escape_unprintable(b"/".join(parts).decode(errors="backslashreplace"))
