"""Where a key lies below a folder: the one place where keys become paths, asked by the planner and again at apply."""

from __future__ import annotations

from enum import StrEnum

STAGING_NAME = b".s3plan-tmp"
"""The folder of a run's own files, below the root of a location or of another device below it."""
_PLAN_DIGITS = 32
OWN_NAMES = frozenset({b".s3plan", STAGING_NAME})
_MOST_NAME_BYTES = 255  # of nearly every file system
_STEPS = frozenset({b".", b".."})


class KeyRefusal(StrEnum):
    """Why no file can stand for a key; clauses for a person."""

    EMPTY = "its path would have an empty component"
    STEP = "its path would have a component . or .."
    NUL = "its path would have a NUL character"
    LONG = f"its path would have a component of more than {_MOST_NAME_BYTES} bytes"
    OWN = "s3plan's own"
    DIRECTORY = "directory marker"

    @property
    def is_conflict(self) -> bool:
        """Whether the key should have become a file: the others are left out on purpose."""
        return self not in {KeyRefusal.OWN, KeyRefusal.DIRECTORY}


def staging_folder(plan_digest: str) -> tuple[bytes, bytes]:
    """Return the folder of what a plan's runs have not put into place yet, from the root of a location."""
    return STAGING_NAME, plan_digest[:_PLAN_DIGITS].encode()


def parts_of(key: bytes) -> tuple[bytes, ...] | KeyRefusal:
    """Return the components of the path of a key, relative to a location, or why it has none.

    A key that ends in `/` is the mark of a directory to many tools: whether it has bytes, which no directory can hold,
    is the caller's to see.
    """
    parts = tuple(key.split(b"/"))
    if b"\0" in key:
        return KeyRefusal.NUL
    if not OWN_NAMES.isdisjoint(parts):
        return KeyRefusal.OWN
    if not _STEPS.isdisjoint(parts):
        return KeyRefusal.STEP
    if b"" in parts[:-1] or parts == (b"",):
        return KeyRefusal.EMPTY
    if max(map(len, parts)) > _MOST_NAME_BYTES:
        return KeyRefusal.LONG
    return KeyRefusal.DIRECTORY if not parts[-1] else parts
