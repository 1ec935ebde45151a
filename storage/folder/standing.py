"""What stands where a file is to be made, so that a plan can say beforehand that it cannot."""

from __future__ import annotations

import errno
import os
from stat import S_ISDIR, S_ISLNK, S_ISREG

from s3plan.schemas.files.paths import KeyRefusal, parts_of
from s3plan.storage.folder.dirs import OpenDirectories

_NO_DIRECTORY = "a file or a symbolic link stands where its directory would be"
_ON_THE_WAY = {
    errno.ENOTDIR: _NO_DIRECTORY,
    errno.ELOOP: _NO_DIRECTORY,
    errno.EACCES: "its directory may not be entered",
}


def stands_at(directories: OpenDirectories, key: bytes) -> str | None:
    """Return, as a clause, what is in the way of the file of a key; None if nothing is."""
    parts = parts_of(key)
    if isinstance(parts, KeyRefusal):
        return parts.value
    try:
        mode = os.stat(parts[-1], dir_fd=directories.of(parts[:-1]), follow_symlinks=False).st_mode
    except OSError as error:
        return _ON_THE_WAY.get(error.errno or 0)
    if S_ISDIR(mode):
        return "a directory stands in its place"
    if S_ISLNK(mode):
        return "a symbolic link stands in its place"
    return "a file came into its place" if S_ISREG(mode) else "something that is no file stands in its place"
