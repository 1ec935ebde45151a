"""This machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from time import time_ns


def now_ms() -> int:
    """Return the time in milliseconds since 1970, UTC."""
    return time_ns() // 1_000_000


def now_utc() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)
