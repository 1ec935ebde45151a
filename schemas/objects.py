"""What a listing says about one object."""

from __future__ import annotations

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
