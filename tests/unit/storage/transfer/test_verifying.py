"""The last step of a write: what is asked at which level, what is made of it, and that nothing is written for it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest
from fakes.copy_world import CopyWorld
from fakes.faulty_engine import Fault
from s3plan.schemas.evidence.ladder import Compared
from s3plan.schemas.evidence.verification import Verification, Verify
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Evidence, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import CopyObject, GetObject, HeadObject, ObjectFound, Reply, Request
from s3plan.schemas.requests.uploads import CompleteMultipartUpload
from s3plan.storage.steps import Answered, Ask, AskMany, AwaitTurn, BatchContext
from s3plan.storage.transfer.verifying import verify_pair

OPAQUE = "0123456789abcdef0123456789abcdef"  # looks like an MD5 sum, and is none
SMALL, LARGE = b"bytes", b"bytes of a large object"


def without_checksums(_: Request, reply: Reply) -> Reply:
    return replace(reply, checksums={}) if isinstance(reply, ObjectFound) else reply


def opaque_world(asks: Verify, *, is_strict: bool = False, body: bytes = SMALL, states: bool = True) -> CopyWorld:
    """Return a world with a source whose ETag no copy will have; without `states` no store states a checksum."""
    world = CopyWorld()
    world.verification = Verification(asks, is_strict, etags_are_md5=True)
    world.put_source("a", body, etag=OPAQUE, encryption="aws:kms")
    if not states:
        world.engine.answer = without_checksums
    return world


def looks(world: CopyWorld) -> tuple[int, int]:
    return world.engine.asked(HeadObject), world.engine.asked(GetObject)


def flip_when_written(world: CopyWorld) -> None:
    """Have the destination hold other bytes under the ETag that the store has told."""

    def flip(request: Request) -> None:
        world.tick()
        there = world.found("a")
        if isinstance(request, HeadObject) and there is not None and request.bucket == "right":
            flipped = replace(there, body=b"X" + there.body[1:])
            world.store.bucket("right").put("out/a", flipped)

    world.engine.on_request = flip


@pytest.mark.parametrize(
    ("asks", "states", "asked", "evidence"),
    [
        (Verify.NONE, True, (0, 0), ""),
        (Verify.SIZE, True, (1, 0), ""),
        (Verify.ETAG, True, (2, 0), "CRC32"),
        (Verify.ETAG, False, (2, 0), ""),
        (Verify.CHECKSUM, True, (2, 0), "CRC32"),
        (Verify.CHECKSUM, False, (2, 2), "CRC64NVME"),
    ],
)
def test_each_level_asks_what_it_says_and_no_more(
    asks: Verify, states: bool, asked: tuple[int, int], evidence: str
) -> None:
    world = opaque_world(asks, states=states)
    only = world.perform(world.plan_copy("a")).only
    assert (only.kind, only.evidence, looks(world)) == (OutcomeKind.DONE, evidence, asked)
    assert world.engine.asked(CopyObject) == 1


def test_a_large_copy_is_looked_at_with_what_was_asked_before_its_first_part() -> None:
    world = opaque_world(Verify.CHECKSUM, body=LARGE, states=False)
    only = world.perform(world.plan_copy("a")).only
    assert (only.kind, only.evidence) == (OutcomeKind.DONE, "CRC64NVME")
    assert looks(world) == (3, 2)  # both before, the destination after


@pytest.mark.parametrize("body", [SMALL, LARGE])
def test_other_bytes_are_a_failure_and_stay(body: bytes) -> None:
    world = opaque_world(Verify.ETAG, body=body)
    action = world.plan_copy("a")
    flip_when_written(world)
    only = world.perform(action).only
    assert (only.kind, only.failure, only.side) == (
        OutcomeKind.FAILED,
        FailureKind.VERIFICATION,
        Side.DESTINATION,
    )
    assert only.reason.startswith("verification: its CRC32 is ")
    assert ", the store has " in only.reason
    assert world.body("a") == b"X" + body[1:]


def test_a_size_that_differs_is_found_by_the_size_alone() -> None:
    world = opaque_world(Verify.SIZE)
    world.engine.answer = lambda _, reply: replace(reply, size_bytes=4) if isinstance(reply, ObjectFound) else reply
    only = world.perform(world.plan_copy("a")).only
    assert (only.failure, only.reason) == (
        FailureKind.VERIFICATION,
        "verification: its size is 5, the store has 4",
    )


@pytest.mark.parametrize(("is_strict", "kind"), [(False, OutcomeKind.DONE), (True, OutcomeKind.FAILED)])
@pytest.mark.parametrize("operation", [HeadObject, GetObject])
def test_what_may_not_be_looked_at_is_a_failure_only_if_it_was_asked_for(
    operation: type, is_strict: bool, kind: OutcomeKind
) -> None:
    world = opaque_world(Verify.CHECKSUM, is_strict=is_strict, states=False)
    world.engine.fail(Fault.DENIED, operation=operation, times=9)
    only = world.perform(world.plan_copy("a")).only
    assert (only.kind, only.evidence) == (kind, "")
    assert only.reason.startswith("verification: ") == is_strict


def test_somebody_elses_object_in_the_place_proves_nothing_against_the_copy() -> None:
    world = opaque_world(Verify.ETAG)
    action = world.plan_copy("a")

    def overwrite(request: Request) -> None:
        world.tick()
        if isinstance(request, HeadObject) and request.bucket == "right":
            world.put_destination("a", b"other")

    world.engine.on_request = overwrite
    assert world.perform(action).kinds == ["done"]


def test_an_object_that_is_gone_at_once_is_a_failure() -> None:
    world = opaque_world(Verify.ETAG)
    action = world.plan_copy("a")
    world.engine.on_request = lambda request: (
        world.remove_destination("a") if isinstance(request, HeadObject) and request.bucket == "right" else None
    )
    only = world.perform(action).only
    assert (only.failure, only.reason) == (
        FailureKind.VERIFICATION,
        "verification: the store took it, and says now that no object is there",
    )


def test_expired_credentials_end_the_look_and_the_next_attempt_finds_the_copy() -> None:
    world = opaque_world(Verify.ETAG)
    action = world.plan_copy("a")
    world.engine.fail(Fault.EXPIRED, operation=HeadObject)
    only = world.perform(action).only
    assert (only.kind, only.failure, only.is_unclear) == (
        OutcomeKind.UNKNOWN,
        FailureKind.CREDENTIALS_EXPIRED,
        True,
    )
    again = world.perform(action, doubtful=[0], generation=2).only
    assert (again.kind, again.evidence) == (OutcomeKind.ALREADY_DONE, Evidence.BY_CHECKSUM)


@pytest.mark.parametrize("body", [SMALL, LARGE])
@pytest.mark.parametrize("states", [True, False])
@pytest.mark.parametrize("asks", [Verify.ETAG, Verify.CHECKSUM])
def test_killed_between_the_write_and_its_look_the_next_attempt_ends_the_same(
    asks: Verify, states: bool, body: bytes
) -> None:
    world = opaque_world(asks, states=states, body=body, is_strict=asks is Verify.CHECKSUM)
    action = world.plan_copy("a")
    number = 1 if body is SMALL else 3  # a large one looks at both sides before
    world.engine.fail(Fault.KILLED, operation=HeadObject, number=number)
    ended = world.resume_until_ended([action]).ends[0]
    is_read = asks is Verify.CHECKSUM and not states
    by_look = Evidence.BY_CHECKSUM if states or is_read else Evidence.BY_SIZE_AND_TIME
    assert ended.kind is OutcomeKind.ALREADY_DONE
    assert ended.evidence in ({by_look, Evidence.BY_ETAG} if body is LARGE else {by_look})
    assert sum(world.engine.writes.values()) == 1


def test_killed_before_the_look_at_other_bytes_a_run_that_reads_does_not_call_them_done() -> None:
    world = opaque_world(Verify.CHECKSUM, states=False)
    action = world.plan_copy("a")
    world.engine.fail(Fault.KILLED, operation=HeadObject)
    flip_when_written(world)
    ended = world.resume_until_ended([action], attempts=2).ends[0]
    assert (ended.kind, ended.failure) == (OutcomeKind.FAILED, FailureKind.VERIFICATION)


def test_what_failed_its_verification_is_looked_at_and_not_written_again() -> None:
    world = opaque_world(Verify.ETAG)
    action = world.plan_copy("a")
    flip_when_written(world)
    world.perform(action)
    again = world.perform(action, unverified=[0], generation=2).only
    assert (again.kind, again.failure) == (OutcomeKind.FAILED, FailureKind.VERIFICATION)
    assert world.engine.asked(CopyObject) == 1
    world.engine.on_request = lambda _: world.tick()
    world.put_destination("a", SMALL)
    third = world.perform(action, unverified=[0], generation=3).only
    assert (third.kind, third.evidence) == (OutcomeKind.ALREADY_DONE, Evidence.BY_CHECKSUM)


@pytest.mark.parametrize("body", [SMALL, LARGE])
def test_what_failed_its_verification_and_is_not_there_is_written(body: bytes) -> None:
    world = opaque_world(Verify.ETAG, body=body)
    assert world.perform(world.plan_copy("a"), unverified=[0]).kinds == ["done"]
    assert world.body("a") == body


def asked_about(world: CopyWorld, action: Action) -> Compared | Failure | None:
    """Return what verify_pair finds, its requests answered one after the other."""
    task = world.task([action])
    procedure: Generator[Any, Any, Any] = verify_pair(BatchContext(task, lambda _: None, lambda: 0.0), action)
    answer: Any = None
    asks: Any = iter(())
    while True:
        try:
            asked = procedure.send(answer)
        except StopIteration as end:
            found: Compared | Failure | None = end.value
            return found
        if isinstance(asked, AwaitTurn):
            answer = None
        elif isinstance(asked, Ask):
            reply = world.engine.call(asked.request)
            answer = replace(reply, side=asked.side) if isinstance(reply, Failure) else reply
        else:
            asks = asked.asks if isinstance(asked, AskMany) else asks
            following = next(asks, None)
            answer = None if following is None else Answered(following.request, world.engine.call(following.request))


def test_a_pair_of_equal_etags_is_proved_by_one_look_at_the_destination() -> None:
    world = CopyWorld()
    world.put_source("a", SMALL)
    world.put_destination("a", SMALL)
    assert asked_about(world, world.plan_copy("a")) == Compared(True, "MD5", *[asked_md5(world)] * 2)
    assert looks(world) == (1, 0)


def asked_md5(world: CopyWorld) -> str:
    there = world.found("a")
    assert there is not None
    return there.etag


@pytest.mark.parametrize(
    ("asks", "states", "asked", "by"),
    [
        (Verify.NONE, True, (2, 0), "CRC32"),
        (Verify.ETAG, False, (2, 0), None),
        (Verify.CHECKSUM, False, (2, 2), "CRC64NVME"),
    ],
)
def test_a_pair_whose_etags_differ_is_asked_about_on_both_sides_and_read_where_that_is_wanted(
    asks: Verify, states: bool, asked: tuple[int, int], by: str | None
) -> None:
    world = opaque_world(asks, states=states)
    world.put_destination("a", SMALL)
    found = asked_about(world, world.plan_copy("a"))
    assert (found.by if isinstance(found, Compared) else found, looks(world)) == (by, asked)


def test_a_pair_of_which_one_side_moved_is_a_failure_that_names_it() -> None:
    world = opaque_world(Verify.ETAG)
    world.put_destination("a", SMALL)
    action = world.plan_copy("a")
    world.put_source("a", b"other")
    moved = asked_about(world, action)
    assert isinstance(moved, Failure)
    assert (moved.kind, moved.side) == (FailureKind.PRECONDITION, Side.SOURCE)
    world.remove_destination("a")
    gone = asked_about(world, action)
    assert isinstance(gone, Failure)
    assert (gone.kind, gone.side) == (FailureKind.NOT_FOUND, Side.DESTINATION)


def test_what_is_large_is_read_back_in_pieces_by_its_etag() -> None:
    body = bytes(40 << 20)
    world = opaque_world(Verify.CHECKSUM, body=body, states=False)
    world.put_destination("a", body)
    found = asked_about(world, world.plan_copy("a"))
    assert isinstance(found, Compared)
    assert found.is_same
    gets = [request for request in world.engine.requests if isinstance(request, GetObject)]
    assert len(gets) == 6
    assert all(request.if_match is not None and request.into is not None for request in gets)
    assert not world.engine.asked(CompleteMultipartUpload)
