"""The time of a file as the metadata of an object keep it: `x-amz-meta-mtime`.

Decimal seconds since 1970 with up to nine digits of fraction, `1700000000.123456789` or `-1.5`: what rclone writes and
reads (https://rclone.org/s3/#modification-times-and-hashes).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MTIME = "mtime"
"""The name of that entry; stores may give it back in capitals."""
_NS = 1_000_000_000
_MOST_NS = (1 << 63) - 1  # what a time in a file system may be
_TEXT = re.compile(r"(-?)([0-9]{1,10})(?:\.([0-9]{1,9})[0-9]{0,9})?").fullmatch


def mtime_text(mtime_ns: int) -> str:
    """Return how metadata keep a time, in nanoseconds since 1970."""
    seconds, fraction = divmod(abs(mtime_ns), _NS)
    digits = f".{fraction:09}".rstrip("0").rstrip(".")
    return f"{'-' if mtime_ns < 0 else ''}{seconds}{digits}"


def mtime_ns_of(metadata: Mapping[str, str]) -> int | None:
    """Return the time that an object's metadata keep, in nanoseconds since 1970; None if they keep none that is one."""
    text = next((value for name, value in metadata.items() if name.lower() == MTIME), "")
    found = _TEXT(text.strip())
    if found is None:
        return None
    sign, seconds, fraction = found.groups()
    mtime_ns = int(seconds) * _NS + int((fraction or "").ljust(9, "0"))
    return None if mtime_ns > _MOST_NS else -mtime_ns if sign else mtime_ns
