"""Whether tests of what may go wrong anywhere take every point, or a share of them that CI has the time for."""

from __future__ import annotations

import os

from hypothesis import settings

TORTURE_VARIABLE = "S3PLAN_TORTURE"
TORTURE = os.environ.get(TORTURE_VARIABLE) == "1"


def in_short(points: range, *, at_most: int, turn: int = 0) -> range:
    """Return all points, or in the short version so many of them, evenly spread; other ones for another `turn`."""
    step = max(1, len(points) // at_most)
    return points if TORTURE else points[turn % step :: step]


def examples(short: int, *, torture: int) -> settings:
    """Return settings for that many examples: the same ones each time in the short version, new ones in the long."""
    return settings(max_examples=torture if TORTURE else short, derandomize=not TORTURE, deadline=None, database=None)
