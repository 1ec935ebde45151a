"""What is asked of, and told by, a bucket that keeps versions; a part of the requests and replies in `objects.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListVersions:
    """The first page of the versions and delete markers of all keys that begin with `prefix`."""

    bucket: str
    prefix: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class VersionsPage:
    versions: Sequence[tuple[str, str]]  # key, version; delete markers too
