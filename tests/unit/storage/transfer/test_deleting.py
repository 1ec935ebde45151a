"""Deletes: each key under its own pin, one way or another, and no end believed that was not told."""

from __future__ import annotations

import pytest
from fakes.copy_world import ALL_CHECKED, ALL_ENFORCED, CopyWorld
from fakes.faulty_engine import Fault
from fakes.odd_keys import XML_UNSAFE_KEYS
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.requests.objects import (
    DeleteObject,
    DeleteObjects,
    HeadObject,
    KeysDeleted,
    ListObjects,
    Reply,
    Request,
)
from s3plan.storage.memory.store import StoredObject

ONLY_SINGLE = {**ALL_ENFORCED, Condition.BATCH_DELETE_MATCH: Enforcement.CHECKED}
ONLY_BATCH = {**ALL_ENFORCED, Condition.DELETE_MATCH: Enforcement.CHECKED}
STORES = {"both": ALL_ENFORCED, "only single": ONLY_SINGLE, "only batch": ONLY_BATCH, "none": ALL_CHECKED}


@pytest.fixture(params=STORES)
def world(request: pytest.FixtureRequest) -> CopyWorld:
    return CopyWorld(capabilities=STORES[request.param])


@pytest.fixture
def enforced() -> CopyWorld:
    return CopyWorld()


def planned(world: CopyWorld, *keys: str) -> list[Action]:
    for key in keys:
        world.put_destination(key, key.encode())
    return [world.plan_delete(key) for key in keys]


def left(world: CopyWorld) -> set[str]:
    return set(world.store.bucket("right").objects)


def malformed(request: Request, *, unless: int = 0) -> Failure | None:
    if isinstance(request, DeleteObjects) and len(request.keys) > unless:
        return Failure(FailureKind.MALFORMED_XML, "DeleteObjects", "MalformedXML", "", 400)
    return None


def test_objects_as_planned_are_deleted_and_no_other(world: CopyWorld) -> None:
    world.put_destination("kept", b"kept")
    assert world.perform(*planned(world, "a", "b", "c")).kinds == ["done"] * 3
    assert left(world) == {"out/kept"}


def test_every_key_of_a_batch_carries_its_own_pin(enforced: CopyWorld) -> None:
    actions = planned(enforced, "a", "b")
    enforced.perform(*actions)
    (request,) = enforced.engine.requests
    assert isinstance(request, DeleteObjects)
    assert list(request.keys) == [("out/a", actions[0].destination_pin), ("out/b", actions[1].destination_pin)]


def test_a_changed_object_is_kept_and_stale_and_the_others_are_deleted(world: CopyWorld) -> None:
    actions = planned(world, "a", "b", "c")
    world.put_destination("b", b"changed")
    attempt = world.perform(*actions)
    assert attempt.kinds == ["done", "stale", "done"]
    assert attempt.outcomes[1].reason.startswith("destination changed")
    assert left(world) == {"out/b"}


def test_an_object_that_is_gone_is_deleted_or_already_done(world: CopyWorld) -> None:
    actions = planned(world, "a", "b")
    world.remove_destination("a")
    attempt = world.perform(*actions)
    assert attempt.outcomes[0].kind.is_success
    assert left(world) == set()


@pytest.mark.parametrize("key", XML_UNSAFE_KEYS)
def test_a_key_that_xml_cannot_carry_is_deleted_singly(world: CopyWorld, key: str) -> None:
    actions = planned(world, "a", key, "z")
    assert world.perform(*actions).kinds == ["done"] * 3
    assert left(world) == set()
    sent = [key for request in world.engine.requests if isinstance(request, DeleteObjects) for key, _ in request.keys]
    assert f"out/{key}" not in sent


def test_a_changed_object_whose_key_xml_cannot_carry_is_kept(world: CopyWorld) -> None:
    (action,) = planned(world, "\x01a")
    world.put_destination("\x01a", b"changed")
    assert world.perform(action).kinds == ["stale"]
    assert left(world) == {"out/\x01a"}


