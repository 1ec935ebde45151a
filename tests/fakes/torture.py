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


def of_each_kind(kinds: str, *, at_most: int, turn: int = 0) -> list[int]:
    """Return the number of every letter, from 1, or in the short version of so many of each, as `in_short` does."""
    of_kind = {
        kind: [at for at, letter in enumerate(kinds, start=1) if letter == kind] for kind in dict.fromkeys(kinds)
    }
    return sorted(
        points[at] for points in of_kind.values() for at in in_short(range(len(points)), at_most=at_most, turn=turn)
    )


def examples(short: int, *, torture: int) -> settings:
    """Return settings for that many examples: the same ones each time in the short version, new ones in the long."""
    return settings(max_examples=torture if TORTURE else short, derandomize=not TORTURE, deadline=None, database=None)
