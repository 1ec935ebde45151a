"""Large objects from one store to another, in parts of four bytes: what is resumed, repeated, proved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.copy_world import ALL_CHECKED, ALL_ENFORCED, PART_BYTES, Memory
from fakes.faulty_engine import FAULTS_THAT_PASS, Fault
from fakes.relay_world import RelayWorld
from s3plan.schemas.evidence.verification import Verification, Verify
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import GetObject, ObjectFound, Reply, Request
from s3plan.schemas.requests.uploads import CompleteMultipartUpload, CreateMultipartUpload, UploadPart
from s3plan.storage.buffers import Buffers
from unit.storage.transfer.relays.forgetful import Forgetful

KEPT = ObjectAttributes({"colour": "blue"}, {"ContentType": "text/x-test"}, {"team": "a b"})
BODY = b"0123456789abcdef!"  # five parts
PARTS = 5


@pytest.fixture(params=["enforced", "checked"])
def world(request: pytest.FixtureRequest) -> RelayWorld:
    return made(enforced=request.param == "enforced")


def made(*, enforced: bool) -> RelayWorld:
    world = RelayWorld(capabilities=ALL_ENFORCED if enforced else ALL_CHECKED)
    world.verification = Verification(Verify.CHECKSUM, etags_are_md5=True)
    world.put_source("big", BODY, attributes=KEPT)
    world.steering.in_flight = 2
    return world


def test_a_large_object_comes_across_in_pinned_parts_with_what_it_carries(world: RelayWorld) -> None:
    only = world.perform(world.plan_relay("big")).only
    assert (only.kind, only.evidence) == (OutcomeKind.DONE, "MD5 of the parts")
    found = world.found("big")
    assert found is not None
    assert (found.body, found.etag[-2:], found.attributes) == (BODY, "-5", KEPT)
    gets = [request for request in world.engine.requests if isinstance(request, GetObject)]
    assert sorted((get.first_byte, get.last_byte) for get in gets) == [(0, 3), (4, 7), (8, 11), (12, 15), (16, 16)]
    assert {get.if_match for get in gets} == {world.store.bucket("left").stored("in/big").etag}
    parts = [request for request in world.away_engine.requests if isinstance(request, UploadPart)]
    assert all(part.digests.md5 for part in parts)
    assert world.open_uploads == []


def test_a_source_that_is_overwritten_between_two_parts_is_stale_and_the_upload_is_gone(world: RelayWorld) -> None:
    action = world.plan_relay("big")

    def intrude(request: Request) -> None:
        if isinstance(request, UploadPart):
            world.put_source("big", b"x" * len(BODY))

    world.away_engine.on_request = intrude
    only = world.perform(action).only
    assert only.kind is OutcomeKind.STALE
    assert only.reason.startswith("source changed")
    assert (world.found("big"), world.open_uploads) == (None, [])


def test_a_part_that_a_store_refuses_for_a_moment_is_sent_again_and_not_fetched_again(world: RelayWorld) -> None:
    world.away_engine.fail(Fault.SLOW_DOWN, operation=UploadPart, number=2)
    world.engine.fail(Fault.UNREACHABLE, operation=GetObject, number=3)
    assert world.perform(world.plan_relay("big")).kinds == ["done"]
    assert world.engine.asked(GetObject) == PARTS + 1
    assert world.away_engine.asked(UploadPart) == PARTS + 1


def test_a_part_that_is_refused_again_and_again_is_left_to_the_next_attempt_and_the_others_are_kept(
    world: RelayWorld,
) -> None:
    world.away_engine.fail(Fault.SLOW_DOWN, operation=UploadPart, number=2, times=3)
    actions = [world.plan_relay("big")]
    world.steering.in_flight = 1
    memory = world.resume_until_ended(actions, memory=Memory())
    assert memory.ends[0].kind is OutcomeKind.DONE
    assert world.body("big") == BODY
    assert world.away_engine.asked(UploadPart) == PARTS + 3
    assert world.away_engine.asked(CreateMultipartUpload) == 1


@pytest.mark.parametrize("side", [Side.SOURCE, Side.DESTINATION])
@pytest.mark.parametrize("fault", [*FAULTS_THAT_PASS, Fault.KILLED, Fault.KILLED_AFTER])
def test_any_fault_at_any_request_ends_as_if_nothing_had_happened(world: RelayWorld, fault: Fault, side: Side) -> None:
    for number in range(1, 14):
        one = made(enforced=world.capabilities == ALL_ENFORCED)
        actions = [one.plan_relay("big")]
        engine = one.engine if side is Side.SOURCE else one.away_engine
        engine.fail(fault, number=number)
        memory = one.resume_until_ended(actions, memory=Memory(), attempts=8)
        found = one.found("big")
        assert memory.ends[0].kind in {OutcomeKind.DONE, OutcomeKind.ALREADY_DONE}, (number, memory.ends)
        assert found is not None
        assert found.body == BODY
        if fault is not Fault.DENIED:
            assert found.attributes == KEPT, number
        if fault in {Fault.KILLED, Fault.KILLED_AFTER, Fault.LOST, Fault.BAD_REPLY}:
            continue  # an upload whose id was lost is told of, and left
        assert one.open_uploads == [], number


def test_only_missing_parts_are_fetched_after_a_kill(world: RelayWorld) -> None:
    world.steering.in_flight = 1
    world.away_engine.fail(Fault.KILLED_AFTER, operation=UploadPart, number=4)
    actions = [world.plan_relay("big")]
    world.verification = Verification(Verify.NONE)
    memory = world.resume_until_ended(actions, memory=Memory(), attempts=1)
    assert len(memory.uploads[0][2]) == 3
    world.engine.requests.clear()
    world.away_engine.requests.clear()
    memory = world.resume_until_ended(actions, memory=memory, is_begun=True)
    assert memory.ends[0].kind is OutcomeKind.DONE
    assert world.body("big") == BODY
    # The fourth is stored though nobody was told: ListParts says so.
    assert (world.engine.asked(GetObject), world.away_engine.asked(UploadPart)) == (1, 1)


def test_where_parts_are_held_against_checksums_those_of_an_earlier_attempt_are_fetched_once_more_for_them(
    world: RelayWorld,
) -> None:
    memory = stored_and_killed(world)
    world.engine.requests.clear()
    memory = world.resume_until_ended([world.plan_relay("big")], memory=memory, is_begun=True)
    assert memory.ends[0].kind is OutcomeKind.DONE
    assert (world.body("big"), world.engine.asked(GetObject)) == (BODY, PARTS)


@pytest.mark.parametrize("is_denied", [False, True])
def test_parts_that_can_never_be_made_an_object_of_are_not_left_at_the_store(
    world: RelayWorld, *, is_denied: bool
) -> None:
    action = world.plan_relay("big")
    memory = stored_and_killed(world)

    def intrude(request: Request) -> None:
        if isinstance(request, GetObject):
            world.put_source("big", b"x" * len(BODY))

    if is_denied:
        world.engine.fail(Fault.DENIED, operation=GetObject)
    else:
        world.engine.on_request = intrude
    memory = world.resume_until_ended([action], memory=memory, is_begun=True, attempts=1)
    assert memory.ends[0].kind is (OutcomeKind.FAILED if is_denied else OutcomeKind.STALE)
    assert (world.found("big"), world.open_uploads) == (None, [])


def stored_and_killed(world: RelayWorld) -> Memory:
    """Send all parts in an attempt that is killed then; their checksums are forgotten with it."""
    world.sums_parts = True
    world.steering.in_flight = 1
    world.away_engine.fail(Fault.KILLED_AFTER, operation=UploadPart, number=PARTS)
    memory = world.resume_until_ended([world.plan_relay("big")], memory=Memory(), attempts=1)
    assert len(world.open_uploads) == 1
    return memory


def test_a_complete_whose_reply_is_lost_is_known_by_its_parts_and_read(world: RelayWorld) -> None:
    world.away_engine.fail(Fault.LOST, operation=CompleteMultipartUpload)
    only = world.perform(world.plan_relay("big")).only
    assert only.kind is OutcomeKind.ALREADY_DONE
    assert only.evidence in ("by checksum", "by etag")


@pytest.mark.parametrize("is_somebody_elses", [False, True])
def test_an_object_of_parts_that_nobody_has_journaled_is_known_by_its_bytes_whatever_verify_says(
    world: RelayWorld, *, is_somebody_elses: bool
) -> None:
    """Killed between Complete and the next commit of the journal, which has the upload then and none of its parts."""
    world.verification = Verification(Verify.NONE)
    world.away_engine.fail(Fault.KILLED_AFTER, operation=CompleteMultipartUpload)

    def state_nothing(_: Request, reply: Reply) -> Reply:
        return replace(reply, checksums={}) if isinstance(reply, ObjectFound) else reply

    world.engine.answer = world.away_engine.answer = state_nothing
    actions = [world.plan_relay("big")]
    memory = world.resume_until_ended(actions, memory=Memory(), attempts=1)
    upload_id, size_bytes, _ = memory.uploads[0]
    memory.uploads[0] = (upload_id, size_bytes, {})
    if is_somebody_elses:
        world.put_destination("big", b"x" * len(BODY))
    memory = world.resume_until_ended(actions, memory=memory, is_begun=True, attempts=1)
    if is_somebody_elses:
        assert memory.ends[0].kind is OutcomeKind.STALE
        assert "if this run has written it" in memory.ends[0].reason
    else:
        assert (memory.ends[0].kind, memory.ends[0].evidence) == (OutcomeKind.ALREADY_DONE, "by checksum")


def test_bytes_that_are_not_those_that_the_source_states_never_become_an_object(world: RelayWorld) -> None:
    def suffer(request: Request, reply: Reply) -> Reply:
        if isinstance(reply, ObjectFound):
            return replace(reply, checksums={"CRC64NVME": "AAAAAAAAAAA="})
        return reply

    world.engine.answer = suffer
    action = world.plan_relay("big")
    only = world.perform(action).only
    assert "suffered on the way" in only.reason
    assert (world.found("big"), world.open_uploads) == (None, [])


def test_parts_wait_for_room_and_give_it_back() -> None:
    world = made(enforced=True)
    world.memory.most_bytes = 4 * PART_BYTES
    world.buffers = Buffers(world.memory, threads=2)
    world.engine.requests = world.away_engine.requests = Forgetful()
    world.steering.in_flight = 8
    for number in range(6):
        world.put_source(f"{number}", BODY * 4)
    world.restart()
    assert world.perform(*[world.plan_relay(f"{number}") for number in range(6)]).kinds == ["done"] * 6
    assert world.memory.buffer(4 * PART_BYTES) is not None
    world.buffers.close()


def test_parts_that_are_large_for_the_memory_are_in_files() -> None:
    world = made(enforced=True)
    world.memory.most_bytes = PART_BYTES
    assert world.perform(world.plan_relay("big")).kinds == ["done"]
    assert world.body("big") == BODY