def test_more_than_a_thousand_keys_go_in_several_requests(enforced: CopyWorld) -> None:
    attempt = enforced.perform(*planned(enforced, *(f"{number:05d}" for number in range(2001))))
    assert set(attempt.kinds) == {"done"}
    sizes = [len(request.keys) for request in enforced.engine.requests if isinstance(request, DeleteObjects)]
    assert sizes == [1000, 1000, 1]
    assert left(enforced) == set()


def test_a_body_that_the_store_cannot_read_is_split_until_it_can(enforced: CopyWorld) -> None:
    actions = planned(enforced, *"abcdefgh")
    bad = "out/f"

    def answer(request: Request, reply: Reply) -> Reply:
        if isinstance(request, DeleteObjects) and bad in dict(request.keys):
            for key, _ in request.keys:  # as it was not executed, put everything back
                enforced.put_destination(key.removeprefix("out/"), key.removeprefix("out/").encode())
            return malformed(request) or reply
        return reply

    enforced.engine.answer = answer
    assert enforced.perform(*actions).kinds == ["done"] * 8
    assert left(enforced) == set()
    single = [request for request in enforced.engine.requests if isinstance(request, DeleteObject)]
    assert [(request.key, request.if_match) for request in single] == [(bad, actions[5].destination_pin)]


@pytest.mark.parametrize("name", ["both", "only batch", "none"])
def test_the_last_key_of_a_split_is_never_deleted_unpinned_and_unseen(name: str) -> None:
    world = CopyWorld(capabilities=STORES[name])
    (action,) = planned(world, "a")

    def answer(request: Request, reply: Reply) -> Reply:
        refusal = malformed(request)
        if refusal is not None:
            world.put_destination("a", b"changed meanwhile")
        return refusal or reply

    world.engine.answer = answer
    if name != "both":
        world.engine.fail(Fault.UNSUPPORTED, operation=DeleteObject)  # would delete whatever is there
    assert world.perform(action).kinds == ["stale"]
    assert left(world) == {"out/a"}


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.BAD_REPLY])
def test_a_lost_reply_of_a_delete_is_settled_by_a_look(world: CopyWorld, fault: Fault) -> None:
    actions = planned(world, "a", "b", "c")
    world.put_destination("b", b"changed")
    for operation in (DeleteObjects, DeleteObject):
        world.engine.fail(fault, operation=operation)
    attempt = world.perform(*actions)
    assert attempt.outcomes[0] == Outcome(0, OutcomeKind.ALREADY_DONE, "", "absent")
    assert attempt.kinds[1] == "stale"
    assert attempt.outcomes[2].kind.is_success
    assert left(world) == {"out/b"}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.INTERNAL, FailureKind.TRANSIENT),
        (Fault.SLOW_DOWN, FailureKind.THROTTLED),
        (Fault.UNREACHABLE, FailureKind.UNREACHABLE),
        (Fault.CONFLICT, FailureKind.CONFLICT),
        (Fault.EXPIRED, FailureKind.CREDENTIALS_EXPIRED),
    ],
)
def test_deletes_that_were_not_executed_are_unknown_and_done_by_the_next_attempt(
    world: CopyWorld, fault: Fault, kind: FailureKind
) -> None:
    actions = planned(world, "a", "b")
    for operation in (DeleteObjects, DeleteObject):
        world.engine.fail(fault, operation=operation, times=2)
    attempt = world.perform(*actions)
    assert {outcome.failure for outcome in attempt.outcomes.values()} == {kind}
    assert set(attempt.kinds) == {"unknown"}
    assert left(world) == {"out/a", "out/b"}
    world.engine.mend()
    assert world.perform(*actions, generation=2, doubtful=[0, 1]).kinds == ["done", "done"]


