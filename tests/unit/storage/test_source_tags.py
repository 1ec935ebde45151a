"""The tags of a large object arrive, or it is told that they may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fakes.copy_world import ALL_CHECKED, ALL_ENFORCED, CopyWorld
from fakes.faulty_engine import Fault
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.requests import GetObjectTags, ObjectAttributes, ObjectFound, Reply, Request

BODY = b"0123456789abcdef!"  # five parts


@pytest.fixture(params=["enforced", "checked"])
def world(request: pytest.FixtureRequest) -> CopyWorld:
    world = CopyWorld(capabilities=ALL_ENFORCED if request.param == "enforced" else ALL_CHECKED)
    world.put_source("big", BODY)
    return world


TAGGED = ObjectAttributes(tags={"a": "b"})


def counting_tags(count: int | None) -> Callable[[Request, Reply], Reply]:
    return lambda _, reply: replace(reply, tag_count=count) if isinstance(reply, ObjectFound) else reply


def test_tags_that_the_store_does_not_count_arrive() -> None:
    world = CopyWorld()
    world.put_source("big", BODY, attributes=TAGGED)
    world.engine.answer = counting_tags(None)
    assert world.perform(world.plan_copy("big")).kinds == ["done"]
    found = world.found("big")
    assert found is not None
    assert found.attributes == TAGGED


def test_an_object_that_has_no_tags_is_not_asked_for_them(world: CopyWorld) -> None:
    world.engine.answer = counting_tags(0)
    world.perform(world.plan_copy("big"))
    assert world.engine.asked(GetObjectTags) == 0


@pytest.mark.parametrize(("fault", "told"), [(Fault.DENIED, 1), (Fault.UNSUPPORTED, 0)])
def test_where_tags_may_not_be_read_and_nobody_counts_them_the_copy_goes_on_and_says_so(
    fault: Fault, told: int
) -> None:
    world = CopyWorld()
    world.put_source("big", BODY, attributes=TAGGED)
    world.engine.answer = counting_tags(None)
    world.engine.fail(fault, operation=GetObjectTags)
    attempt = world.perform(world.plan_copy("big"))
    assert attempt.kinds == ["done"]
    assert ["s3:GetObjectTagging" in remark for remark in attempt.remarks] == [True] * told


def test_tags_that_cannot_be_read_fail_the_copy_instead_of_losing_them() -> None:
    world = CopyWorld()
    world.put_source("big", BODY, attributes=ObjectAttributes(tags={"a": "b"}))
    world.engine.fail(Fault.DENIED, operation=GetObjectTags)
    outcome = world.perform(world.plan_copy("big")).only
    assert outcome.kind is OutcomeKind.FAILED
    assert "s3:GetObjectTagging" in outcome.reason
    assert (world.found("big"), world.open_uploads) == (None, [])
