"""The names of the objects that a probe makes and removes."""

from __future__ import annotations

import re
from uuid import uuid4

PROBE_NAME_START = ".s3plan-probe-"
_NAME = re.compile(rb"(?:.*/)?\.s3plan-probe-[0-9a-f]{32}(?:-[a-z]+)?", re.DOTALL)
_STEM_AT_END = re.compile(r"\.s3plan-probe-[0-9a-f]{32}\Z")


def new_probe_stem(prefix: str) -> str:
    """Return the start of the keys of one probe, never used before: `PREFIX.s3plan-probe-UUID`."""
    return f"{prefix}{PROBE_NAME_START}{uuid4().hex}"


def is_probe_key(key: bytes) -> bool:
    """Whether a key's last segment is a name that a probe gives: left behind by a killed one, nobody's data."""
    return _NAME.fullmatch(key) is not None


def is_probe_stem(stem: str) -> bool:
    """Whether a text is the start of one probe's keys, as new_probe_stem makes it."""
    return _STEM_AT_END.search(stem) is not None