def test_a_denied_delete_is_failed_and_names_the_permission(world: CopyWorld) -> None:
    for operation in (DeleteObjects, DeleteObject):
        world.engine.fail(Fault.DENIED, operation=operation)
    outcome = world.perform(*planned(world, "a")).only
    assert outcome.kind is OutcomeKind.FAILED
    assert "s3:DeleteObject" in outcome.reason


def test_keys_that_the_reply_leaves_out_are_looked_up(enforced: CopyWorld) -> None:
    actions = planned(enforced, *"abcd")

    def answer(request: Request, reply: Reply) -> Reply:
        if isinstance(reply, KeysDeleted):
            enforced.put_destination("c", b"c")  # the store forgot it
            enforced.put_destination("d", b"changed")
            return KeysDeleted(frozenset({"out/a"}), {})
        return reply

    enforced.engine.answer = answer
    attempt = enforced.perform(*actions)
    assert attempt.kinds == ["done", "already-done", "unknown", "stale"]
    assert attempt.outcomes[2].failure is FailureKind.BAD_REPLY


def test_verdicts_for_single_keys_decide_for_those_keys_alone(enforced: CopyWorld) -> None:
    actions = planned(enforced, *"abcd")

    def answer(request: Request, reply: Reply) -> Reply:
        if not isinstance(reply, KeysDeleted):
            return reply
        for key in "bc":
            enforced.put_destination(key, key.encode())
        failures = {
            "out/b": Failure(FailureKind.DENIED, "DeleteObjects", "AccessDenied", ""),
            "out/c": Failure(FailureKind.TRANSIENT, "DeleteObjects", "InternalError", ""),
            "out/d": Failure(FailureKind.NOT_FOUND, "DeleteObjects", "NoSuchKey", ""),
        }
        return KeysDeleted(frozenset({"out/a"}), failures)

    enforced.engine.answer = answer
    attempt = enforced.perform(*actions)
    assert attempt.kinds == ["done", "failed", "unknown", "already-done"]
    assert attempt.outcomes[2].failure is FailureKind.TRANSIENT


@pytest.mark.parametrize("look", [HeadObject, ListObjects])
@pytest.mark.parametrize("fault", [Fault.INTERNAL, Fault.DENIED, Fault.BAD_REPLY])
def test_a_look_that_fails_never_makes_a_delete_done(world: CopyWorld, look: type, fault: Fault) -> None:
    actions = planned(world, "a", "\x01b")
    world.engine.fail(fault, operation=look, times=9)
    for operation in (DeleteObjects, DeleteObject):
        world.engine.fail(Fault.INTERNAL, operation=operation, times=9)
    attempt = world.perform(*actions)
    assert not any(outcome.kind.is_success for outcome in attempt.outcomes.values())
    assert len(attempt.outcomes) == 2
    assert len(left(world)) == 2


@pytest.mark.parametrize("code", ["", "NoSuchThing"])
def test_a_404_that_does_not_say_no_such_key_deletes_nothing(world: CopyWorld, code: str) -> None:
    """A gateway's own page, for instance; and HEAD has no body that could tell the two apart."""
    (action,) = planned(world, "\x01a")  # deleted singly
    page = Failure(FailureKind.NOT_FOUND, "DeleteObject", code or "HTTP404", "", 404)

    def answer(request: Request, reply: Reply) -> Reply:
        if isinstance(request, DeleteObject):
            world.put_destination("\x01a", b"\x01a")  # the gateway has passed nothing on
            return page
        return page if isinstance(request, HeadObject) else reply

    world.engine.answer = answer
    outcome = world.perform(action).only
    assert (outcome.kind, outcome.failure) == (OutcomeKind.UNKNOWN, FailureKind.BAD_REPLY)
    assert left(world) == {"out/\x01a"}
    world.remove_destination("\x01a")
    world.engine.answer = lambda request, reply: page if isinstance(request, DeleteObject | HeadObject) else reply
    assert world.perform(action).only == Outcome(0, OutcomeKind.ALREADY_DONE, "", "absent"), "the listing says so"


