"""What a listing says about one object."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

STANDARD = "STANDARD"
# Cannot be read or copied before a restore (S3 CopyObject, StorageClass). GLACIER_IR can.
ARCHIVED_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
MAX_KEY_BYTES = 1024


class ObjectRow(NamedTuple):
    """One object of a listing. A tuple, not a dataclass: millions of them are made.

    `key` is relative to its location and ordered by bytes; `etag` has no quotes; `mtime_ms` is LastModified in
    milliseconds since the epoch, UTC, by the store's clock; `storage_class` is STANDARD where the store says nothing.
    """

    key: bytes
    size_bytes: int
    etag: str
    mtime_ms: int
    storage_class: str = STANDARD


class Oddity(StrEnum):
    """Why what is listed cannot be compared, copied or deleted; clauses for a person.

    The first two are of objects of which a store says too little, the others of what lies in a folder.
    """

    NO_SIZE = "listed without a size that an object can have"
    NO_TIME = "listed without a time that an object can have"
    UNREADABLE = "a directory that cannot be read"
    LINK_TO_NOTHING = "a symbolic link that leads nowhere"
    LINK_IN_CIRCLE = "a symbolic link that leads back to where it stands"
    LINK = "a symbolic link"
    MOUNTED = "on another file system"
    SPECIAL = "neither a file nor a directory"
    OWN = "s3plan's own"

    @property
    def is_left_out(self) -> bool:
        """Whether it is left out on purpose, and nothing that should have been done is missing."""
        return self in _LEFT_OUT

    @property
    def is_of_folder(self) -> bool:
        """Whether something stands there all the same: what has its key, or one below it, is not extraneous."""
        return self not in _OF_STORES


_LEFT_OUT = frozenset({Oddity.LINK, Oddity.MOUNTED, Oddity.SPECIAL, Oddity.OWN})
_OF_STORES = frozenset({Oddity.NO_SIZE, Oddity.NO_TIME})


# Long before the first time that can be written; in the place of LastModified, so that rows stay what they are.
_MARKS = {oddity: -(1 << 62) - number for number, oddity in enumerate(Oddity)}
_ODDITIES = {mark: oddity for oddity, mark in _MARKS.items()}


def odd_row(key: bytes, oddity: Oddity) -> ObjectRow:
    """Return the row of an object of which a listing says too little; it has no ETag, whatever was said."""
    return ObjectRow(key, 0, "", _MARKS[oddity])


def oddity_of(row: ObjectRow) -> Oddity | None:
    """Return what is odd about a row that `odd_row` made, None for all others."""
    return _ODDITIES.get(row.mtime_ms)


def known_mtime_ms(row: ObjectRow | None) -> int | None:
    """Return a row's time, None where there is none."""
    return None if row is None or row.mtime_ms in _ODDITIES else row.mtime_ms
