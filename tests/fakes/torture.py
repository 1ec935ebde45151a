"""Whether tests of what may go wrong anywhere take every point, or a share of them that CI has the time for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from zlib import crc32

import pytest
from hypothesis import settings

TORTURE_VARIABLE = "S3PLAN_TORTURE"
BOTH_ENGINES = ("native", "boto3")
TORTURE = os.environ.get(TORTURE_VARIABLE) == "1"
LONG_ONLY = pytest.mark.skipif(not TORTURE, reason="only in the long version")


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


def left_out(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return what is for the long version: of each test marked `sampled(n)` all but n of its parametrizations.

    They are evenly spread, and begin elsewhere for each test. A test by both engines is one by either: each of them
    passes the contract of engines in every version.
    """
    if TORTURE:
        return []
    groups: dict[str, tuple[int, list[pytest.Item]]] = {}
    for item in items:
        mark = item.get_closest_marker("sampled")
        if mark is not None:
            groups.setdefault(_name_of(item), (mark.args[0], []))[1].append(item)
    out: list[pytest.Item] = []
    for name, (keeps, of_test) in groups.items():
        kept = {(crc32(name.encode()) + at * len(of_test) // keeps) % len(of_test) for at in range(keeps)}
        out += [item for at, item in enumerate(of_test) if at not in kept]
    by_engine: dict[str, list[pytest.Item]] = {}
    for item in set(items) - set(out):
        if (callspec := getattr(item, "callspec", None)) is not None and callspec.params.get("engine") in BOTH_ENGINES:
            without = item.nodeid.replace(callspec.params["engine"], "", 1)
            by_engine.setdefault(without, []).append(item)
    for without, pair in by_engine.items():
        if len(pair) == len(BOTH_ENGINES):
            pair.sort(key=lambda item: item.nodeid)
            pair.pop(crc32(without.encode()) % len(pair))
            out += pair
    return out


def _name_of(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def examples(short: int, *, torture: int) -> settings:
    """Return settings for that many examples: the same ones each time in the short version, new ones in the long."""
    return settings(max_examples=torture if TORTURE else short, derandomize=not TORTURE, deadline=None, database=None)
