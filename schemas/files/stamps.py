"""What pins a file: that it is the one which was seen, with the bytes it had then."""

from __future__ import annotations

import os
import re
from typing import NamedTuple, Self

_TEXT = re.compile(r"([0-9]{1,19}):(-?[0-9]{1,20})(?::(-?[0-9]{1,20}):([0-9]{1,20}))?").fullmatch


class Stamp(NamedTuple):
    """Size, when the bytes changed last, and unless it is short, when anything did, and the inode.

    Times are nanoseconds since 1970 and may be before it. restic compares the same; there is no device number, which
    changes when a disk is mounted anew. A short one is for shares whose inodes do not stay.
    """

    size_bytes: int
    mtime_ns: int
    ctime_ns: int | None = None
    inode: int | None = None

    @classmethod
    def of(cls, status: os.stat_result, *, is_short: bool = False) -> Self:
        """Return the stamp of a file from what fstat says of it."""
        if is_short:
            return cls(status.st_size, status.st_mtime_ns)
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the stamp that a pin says, None if it is none."""
        found = _TEXT(text)
        if found is None:
            return None
        size, mtime, ctime, inode = found.groups()
        if ctime is None:
            return cls(int(size), int(mtime))
        return cls(int(size), int(mtime), int(ctime), int(inode))

    @property
    def is_short(self) -> bool:
        """Whether it says nothing of the inode."""
        return self.inode is None

    def holds_for(self, status: os.stat_result) -> bool:
        """Return whether a file is still the one that this was taken of, as far as it tells."""
        return Stamp.of(status, is_short=self.is_short) == self

    def __str__(self) -> str:
        """As a pin has it."""
        short = f"{self.size_bytes}:{self.mtime_ns}"
        return short if self.is_short else f"{short}:{self.ctime_ns}:{self.inode}"
