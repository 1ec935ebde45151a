"""Numbers, sizes, times and keys as a person reads them."""

from __future__ import annotations

import os
import shlex
from datetime import UTC, datetime
from pathlib import Path

from s3plan.schemas.printable import escape_unprintable

_TIME_UNITS_S = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def count_text(count: int, noun: str) -> str:
    """Return `1 object` or `8,912 objects`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration_text(seconds: float) -> str:
    """Return `0.4 s`, `12 s`, `3 min 20 s` or `2 d 4 h`: two units at most."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    left = round(seconds)
    parts: list[str] = []
    for unit, length_s in _TIME_UNITS_S:
        amount, left = divmod(left, length_s)
        if amount:
            parts.append(f"{amount} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def age_text(then: datetime, *, now: datetime) -> str:
    """Return how long ago, or in how long, a moment is; both times are aware."""
    seconds = (now - then).total_seconds()
    if abs(seconds) < 1:
        return "just now"
    return f"{duration_text(seconds)} ago" if seconds > 0 else f"in {duration_text(-seconds)}"


def moment_text(moment: datetime) -> str:
    """Return an aware time as `2026-05-04 12:00:00 UTC`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def key_text(key: bytes) -> str:
    """Return a key that is safe to print: bytes that are not UTF-8 and unprintable characters are written out."""
    return escape_unprintable(key.decode("utf-8", errors="backslashreplace"))


def path_text(path: Path) -> str:
    """Return a path relative to the current directory where it lies below it; to be shown, not to be opened."""
    return escape_unprintable(os.fsencode(_near(path)).decode("utf-8", errors="backslashreplace"))


def command_text(*words: str | Path) -> str:
    """Return a command line that can be pasted into a shell."""
    return escape_unprintable(shlex.join(_near(word) if isinstance(word, Path) else word for word in words))


def _near(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd().resolve()))
    except (ValueError, OSError):
        return str(path)
