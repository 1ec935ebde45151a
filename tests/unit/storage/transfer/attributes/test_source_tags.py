"""The tags of a large object arrive, or it is told that they may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fakes.copy_world import ALL_CHECKED, ALL_ENFORCED, CopyWorld
from fakes.faulty_engine import Fault
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.requests.attributes import GivenAttributes, ObjectAttributes
from s3plan.schemas.requests.objects import GetObjectTags, ObjectFound, Reply, Request
from s3plan.storage.s3.wire.failures import failure_of

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


def answering_tags(status: int, code: str, *, count: int | None) -> Callable[[Request, Reply], Reply]:
    def answer(request: Request, reply: Reply) -> Reply:
        if isinstance(request, GetObjectTags):
            return failure_of(operation="GetObjectTagging", status=status, code=code)
        return counting_tags(count)(request, reply)

    return answer


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (404, "NoSuchTagSet", 0),
        (404, "", 0),  # a gateway's own page
        (405, "MethodNotAllowed", 0),
        (501, "NotImplemented", 0),
        (400, "InvalidRequest", 1),
        (400, "", 1),
    ],
)
def test_an_object_of_a_store_that_tells_no_tags_is_copied_without(
    world: CopyWorld, status: int, code: str, told: int
) -> None:
    world.engine.answer = answering_tags(status, code, count=None)
    attempt = world.perform(world.plan_copy("big"))
    assert attempt.kinds == ["done"]
    assert len(attempt.remarks) == told


@pytest.mark.parametrize(("status", "code"), [(404, "NoSuchTagSet"), (405, ""), (400, "InvalidRequest")])
def test_tags_that_were_counted_are_not_lost_for_such_an_answer(world: CopyWorld, status: int, code: str) -> None:
    world.engine.answer = answering_tags(status, code, count=2)
    assert world.perform(world.plan_copy("big")).kinds == ["failed"]
    assert (world.found("big"), world.open_uploads) == (None, [])


def test_a_source_that_is_gone_by_then_is_not_copied_without_tags(world: CopyWorld) -> None:
    world.engine.answer = answering_tags(404, "NoSuchKey", count=None)
    assert world.perform(world.plan_copy("big")).kinds == ["failed"]
    assert world.found("big") is None


def test_tags_that_cannot_be_read_fail_the_copy_instead_of_losing_them() -> None:
    world = CopyWorld()
    world.put_source("big", BODY, attributes=ObjectAttributes(tags={"a": "b"}))
    world.engine.fail(Fault.DENIED, operation=GetObjectTags)
    outcome = world.perform(world.plan_copy("big")).only
    assert outcome.kind is OutcomeKind.FAILED
    assert "s3:GetObjectTagging" in outcome.reason
    assert (world.found("big"), world.open_uploads) == (None, [])


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (400, "InvalidRequest")])
def test_a_source_that_is_removed_afterwards_takes_no_tags_with_it_that_nobody_has_read(
    world: CopyWorld, status: int, code: str
) -> None:
    world.removes_source = True
    world.engine.answer = answering_tags(status, code, count=None)
    outcome = world.perform(world.plan_copy("big")).only
    assert outcome.kind is OutcomeKind.FAILED
    assert "leave tags out of preserve" in outcome.reason
    assert (world.found("big"), world.open_uploads) == (None, [])
    world.given = GivenAttributes(keeps_tags=False)
    assert world.perform(world.plan_copy("big")).kinds == ["done"]


def test_a_store_without_tags_is_moved_from(world: CopyWorld) -> None:
    world.removes_source = True
    world.engine.answer = answering_tags(501, "NotImplemented", count=None)
    assert world.perform(world.plan_copy("big")).kinds == ["done"]
