"""What a retry keeps in mind of the copies of the plan that it retries."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fakes.plan_parts import an_object
from s3plan.app.plans.retrying import _retried, _Wanted
from s3plan.planner.diff import DELETE_EXTRANEOUS, Pair, Rules
from s3plan.planner.overwrite import always, never
from s3plan.planner.retried import DueCopies, RetriedPlan
from s3plan.schemas.plan.header_parts import RetriedRecord

KNOWN = RetriedRecord(digest="0" * 64, source_objects=9, destination_objects=8, lost_copies=2, untried_copies=3)
A, THERE = an_object("a"), an_object("a", size=11)


def recorded(
    *pairs: Pair,
    due: set[bytes] | None = None,
    conflicts: set[bytes] | None = None,
    delete_when: str = "all-done",
    **rules: Any,
) -> RetriedRecord:
    copies = DueCopies(RetriedPlan(KNOWN, frozenset(due or ()), frozenset(conflicts or ())), delete_when=delete_when)
    chosen: dict[str, Any] = {"policy": always, "objection": None, "copies_archived": False}
    chosen |= {"extraneous": DELETE_EXTRANEOUS, "storage_class": None}
    chosen |= {"source_prefix_bytes": 0, "destination_prefix_bytes": 0} | rules
    list(copies.lines(pairs, rules=Rules(**chosen), on_verdict=lambda *_: None))
    return copies.record()


@pytest.mark.parametrize("delete_when", ["all-done", "no-failures"])
def test_a_copy_that_is_planned_again_is_not_lost(delete_when: str) -> None:
    assert recorded((A, None), (an_object("b"), an_object("b")), due={b"a", b"b"}, delete_when=delete_when) == KNOWN


@pytest.mark.parametrize("delete_when", ["all-done", "no-failures"])
@pytest.mark.parametrize(
    ("pair", "rules"),
    [
        ((A, None), {"objection": lambda _: "filtered"}),
        ((A, THERE), {"policy": never}),
        ((A._replace(storage_class="GLACIER"), None), {}),
    ],
    ids=["filter", "policy", "archived"],
)
def test_one_that_is_there_and_left_out_is_lost_whatever_the_deletes_wait_for(
    pair: Pair, rules: dict[str, Any], delete_when: str
) -> None:
    found = recorded(pair, due={b"a"}, delete_when=delete_when, **rules)
    assert (found.lost_copies, found.first_lost) == (3, "a")


@pytest.mark.parametrize(("delete_when", "lost"), [("all-done", 3), ("no-failures", 2)])
def test_one_that_is_gone_is_lost_unless_stale_ones_may_pass(delete_when: str, lost: int) -> None:
    assert recorded((None, THERE), due={b"a"}, delete_when=delete_when).lost_copies == lost


@pytest.mark.parametrize("delete_when", ["all-done", "no-failures"])
def test_a_conflict_that_is_gone_is_lost_in_any_case(delete_when: str) -> None:
    assert recorded(due={b"b"}, conflicts={b"a"}, delete_when=delete_when).first_lost == "a"


def test_a_retry_of_a_retry_counts_what_both_have_lost_and_left_untried() -> None:
    job = SimpleNamespace(retry_of=KNOWN, key_list=None, archived_objects={"archived: GLACIER": 4})
    before: Any = SimpleNamespace(digest="1" * 64, header=SimpleNamespace(job=lambda _: job))
    wanted = _Wanted([b"a"], frozenset([b"a"]), frozenset(), unsayable=[b"\xff"], untried=5)
    found = _retried(before, "images", wanted).known
    assert (found.digest, found.lost_copies, found.untried_copies) == ("1" * 64, 3, 8)
    assert (found.source_objects, found.destination_objects, found.first_lost) == (9, 8, "\\xff")
    assert found.archived_objects == 4
