"""Pairs that a move found the same: what proves it, and what keeps the source."""

from __future__ import annotations

import pytest
from fakes.copy_world import CopyWorld
from s3plan.schemas.outcomes import Evidence
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.requests.objects import HeadObject


@pytest.fixture
def world() -> CopyWorld:
    return CopyWorld()


def planned(world: CopyWorld, key: str = "a") -> Action:
    """A pair as it stands now."""
    return world.plan_copy(key)._replace(kind=ActionKind.SAME)


def test_equal_md5_sums_prove_it_once_the_destination_was_looked_at(world: CopyWorld) -> None:
    world.put_source("a", b"bytes")
    world.put_destination("a", b"bytes")
    attempt = world.perform(planned(world))
    (outcome,) = attempt.outcomes.values()
    assert (attempt.kinds, outcome.evidence) == (["already-done"], Evidence.BY_ETAG)
    assert [type(request) for request in world.engine.requests] == [HeadObject]


@pytest.mark.parametrize("side", ["source", "destination"])
def test_what_changed_after_the_plan_is_stale(world: CopyWorld, side: str) -> None:
    world.put_source("a", b"bytes")
    world.put_destination("a", b"other")
    action = planned(world)
    (world.put_source if side == "source" else world.put_destination)("a", b"since")
    (outcome,) = world.perform(action).outcomes.values()
    assert (outcome.kind.value, outcome.reason, outcome.side) == ("stale", f"{side} changed", side)


def test_what_is_gone_by_now_is_stale(world: CopyWorld) -> None:
    world.put_source("a", b"bytes")
    world.put_destination("a", b"bytes")
    action = planned(world)
    world.remove_destination("a")
    (outcome,) = world.perform(action).outcomes.values()
    assert (outcome.kind.value, outcome.reason) == ("stale", "destination gone")


def test_other_bytes_and_such_of_which_nothing_is_known_are_skipped_with_the_reason(world: CopyWorld) -> None:
    for key, more in (("differs", {}), ("opaque", {"etag": "opaque"})):
        world.put_source(key, b"bytes")
        world.put_destination(key, b"other", **more)
    actions = [planned(world, key) for key in ("differs", "opaque")]
    attempt = world.perform(*actions)
    assert set(attempt.kinds) == {"skipped"}
    assert all(outcome.reason.endswith("the source is kept") for outcome in attempt.outcomes.values())