def test_s3s_own_word_for_an_absent_key_is_believed(world: CopyWorld) -> None:
    (action,) = planned(world, "\x01a")
    gone = Failure(FailureKind.NOT_FOUND, "DeleteObject", "NoSuchKey", "", 404)
    world.engine.answer = lambda request, reply: gone if isinstance(request, DeleteObject) else reply
    assert world.perform(action).only == Outcome(0, OutcomeKind.ALREADY_DONE, "", "absent")


def test_a_look_that_took_long_is_not_relied_on_for_many_keys() -> None:
    world = CopyWorld(capabilities=ALL_CHECKED)
    actions = planned(world, *(f"{number:03d}" for number in range(9)))

    def answer(request: Request, reply: Reply) -> Reply:
        if isinstance(request, ListObjects):
            world.clock_s += 3
            world.put_destination("004", b"changed meanwhile")
        return reply

    world.engine.answer = answer
    assert world.perform(*actions).kinds == ["done"] * 4 + ["stale"] + ["done"] * 4
    assert left(world) == {"out/004"}


def test_where_no_pin_is_held_the_keys_are_looked_at_by_one_listing() -> None:
    world = CopyWorld(capabilities=ALL_CHECKED)
    actions = planned(world, *(f"{number:03d}" for number in range(100)))
    assert set(world.perform(*actions).kinds) == {"done"}
    assert (world.engine.asked(ListObjects), world.engine.asked(HeadObject)) == (1, 0)
    (request,) = [request for request in world.engine.requests if isinstance(request, DeleteObjects)]
    assert {pin for _, pin in request.keys} == {None}


def lacking_batches(world: CopyWorld, status: int) -> None:
    """Let the store have no DeleteObjects: it refuses them, and what they would have removed is still there."""
    kind = FailureKind.UNSUPPORTED if status == 501 else FailureKind.INVALID
    before: dict[str, StoredObject] = {}

    def note(request: Request) -> None:
        if isinstance(request, DeleteObjects):
            before.update(world.store.bucket("right").objects)

    def answer(request: Request, reply: Reply) -> Reply:
        if not isinstance(request, DeleteObjects):
            return reply
        world.store.bucket("right").objects.update(before)
        return Failure(kind, "DeleteObjects", "No", "", status)

    world.engine.on_request, world.engine.answer = note, answer


@pytest.mark.parametrize("status", [400, 405, 501])
@pytest.mark.parametrize("store", ["both", "none"])
def test_a_store_without_batch_deletes_gets_single_ones_from_then_on(store: str, status: int) -> None:
    world = CopyWorld(capabilities=STORES[store])
    lacking_batches(world, status)
    assert world.perform(*planned(world, "a", "b", "c")).kinds == ["done"] * 3
    assert world.perform(*planned(world, "d", "e")).kinds == ["done"] * 2
    assert left(world) == set()
    assert world.engine.asked(DeleteObjects) == 1
    assert world.engine.asked(DeleteObject) == 5


@pytest.mark.parametrize("store", ["both", "none"])
def test_what_changed_is_kept_by_the_single_deletes_of_such_a_store(store: str) -> None:
    world = CopyWorld(capabilities=STORES[store])
    lacking_batches(world, 501)
    actions = planned(world, "a", "b")
    world.put_destination("b", b"another")
    assert world.perform(*actions).kinds == ["done", "stale"]
    assert left(world) == {"out/b"}


def test_where_only_batches_hold_the_pins_nothing_is_deleted_without_them() -> None:
    world = CopyWorld(capabilities=ONLY_BATCH)
    lacking_batches(world, 501)
    assert world.perform(*planned(world, "a", "b")).kinds == ["failed"] * 2
    assert left(world) == {"out/a", "out/b"}
