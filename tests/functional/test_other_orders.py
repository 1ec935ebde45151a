"""Stores that list in an order of their own: nothing is held for absent that only comes elsewhere in their listing.

They hold no conditions either, so that all that is known of an object comes from looks.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.ordered_store import ORDERS
from fakes.workplace import BY_BOTH_ENGINES, MIRROR, Workplace
from s3plan.planfile.reader import open_plan

pytestmark = [BY_BOTH_ENGINES, pytest.mark.parametrize("order", sorted(ORDERS))]

RETRY = ".s3plan/job.retry-1.s3plan"
# In the order of bytes every second one, so that pages of a few keys end between others in any other order.
KEPT = ["A", "Bb", "Cc", "_0", "a1", "bC", "bc", "c", "z", "\ufb00", "\U0001f600"]
EXTRA = ["AA", "B", "C", "_", "a", "b", "ba", "cc", "y", "\ufb01", "\U0001f601"]


def mirrored(place: Workplace, order: str) -> None:
    """A mirror that overwrites what it keeps, planned."""
    place.seed("source", *KEPT, size_bytes=10)
    place.seed("destination", *KEPT, *EXTRA, size_bytes=9)
    place.server.set_mode(order=order, page_keys=4, conditions="none")
    place.manifest(**{**MIRROR, "delete": {"extraneous": True, "unpinned": "allow"}}, guards={"max_delete": "100%"})
    ended = place.command.run("plan", "job.yaml", "--probe")
    assert ended.exit_code == 0, ended.output


def applied(place: Workplace, plan: Path, *, exit_code: int = 0) -> dict[str, int]:
    ended = place.command.run("apply", plan, "--yes", "--json")
    assert ended.exit_code == exit_code, ended.output
    counts = ended.events[-1]["counts"]
    assert isinstance(counts, dict)
    return counts


def test_a_mirror_deletes_what_is_there_and_says_so_of_nothing_else(place: Workplace, order: str) -> None:
    mirrored(place, order)
    assert applied(place, place.plan_file) == {"done": len(KEPT) + len(EXTRA)}
    assert place.keys("destination") == set(KEPT)
    place.assert_nothing_left()


def test_a_retry_deletes_nothing_that_the_source_has(place: Workplace, order: str) -> None:
    mirrored(place, order)
    place.seed("source", *KEPT, size_bytes=12)
    counts = applied(place, place.plan_file, exit_code=3)
    assert counts["stale"] == len(KEPT)
    assert place.keys("destination") == {*KEPT, *EXTRA}, "the deletes are withheld"
    ended = place.command.run("retry", place.plan_file)
    assert ended.exit_code == 0, ended.output
    with open_plan(place.folder / RETRY) as plan:
        deleted = {action.key.decode() for _, action in plan.iter_actions() if action.kind.value == "delete"}
    assert deleted == set(EXTRA)
    assert applied(place, place.folder / RETRY) == {"done": len(KEPT) + len(EXTRA)}
    assert {row.size_bytes for row in place.listed("destination").values()} == {12}
    assert place.keys("destination") == set(KEPT)
