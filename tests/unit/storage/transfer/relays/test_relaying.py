"""Objects of one request each, from one store to another: what is pinned, kept, and known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.copy_world import ALL_CHECKED, ALL_ENFORCED, SOURCE, CopyWorld, Memory
from fakes.faulty_engine import FAULTS_THAT_PASS, Fault
from fakes.relay_world import RelayWorld
from s3plan.schemas.evidence.verification import Verification, Verify
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import (
    GetObject,
    GetObjectTags,
    ObjectFound,
    ObjectRead,
    ObjectWritten,
    PutObject,
    Reply,
    Request,
)
from s3plan.schemas.stores.names import StoreName
from unit.storage.transfer.relays.forgetful import Forgetful

KEPT = ObjectAttributes({"colour": "blue"}, {"ContentType": "text/x-test"}, {"team": "a b"})
BODY = b"0123"
OTHER = {"a CRC32C": "AAAAAA==", "a SHA256": "A" * 43 + "="}


@pytest.fixture(params=["enforced", "checked"])
def world(request: pytest.FixtureRequest) -> RelayWorld:
    world = RelayWorld(capabilities=ALL_ENFORCED if request.param == "enforced" else ALL_CHECKED)
    world.verification = Verification(Verify.CHECKSUM, etags_are_md5=True)
    return world


def names(world: CopyWorld | RelayWorld) -> list[str]:
    return [type(request).__name__ for request in world.engine.requests]


def test_an_object_comes_across_with_what_it_carries(world: RelayWorld) -> None:
    world.put_source("a", BODY, attributes=KEPT)
    only = world.perform(world.plan_relay("a")).only
    assert (only.kind, only.evidence) == (OutcomeKind.DONE, "MD5")
    found = world.found("a")
    assert found is not None
    assert (found.body, found.attributes) == (BODY, KEPT)
    (get,) = [request for request in world.engine.requests if isinstance(request, GetObject)]
    assert get.if_match == world.store.bucket("left").stored("in/a").etag
    (put,) = [request for request in world.away_engine.requests if isinstance(request, PutObject)]
    assert put.if_absent is (world.capabilities == ALL_ENFORCED)


def test_an_object_without_bytes_comes_across(world: RelayWorld) -> None:
    world.put_source("empty", b"")
    only = world.perform(world.plan_relay("empty")).only
    assert (only.kind, only.evidence, world.body("empty")) == (OutcomeKind.DONE, "being empty", b"")


def test_an_object_is_overwritten_only_if_it_is_still_the_planned_one(world: RelayWorld) -> None:
    for key in ("a", "b"):
        world.put_source(key, BODY)
        world.put_destination(key, b"old")
    actions = [world.plan_relay(key) for key in ("a", "b")]
    world.put_destination("b", b"by somebody")
    assert world.perform(*actions).kinds == ["done", "stale"]
    assert (world.body("a"), world.body("b")) == (BODY, b"by somebody")


def test_tags_are_asked_for_only_where_the_store_does_not_count_them(world: RelayWorld) -> None:
    for key, tags in (("a", {}), ("b", {"team": "x"}), ("c", {}), ("d", {}), ("e", {"team": "y"})):
        world.put_source(key, BODY, attributes=ObjectAttributes(tags=tags))
    world.steering.in_flight = 1
    assert world.perform(*[world.plan_relay(key) for key in "abcde"]).kinds == ["done"] * 5
    # The store counts no tags that are not there: once it was seen to count some, its silence is believed.
    asked = [request.key for request in world.engine.requests if isinstance(request, GetObjectTags)]
    assert asked == ["in/a", "in/b", "in/e"]
    kept = [found.attributes.tags for key in "abcde" if (found := world.found(key)) is not None]
    assert kept == [{}, {"team": "x"}, {}, {}, {"team": "y"}]


def test_a_source_that_changed_or_is_gone_is_stale_and_nothing_is_written(world: RelayWorld) -> None:
    for key in ("changed", "gone"):
        world.put_source(key, BODY)
    actions = [world.plan_relay(key) for key in ("changed", "gone")]
    world.put_source("changed", b"9876")
    world.remove_source("gone")
    attempt = world.perform(*actions)
    assert attempt.kinds == ["stale", "stale"]
    assert attempt.outcomes[0].reason.startswith("source changed")
    assert attempt.outcomes[1].reason == "source gone"
    assert world.away_engine.asked(PutObject) == 0


def test_a_store_that_does_not_know_if_match_sends_another_object_for_nothing(world: RelayWorld) -> None:
    world.put_source("a", BODY)
    action = world.plan_relay("a")
    world.put_source("a", b"9876")
    engine = world.engine
    engine.answer = lambda request, reply: (
        ObjectRead("e" * 32, b"", ObjectFound("e" * 32, 4, 0)) if isinstance(request, GetObject) else reply
    )
    assert world.perform(action).kinds == ["stale"]
    assert world.found("a") is None


@pytest.mark.parametrize("states", ["its MD5", "a CRC32C", "a SHA256"])
def test_bytes_that_are_not_those_that_the_source_states_are_not_sent(world: RelayWorld, states: str) -> None:
    world.put_source("a", BODY, etag=None if states == "its MD5" else "no-digest")

    def suffer(request: Request, reply: Reply) -> Reply:
        if isinstance(request, GetObject) and isinstance(reply, ObjectRead) and request.into is not None:
            into = request.into.content  # type: ignore[attr-defined]
            into[0] ^= 1
            stated = (
                {}
                if states == "its MD5"
                else {states.split()[1]: "AAAA" * 10 + "AAA=" if "SHA" in states else "AAAAAA=="}
            )
            assert reply.found is not None
            return replace(reply, found=replace(reply.found, checksums=stated))
        return reply

    world.engine.answer = suffer
    only = world.perform(world.plan_relay("a")).only
    assert (only.kind, only.failure, only.side) == (OutcomeKind.UNKNOWN, FailureKind.VERIFICATION, Side.SOURCE)
    assert not only.is_unclear
    assert "suffered on the way" in only.reason
    assert world.away_engine.asked(PutObject) == 0


def test_bytes_that_may_have_suffered_are_read_again_where_nobody_knows_what_an_etag_is(world: RelayWorld) -> None:
    """As where the destination is under KMS: of the source that says nothing."""
    world.verification = Verification(Verify.CHECKSUM, etags_are_md5=False)
    world.put_source("a", BODY)
    gets: list[Request] = []

    def suffer(request: Request, reply: Reply) -> Reply:
        if not (isinstance(request, GetObject) and isinstance(reply, ObjectRead) and request.into is not None):
            return reply
        gets.append(request)
        if len(gets) == 1:
            request.into.content[0] ^= 1  # type: ignore[attr-defined]
        assert reply.found is not None
        return replace(reply, found=replace(reply.found, checksums={}, encryption=None))

    world.engine.answer = suffer
    only = world.perform(world.plan_relay("a")).only
    assert (only.kind, only.failure, only.side) == (OutcomeKind.UNKNOWN, FailureKind.VERIFICATION, Side.SOURCE)
    assert "when it was read before" in only.reason
    assert world.away_engine.asked(PutObject) == 0
    gets.append(gets[0])
    assert world.perform(world.plan_relay("a")).kinds == ["done"]
    assert (world.body("a"), len(gets)) == (BODY, 4)


def test_an_etag_that_only_looks_like_an_md5_sum_costs_a_second_read_and_stops_nothing(world: RelayWorld) -> None:
    world.verification = Verification(Verify.CHECKSUM, etags_are_md5=False)
    world.put_source("a", BODY, etag="0123456789abcdef" * 2)

    def say_less(request: Request, reply: Reply) -> Reply:
        if isinstance(request, GetObject) and isinstance(reply, ObjectRead) and reply.found is not None:
            return replace(reply, found=replace(reply.found, checksums={}, encryption=None))
        return reply

    world.engine.answer = say_less
    assert world.perform(world.plan_relay("a")).kinds == ["done"]
    assert (world.body("a"), world.engine.asked(GetObject)) == (BODY, 2)


def test_a_store_that_has_kept_other_bytes_is_told_of(world: RelayWorld) -> None:
    world.put_source("a", BODY)

    def spoil(request: Request, reply: Reply) -> Reply:
        if isinstance(request, PutObject) and isinstance(reply, ObjectWritten):
            return spoilt(world, reply)
        return reply

    world.away_engine.answer = spoil
    only = world.perform(world.plan_relay("a")).only
    assert (only.kind, only.failure) == (OutcomeKind.FAILED, FailureKind.VERIFICATION)


def spoilt(world: RelayWorld, reply: ObjectWritten) -> ObjectWritten:
    there = world.put_destination("a", b"9999")
    return replace(reply, etag=there.etag)


def test_where_the_reply_proves_nothing_only_the_destination_is_read_back(world: RelayWorld) -> None:
    world.put_source("a", BODY)

    def as_told(request: Request, reply: Reply) -> Reply:
        if isinstance(reply, ObjectFound):
            return replace(reply, etag="no-digest", checksums={})
        return replace(reply, etag="no-digest") if isinstance(reply, ObjectWritten | ObjectRead) else reply

    world.away_engine.answer = as_told
    world.away_engine.on_request = lambda request: (
        None if not isinstance(request, GetObject) else object.__setattr__(request, "if_match", None)
    )
    only = world.perform(world.plan_relay("a")).only
    assert (only.kind, only.evidence) == (OutcomeKind.DONE, "CRC64NVME")
    assert names(world) == ["GetObject", "GetObjectTags"]
    assert world.away_engine.asked(GetObject) == 1


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.BAD_REPLY])
def test_a_write_whose_reply_is_lost_is_known_by_its_bytes(world: RelayWorld, fault: Fault) -> None:
    world.put_source("a", BODY)
    world.away_engine.fail(fault, operation=PutObject)
    only = world.perform(world.plan_relay("a")).only
    assert (only.kind, only.evidence) == (OutcomeKind.ALREADY_DONE, "by etag")


def test_bytes_of_somebody_else_are_not_taken_for_ours_by_size_and_time(world: RelayWorld) -> None:
    world.put_source("a", BODY)
    action = world.plan_relay("a")

    def intrude(request: Request) -> None:
        world.tick()
        if isinstance(request, PutObject):
            world.put_destination("a", b"9876")

    world.away_engine.on_request = intrude
    world.away_engine.fail(Fault.INTERNAL, operation=PutObject)
    only = world.perform(action).only
    assert only.kind is OutcomeKind.STALE
    assert world.body("a") == b"9876"


def test_what_an_earlier_attempt_has_made_is_not_fetched_again(world: RelayWorld) -> None:
    world.put_source("a", BODY)
    action = world.plan_relay("a")
    world.perform(action)
    world.engine.requests.clear()
    only = world.perform(action, doubtful=[0]).only
    assert (only.kind, only.evidence) == (OutcomeKind.ALREADY_DONE, "by etag")
    assert names(world) == []


@pytest.mark.parametrize("side", [Side.SOURCE, Side.DESTINATION])
@pytest.mark.parametrize("fault", [*FAULTS_THAT_PASS, Fault.KILLED, Fault.KILLED_AFTER])
def test_any_fault_at_any_request_ends_as_if_nothing_had_happened(world: RelayWorld, fault: Fault, side: Side) -> None:
    bodies = {"a": b"0", "b": b"12", "c": b"", "d": b"345"}
    for number in range(1, 12):
        one = RelayWorld(capabilities=world.capabilities)
        one.verification = world.verification
        one.steering.in_flight = 2
        for key, body in bodies.items():
            one.put_source(key, body, attributes=KEPT)
        actions = [one.plan_relay(key) for key in bodies]
        engine = one.engine if side is Side.SOURCE else one.away_engine
        engine.fail(fault, number=number)
        memory = one.resume_until_ended(actions, memory=Memory())
        kinds = {end.kind for end in memory.ends.values()}
        assert kinds <= {OutcomeKind.DONE, OutcomeKind.ALREADY_DONE}, (number, memory.ends)
        for key, body in bodies.items():
            found = one.found(key)
            assert found is not None
            assert found.body == body
            if fault is not Fault.DENIED:  # tags that may not be read are told of, and left
                assert found.attributes == KEPT, number


def test_failures_say_whose_they_are(world: RelayWorld) -> None:
    for key in ("a", "b"):
        world.put_source(key, BODY)
    world.engine.fail(Fault.SLOW_DOWN, operation=GetObject)
    world.away_engine.fail(Fault.EXPIRED, operation=PutObject)
    attempt = world.perform(world.plan_relay("a"), world.plan_relay("b"))
    assert [(end.failure, end.side) for _, end in sorted(attempt.outcomes.items())] == [
        (FailureKind.THROTTLED, Side.SOURCE),
        (FailureKind.CREDENTIALS_EXPIRED, Side.DESTINATION),
    ]


def test_memory_is_given_back_and_who_finds_none_waits() -> None:
    world = RelayWorld(memory_bytes=8, is_inline=False)
    world.engine.requests = world.away_engine.requests = Forgetful()
    for number in range(40):
        world.put_source(f"{number:02}", b"%06d" % number)
    actions = [world.plan_relay(f"{number:02}") for number in range(40)]
    assert world.perform(*actions).kinds == ["done"] * 40
    assert world.memory.buffer(8) is not None
    world.buffers.close()


def test_no_memory_is_no_failure_of_a_store() -> None:
    world = RelayWorld()
    world.put_source("a", BODY)

    def none_left(size_bytes: int) -> memoryview:
        raise MemoryError

    world.memory.buffer = lambda size_bytes: None  # type: ignore[method-assign]
    world.memory.wait_for_buffer = none_left  # type: ignore[method-assign]
    world.restart()
    only = world.perform(world.plan_relay("a")).only
    assert (only.kind, only.failure) == (OutcomeKind.FAILED, FailureKind.LOCAL_IO)
    assert world.engine.requests == []


@pytest.mark.parametrize("tags", [{"of": "the other"}, {}], ids=["tagged", "untagged"])
def test_the_tags_of_another_object_never_go_with_the_bytes_of_the_planned_one(
    world: RelayWorld, tags: dict[str, str]
) -> None:
    world.put_source("a", BODY, attributes=KEPT)
    action = world.plan_relay("a")

    def overwrite(request: Request) -> None:
        world.tick()
        if isinstance(request, GetObjectTags):
            world.put_source("a", b"9876", attributes=ObjectAttributes(tags=tags))

    world.engine.on_request = overwrite
    assert world.perform(action).kinds == ["stale"]
    assert world.found("a") is None


def test_what_one_connection_is_told_of_tags_is_not_believed_of_another(world: RelayWorld) -> None:
    world.put_source("a", BODY, attributes=KEPT)
    world.put_source("b", BODY, attributes=KEPT)
    counted, uncounted = world.plan_relay("a"), world.plan_relay("b")
    assert world.perform(counted).kinds == ["done"]

    def uncount(request: Request, reply: Reply) -> Reply:
        if isinstance(request, GetObject) and isinstance(reply, ObjectRead) and reply.found is not None:
            return replace(reply, found=replace(reply.found, tag_count=None))
        return reply

    world.engine.answer = uncount
    task = world.task([uncounted])
    another = replace(task, source=replace(task.source or SOURCE, connection="another"))
    ended = [item for item in world.performer.perform(another, world.steering) if isinstance(item, Outcome)]
    assert [outcome.kind for outcome in ended] == [OutcomeKind.DONE]
    found = world.found("b")
    assert found is not None
    assert found.attributes.tags == KEPT.tags


@pytest.mark.parametrize(("endpoint", "asked"), [("https://store.example.com", 2), (None, 1)])
def test_that_a_store_counts_tags_is_believed_of_a_host_and_of_no_name(
    world: RelayWorld, endpoint: str | None, asked: int
) -> None:
    """A store that is called aws and counts none would have lost the tags of all but its first object."""
    world.put_source("a", BODY)
    world.put_source("b", BODY, attributes=KEPT if endpoint else ObjectAttributes())

    def uncount(request: Request, reply: Reply) -> Reply:
        if isinstance(reply, ObjectRead) and reply.found is not None:
            return replace(reply, found=replace(reply.found, tag_count=None))
        return replace(reply, tag_count=None) if isinstance(reply, ObjectFound) else reply

    world.engine.answer = uncount
    for key in "ab":
        task = world.task([world.plan_relay(key)])
        source = replace(task.source or SOURCE, store=StoreName.AWS, endpoint=endpoint)
        ended = list(world.performer.perform(replace(task, source=source), world.steering))
        assert [item.kind for item in ended if isinstance(item, Outcome)] == [OutcomeKind.DONE]
    found = world.found("b")
    assert found is not None
    assert found.attributes.tags == (KEPT.tags if endpoint else {})
    assert sum(isinstance(request, GetObjectTags) for request in world.engine.requests) == asked
