"""Copies that carry something else than their sources: small ones replace it, in parts it is set again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.copy_world import ALL_CHECKED, ALL_ENFORCED, CopyWorld
from fakes.faulty_engine import Fault
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.requests.attributes import GivenAttributes, ObjectAttributes
from s3plan.schemas.requests.objects import CopyObject, GetObjectTags, HeadObject, ObjectFound, Request
from s3plan.schemas.requests.uploads import CreateMultipartUpload

CARRIED = ObjectAttributes(
    {"team": "media", "old": "1"}, {"ContentType": "text/x", "CacheControl": "no-store"}, {"class": "raw", "b": "c"}
)
CHANGES = GivenAttributes(
    headers={"CacheControl": "max-age=60"},
    metadata={"team": "print"},
    tags={"class": "fine"},
    dropped_metadata=frozenset({"old"}),
    dropped_tags=frozenset({"b"}),
)
CHANGED = ObjectAttributes(
    {"team": "print"}, {"ContentType": "text/x", "CacheControl": "max-age=60"}, {"class": "fine"}
)
NOTHING_KEPT = GivenAttributes(keeps_metadata=False, keeps_content=False, keeps_tags=False)
DEFAULT = {"ContentType": "binary/octet-stream"}
BODIES = {"small": b"12345", "in parts": b"0123456789abcdef!"}


@pytest.fixture(params=["enforced", "checked"])
def world(request: pytest.FixtureRequest) -> CopyWorld:
    return CopyWorld(capabilities=ALL_ENFORCED if request.param == "enforced" else ALL_CHECKED)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(
    ("given", "carried"),
    [
        (CHANGES, CHANGED),
        (GivenAttributes(keeps_metadata=False), replace(CARRIED, metadata={})),
        (GivenAttributes(keeps_content=False), replace(CARRIED, headers=DEFAULT)),
        (GivenAttributes(keeps_tags=False), replace(CARRIED, tags={})),
        (NOTHING_KEPT, ObjectAttributes(headers=DEFAULT)),
        (replace(CHANGES, keeps_metadata=False, keeps_tags=False), replace(CHANGED, tags={"class": "fine"})),
    ],
    ids=["changed", "no metadata", "no headers", "no tags", "nothing", "only what is set"],
)
def test_it_carries_what_the_job_says_in_one_request_and_in_parts(
    world: CopyWorld, body: bytes, given: GivenAttributes, carried: ObjectAttributes
) -> None:
    world.given = given
    world.put_source("a", body, attributes=CARRIED)
    assert world.perform(world.plan_copy("a")).kinds == ["done"]
    found = world.found("a")
    assert found is not None
    assert (found.body, found.attributes) == (body, carried)


def test_the_source_is_asked_for_what_is_kept_of_it_and_for_nothing_else() -> None:
    asked = {}
    for name, given in {
        "nothing replaced": GivenAttributes(),
        "all dropped": NOTHING_KEPT,
        "header set": GivenAttributes(headers={"CacheControl": "no-store"}),
        "tag set": GivenAttributes(tags={"a": "b"}),
    }.items():
        world = CopyWorld()
        world.given = given
        world.put_source("a", b"12345", attributes=CARRIED)
        assert world.perform(world.plan_copy("a")).kinds == ["done"]
        asked[name] = (world.engine.asked(HeadObject), world.engine.asked(GetObjectTags))
    assert asked == {"nothing replaced": (0, 0), "all dropped": (0, 0), "header set": (1, 0), "tag set": (1, 1)}


def test_a_source_that_is_replaced_after_it_was_asked_gives_the_copy_nothing_of_its_own() -> None:
    world = CopyWorld()
    world.given = CHANGES
    world.put_source("a", b"12345", attributes=CARRIED)
    action = world.plan_copy("a")

    def replace_source(request: Request) -> None:
        if isinstance(request, CopyObject):
            world.put_source("a", b"54321")
        world.tick()

    world.engine.on_request = replace_source
    outcome = world.perform(action).only
    assert (outcome.kind, outcome.reason[:14]) == (OutcomeKind.STALE, "source changed")
    assert world.body("a") is None


@pytest.mark.parametrize("state", ["changed", "gone"])
def test_a_source_that_is_not_the_planned_one_is_stale_and_nothing_is_sent(world: CopyWorld, state: str) -> None:
    world.given = CHANGES
    world.put_source("a", b"12345", attributes=CARRIED)
    action = world.plan_copy("a")
    world.remove_source("a")
    if state == "changed":
        world.put_source("a", b"54321")
    outcome = world.perform(action).only
    assert (outcome.kind, f"source {state}") == (OutcomeKind.STALE, outcome.reason[: len(f"source {state}")])
    assert world.engine.asked(CopyObject) == 0


def test_a_copy_whose_reply_was_lost_is_ours_although_its_source_has_gone_since(world: CopyWorld) -> None:
    world.given = CHANGES
    world.put_source("a", b"12345", attributes=CARRIED)
    action = world.plan_copy("a")
    assert world.perform(action).kinds == ["done"]
    world.remove_source("a")
    assert world.perform(action, doubtful=[0], generation=2).kinds == ["already-done"]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_source_that_may_not_be_asked_is_not_copied_without_what_it_carries(world: CopyWorld, body: bytes) -> None:
    world.given = CHANGES
    world.put_source("a", body, attributes=CARRIED)
    world.engine.fail(Fault.DENIED, operation=GetObjectTags)
    outcome = world.perform(world.plan_copy("a")).only
    assert (outcome.kind, outcome.failure) == (OutcomeKind.FAILED, FailureKind.DENIED)
    assert (world.engine.asked(CopyObject), world.engine.asked(CreateMultipartUpload)) == (0, 0)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_metadata_that_the_store_cannot_tell_are_named_where_they_would_have_been_kept(body: bytes) -> None:
    told = {}
    for name, given in {"kept": CHANGES, "not kept": replace(CHANGES, keeps_metadata=False)}.items():
        world = CopyWorld()
        world.given = given
        world.put_source("a", body, attributes=CARRIED)
        world.engine.answer = lambda _, reply: (
            replace(reply, untold_metadata=2) if isinstance(reply, ObjectFound) else reply
        )
        attempt = world.perform(world.plan_copy("a"))
        assert attempt.kinds == ["done"]
        told[name] = [remark.partition(":")[0] for remark in attempt.remarks]
    assert told == {"kept": ["2 entries of its metadata are not kept"], "not kept": []}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_source_that_is_removed_afterwards_takes_no_metadata_with_it_that_no_header_can_tell(body: bytes) -> None:
    world = CopyWorld()
    world.given = CHANGES
    world.removes_source = True
    world.put_source("a", body, attributes=CARRIED)
    world.engine.answer = lambda _, reply: (
        replace(reply, untold_metadata=2) if isinstance(reply, ObjectFound) else reply
    )
    outcome = world.perform(world.plan_copy("a")).only
    assert outcome.kind is OutcomeKind.FAILED
    assert "leave metadata out of preserve" in outcome.reason
    assert world.found("a") is None
