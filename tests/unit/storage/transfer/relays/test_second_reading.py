"""Moves over plain http from a store that states nothing of the whole: what flips on the way is not removed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.copy_world import SOURCE, Memory
from fakes.faulty_engine import Fault
from fakes.relay_world import RelayWorld
from s3plan.schemas.evidence.verification import Verification, Verify
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.requests.objects import GetObject, ObjectFound, Reply, Request
from s3plan.schemas.requests.uploads import UploadPart
from s3plan.storage.memory.store import sum_of

BODY = b"0123456789abcdef!"  # five parts
PARTS = 5
STATED_NOWHERE = "0123456789abcdef0123456789abcdef-2"  # cut by nobody knows what


def made(
    *, endpoint: str | None = "http://far.example", moves: bool = True, etags_are_md5: bool = True, body: bytes = BODY
) -> RelayWorld:
    world = RelayWorld()
    world.verification = Verification(Verify.ETAG, etags_are_md5=etags_are_md5)
    world.source = replace(SOURCE, endpoint=endpoint)
    world.removes_source = moves
    put(world, body)
    world.steering.in_flight = 1
    return world


def put(world: RelayWorld, body: bytes, *, etag: str = STATED_NOWHERE) -> None:
    stored = world.store.new_object(body, etag=etag)
    world.store.bucket("left").put("in/big", replace(stored, checksum=None))


def flip(world: RelayWorld, *, gets: set[int]) -> None:
    """Have these reads of the source, counted from one, find another bit under the same ETag."""
    whole = world.store.bucket("left").stored("in/big").body
    seen = 0

    def on_request(request: Request) -> None:
        nonlocal seen
        world.tick()
        if not isinstance(request, GetObject):
            return
        seen += 1
        at = request.first_byte or 0
        flipped = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        put(world, flipped if seen in gets else whole)

    world.engine.on_request = on_request


@pytest.mark.parametrize("endpoint", ["http://far.example", "HTTP://far.example"])
def test_the_source_of_a_move_is_read_twice_and_each_time_by_its_etag(endpoint: str) -> None:
    world = made(endpoint=endpoint)
    only = world.perform(world.plan_relay("big")).only
    assert (only.kind, only.evidence, world.body("big")) == (OutcomeKind.DONE, "MD5 of the parts", BODY)
    gets = [request for request in world.engine.requests if isinstance(request, GetObject)]
    once = [(0, 3), (4, 7), (8, 11), (12, 15), (16, 16)]
    assert sorted((get.first_byte, get.last_byte) for get in gets) == sorted(once * 2)
    assert {get.if_match for get in gets} == {STATED_NOWHERE}


@pytest.mark.parametrize(
    "world",
    [made(moves=False), made(endpoint="https://far.example"), made(endpoint=None)],
    ids=["a copy", "over TLS", "AWS"],
)
def test_what_stays_or_comes_by_tls_is_read_once(world: RelayWorld) -> None:
    assert world.perform(world.plan_relay("big")).kinds == ["done"]
    assert world.engine.asked(GetObject) == PARTS


def test_what_is_cut_at_its_store_as_it_is_here_is_read_once() -> None:
    world = made()
    world.removes_source = False
    world.perform(world.plan_relay("big"))
    found = world.found("big")
    assert found is not None
    other = made()
    put(other, BODY, etag=found.etag)
    assert other.perform(other.plan_relay("big")).only.evidence == "MD5 of the parts"
    assert other.engine.asked(GetObject) == PARTS


def test_what_states_the_checksum_of_the_whole_is_read_once() -> None:
    world = made()

    def state(_: Request, reply: Reply) -> Reply:
        stated = {"CRC64NVME": sum_of(BODY, "CRC64NVME")}
        return replace(reply, checksums=stated) if isinstance(reply, ObjectFound) else reply

    world.engine.answer = state
    assert world.perform(world.plan_relay("big")).kinds == ["done"]
    assert world.engine.asked(GetObject) == PARTS


@pytest.mark.parametrize("number", range(1, 2 * PARTS + 1))
def test_a_bit_that_flips_at_either_reading_becomes_no_object(number: int) -> None:
    world = made()
    action = world.plan_relay("big")
    flip(world, gets={number})
    only = world.perform(action).only
    assert (only.kind, only.failure) == (OutcomeKind.UNKNOWN, FailureKind.VERIFICATION), only
    assert f"part {(number - 1) % PARTS + 1} came otherwise when it was read again" in only.reason
    assert (world.found("big"), world.open_uploads) == (None, [])
    assert world.perform(action).only.kind is OutcomeKind.DONE
    assert world.body("big") == BODY


@pytest.mark.parametrize("etags_are_md5", [True, False])
@pytest.mark.parametrize("killed_at", range(1, PARTS + 1))
def test_parts_of_an_attempt_that_was_killed_are_proved_or_sent_again(killed_at: int, etags_are_md5: bool) -> None:
    world = made(etags_are_md5=etags_are_md5)
    actions = [world.plan_relay("big")]
    flip(world, gets={1})
    world.away_engine.fail(Fault.KILLED_AFTER, operation=UploadPart, number=killed_at)
    memory = world.resume_until_ended(actions, memory=Memory(), attempts=1)
    memory = world.resume_until_ended(actions, memory=memory, is_begun=True, attempts=6)
    assert memory.ends[0].kind is OutcomeKind.DONE, memory.ends
    assert (world.body("big"), world.open_uploads) == (BODY, [])


def test_a_source_that_is_overwritten_before_it_is_read_again_is_stale() -> None:
    world = made()
    action = world.plan_relay("big")
    seen = 0

    def intrude(request: Request) -> None:
        nonlocal seen
        seen += isinstance(request, GetObject)
        if seen == PARTS + 2:
            put(world, b"x" * len(BODY), etag="another")

    world.engine.on_request = intrude
    assert world.perform(action).only.kind is OutcomeKind.STALE
    assert (world.found("big"), world.open_uploads) == (None, [])


@pytest.mark.parametrize("number", [1, 2])
def test_a_small_object_is_read_twice_and_a_flipped_bit_becomes_no_object(number: int) -> None:
    world = made(body=b"0123")
    action = world.plan_relay("big")
    flip(world, gets={number})
    only = world.perform(action).only
    assert only.failure is FailureKind.VERIFICATION
    assert world.found("big") is None
    assert world.perform(action).only.kind is OutcomeKind.DONE
    assert world.body("big") == b"0123"
