"""One batch from its first request to its last outcome: whatever goes wrong, wherever, the end state is as planned."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from fakes.copy_world import ALL_CHECKED, ALL_ENFORCED, CopyWorld, Memory
from fakes.faulty_engine import FAULTS_THAT_PASS, Fault
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind, UploadBegun
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.plan.places import Place
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.requests.objects import Acknowledged, CopyObject, DeleteObjects, HeadObject, Reply, Request
from s3plan.storage.transfer.performer import EnginePerformer

LARGE = b"0123456789abcdef!"
WORLDS = {"enforced": ALL_ENFORCED, "checked": ALL_CHECKED}


def mixed_batch(world: CopyWorld) -> list[Action]:
    """Small and large objects, made, overwritten, and overwritten by the same bytes, and two deletes."""
    for key, body in {"large-new": LARGE, "large-old": LARGE, "new": b"new", "old": b"newer", "same": b"same"}.items():
        world.put_source(key, body)
    world.put_destination("large-old", b"old")
    world.put_destination("old", b"old")
    world.put_destination("same", b"same")
    world.put_destination("extra", b"extra")
    world.put_destination("\x01extra", b"extra")
    world.put_destination("kept", b"kept")
    copies = [world.plan_copy(key) for key in ("large-new", "large-old", "new", "old", "same")]
    return [world.plan_delete("\x01extra"), world.plan_delete("extra"), *copies]


def assert_as_planned(world: CopyWorld, memory: Memory) -> None:
    assert [memory.ends[position].kind.is_success for position in range(7)] == [True] * 7, memory.ends
    bodies = {key.removeprefix("out/"): stored.body for key, stored in world.store.bucket("right").objects.items()}
    assert bodies == {
        "large-new": LARGE,
        "large-old": LARGE,
        "new": b"new",
        "old": b"newer",
        "same": b"same",
        "kept": b"kept",
    }
    # What an attempt opened whose end is unclear is left alone and told.
    for upload_id in world.open_uploads:
        assert any(upload_id in remark or "cannot be looked up" in remark for remark in memory.remarks), upload_id
    assert set(world.engine.writes.values()) == {1}, world.engine.writes


def requests_of_an_undisturbed_run(capabilities: str) -> int:
    world = CopyWorld(capabilities=WORLDS[capabilities])
    assert_as_planned(world, world.resume_until_ended(mixed_batch(world)))
    return len(world.engine.requests)


@pytest.mark.parametrize("in_flight", [1, 8])
@pytest.mark.parametrize("fault", FAULTS_THAT_PASS)
@pytest.mark.parametrize("capabilities", WORLDS)
def test_whichever_request_fails_the_end_state_is_as_planned_and_nothing_is_written_twice(
    capabilities: str, fault: Fault, in_flight: int
) -> None:
    for number in range(1, requests_of_an_undisturbed_run(capabilities) + 1):
        world = CopyWorld(capabilities=WORLDS[capabilities])
        world.steering.in_flight = in_flight
        actions = mixed_batch(world)
        world.engine.fail(fault, number=number)
        assert_as_planned(world, world.resume_until_ended(actions))


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.INTERNAL, Fault.BAD_REPLY, Fault.SLOW_DOWN])
@pytest.mark.parametrize("capabilities", WORLDS)
def test_two_failures_in_a_row_change_nothing_either(capabilities: str, fault: Fault) -> None:
    for number in range(1, requests_of_an_undisturbed_run(capabilities) + 1):
        world = CopyWorld(capabilities=WORLDS[capabilities])
        actions = mixed_batch(world)
        world.engine.fail(fault, number=number, times=2)
        assert_as_planned(world, world.resume_until_ended(actions))


@pytest.mark.parametrize("fault", [Fault.KILLED, Fault.KILLED_AFTER])
@pytest.mark.parametrize("capabilities", WORLDS)
def test_killed_at_any_request_and_resumed_the_end_state_is_as_planned(capabilities: str, fault: Fault) -> None:
    for number in range(1, requests_of_an_undisturbed_run(capabilities) + 1):
        world = CopyWorld(capabilities=WORLDS[capabilities])
        actions = mixed_batch(world)
        world.engine.fail(fault, number=number)
        assert_as_planned(world, world.resume_until_ended(actions))


@pytest.mark.parametrize("fault", [Fault.KILLED, Fault.KILLED_AFTER])
@pytest.mark.parametrize("capabilities", WORLDS)
def test_killed_at_any_request_with_nothing_of_it_journaled_the_end_state_is_as_planned(
    capabilities: str, fault: Fault
) -> None:
    for number in range(1, requests_of_an_undisturbed_run(capabilities) + 1):
        world = CopyWorld(capabilities=WORLDS[capabilities])
        actions = mixed_batch(world)
        world.engine.fail(fault, number=number)
        world.resume_until_ended(actions, attempts=1)
        assert_as_planned(world, world.resume_until_ended(actions, is_begun=True))


@pytest.mark.parametrize("capabilities", WORLDS)
def test_a_batch_performed_again_after_everything_was_forgotten_writes_nothing(capabilities: str) -> None:
    world = CopyWorld(capabilities=WORLDS[capabilities])
    actions = mixed_batch(world)
    world.resume_until_ended(actions)
    memory = world.resume_until_ended(actions, is_begun=True)
    assert {end.kind for end in memory.ends.values()} <= {OutcomeKind.ALREADY_DONE, OutcomeKind.DONE}
    assert_as_planned(world, memory)


def test_only_what_is_left_to_do_is_done() -> None:
    world = CopyWorld()
    for key in "abcd":
        world.put_source(key, b"one")
    actions = [world.plan_copy(key) for key in "abcd"]
    attempt = world.perform(*actions, todo=[1, 3])
    assert sorted(attempt.outcomes) == [1, 3]
    assert sorted(world.engine.writes) == ["out/b", "out/d"]


class SlowEngine:
    """Holds its answers back until it is told to give one."""

    def __init__(self, world: CopyWorld) -> None:
        self._world = world
        self.waiting: list[Callable[[], None]] = []
        self.most_under_way = 0
        self.clock_offset_ms = 0

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        self.waiting.append(lambda: on_reply(self._world.engine.call(request)))
        self.most_under_way = max(self.most_under_way, len(self.waiting))

    def call(self, request: Request) -> Reply:
        return self._world.engine.call(request)

    def answer_all(self) -> None:
        for answer in [self.waiting.pop(0) for _ in range(len(self.waiting))]:
            answer()

    def close(self) -> None:
        pass


@pytest.mark.parametrize("in_flight", [1, 3])
def test_no_more_requests_are_under_way_than_allowed(in_flight: int) -> None:
    world = CopyWorld()
    world.steering.in_flight = in_flight
    for number in range(20):
        world.put_source(f"{number:02d}", b"one")
    world.put_source("large", LARGE)
    slow = SlowEngine(world)
    timer = _answering_in_the_background(slow)
    actions = [*(world.plan_copy(f"{number:02d}") for number in range(20)), world.plan_copy("large")]
    outcomes = [
        item
        for item in EnginePerformer(lambda _: slow).perform(world.task(actions), world.steering)
        if isinstance(item, Outcome)
    ]
    timer.set()
    assert len(outcomes) == 21
    assert slow.most_under_way <= in_flight


def _answering_in_the_background(slow: SlowEngine) -> threading.Event:
    is_over = threading.Event()

    def answer() -> None:
        while not is_over.wait(0.001):
            slow.answer_all()

    threading.Thread(target=answer, daemon=True).start()
    return is_over


def test_a_stop_begins_no_new_action_and_tells_only_of_those_that_were_begun() -> None:
    world = CopyWorld()
    world.steering.in_flight = 2
    for key in "abcdef":
        world.put_source(key, b"one")

    def stop(request: Request) -> None:
        if isinstance(request, CopyObject) and request.key == "out/b":
            world.steering.stopping = True

    world.engine.on_request = stop
    attempt = world.perform(*(world.plan_copy(key) for key in "abcdef"))
    assert attempt.kinds == ["done", "done"]
    assert sorted(attempt.outcomes) == [0, 1]
    assert world.engine.asked(CopyObject) == 2


def test_what_is_abandoned_is_unknown_and_nothing_more_is_sent() -> None:
    world = CopyWorld()
    for key in "abcd":
        world.put_source(key, b"one")

    def abandon(request: Request) -> None:
        if isinstance(request, CopyObject) and request.key == "out/b":
            world.steering.stopping = world.steering.abandoned = True

    world.engine.on_request = abandon
    attempt = world.perform(*(world.plan_copy(key) for key in "abcd"))
    assert attempt.outcomes.keys() <= {0, 1}, "what no request was sent for is not told of: it is still to be done"
    assert set(attempt.kinds) <= {"done", "unknown"}
    assert world.engine.asked(CopyObject) == 2


def test_a_request_that_waits_for_its_turn_is_not_sent_once_the_run_is_abandoned() -> None:
    world = CopyWorld()
    world.put_source("a", b"one")

    class LongWait:
        in_flight = 1
        stopping = False
        abandoned = False
        in_doubt = False

        def holds(self, places: frozenset[Place]) -> bool:
            return False

        def reserve(self, place: Place, *, size_bytes: int) -> float:
            self.abandoned = True
            return 3600.0

    told = list(world.performer.perform(world.task([world.plan_copy("a")]), LongWait()))
    assert told == []
    assert world.engine.requests == []


def test_a_large_object_tells_its_upload_before_its_outcome() -> None:
    world = CopyWorld()
    world.put_source("large", LARGE)
    attempt = world.perform(world.plan_copy("large"))
    kinds = [type(item).__name__ for item in attempt.items]
    assert kinds[0] == UploadBegun.__name__
    assert kinds[1:-2] == ["PartDone"] * 5
    assert kinds[-2:] == ["UploadEnded", "Outcome"]


def test_deletes_without_a_source_location_need_only_the_destination() -> None:
    world = CopyWorld()
    world.put_destination("a", b"a")
    task = replace(world.task([world.plan_delete("a")]), source=None)
    told = list(world.performer.perform(task, world.steering))
    assert told == [Outcome(0, OutcomeKind.DONE)]
    assert world.engine.asked(DeleteObjects) == 1


def test_ten_thousand_small_copies_need_one_request_each() -> None:
    world = CopyWorld()
    world.engine.on_request = lambda _: None
    keys = [f"{number:05d}" for number in range(10_000)]
    for key in keys:
        world.put_source(key, b"")
    attempt = world.perform(*(world.plan_copy(key) for key in keys))
    assert set(attempt.kinds) == {"done"}
    assert len(world.engine.requests) == 10_000


class ThreadedEngine:
    """Answers from threads of its own, a little later, as a real one does."""

    def __init__(self, world: CopyWorld) -> None:
        self._world = world
        self._pool = ThreadPoolExecutor(4)
        self.clock_offset_ms = 0

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        self._pool.submit(lambda: on_reply(self.call(request)))

    def call(self, request: Request) -> Reply:
        time.sleep(0.002)
        return self._world.engine.call(request)

    def close(self) -> None:
        self._pool.shutdown()


def test_replies_on_other_threads_change_nothing() -> None:
    world = CopyWorld()
    keys = [f"{number:03d}" for number in range(300)]
    for key in keys:
        world.put_source(key, b"one")
    actions = [*(world.plan_copy(key) for key in keys), *mixed_batch(world)]
    engine = ThreadedEngine(world)
    told = list(EnginePerformer(lambda _: engine).perform(world.task(actions), world.steering))
    engine.close()
    outcomes = [item for item in told if isinstance(item, Outcome)]
    assert sorted(outcome.position for outcome in outcomes) == list(range(len(actions)))
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.DONE}
    assert set(world.engine.writes.values()) == {1}


class AbandonedOnceFull:
    """A control that lets three requests go and then stops everything."""

    in_flight = 3
    stopping = False
    abandoned = False
    in_doubt = False

    def __init__(self) -> None:
        self.sent = 0

    def holds(self, places: frozenset[Place]) -> bool:
        return False

    def reserve(self, place: Place, *, size_bytes: int) -> float:
        self.sent += 1
        self.abandoned = self.sent >= self.in_flight
        return 0.0


@pytest.mark.parametrize("what", ["copies", "large copies", "single deletes", "batch deletes"])
def test_unknown_are_those_whose_requests_were_under_way_and_not_the_whole_batch(what: str) -> None:
    """What a batch delete names is under way with it; nobody knows of the third thousand that was not asked for."""
    capabilities = dict(ALL_ENFORCED)
    if what == "single deletes":
        capabilities[Condition.BATCH_DELETE_MATCH] = Enforcement.CHECKED
    world = CopyWorld(capabilities=capabilities)
    actions: list[Action] = []
    for number in range(5_000 if what == "batch deletes" else 20):
        key = f"{number:04d}"
        if "deletes" in what:
            world.put_destination(key, b"one")
            actions.append(world.plan_delete(key))
        else:
            world.put_source(key, b"one" if what == "copies" else LARGE)
            actions.append(world.plan_copy(key))
    slow = SlowEngine(world)
    told = list(EnginePerformer(lambda _: slow).perform(world.task(actions), AbandonedOnceFull()))
    assert {item.kind for item in told if isinstance(item, Outcome)} == {OutcomeKind.UNKNOWN}
    assert len(told) == (3_000 if what == "batch deletes" else 3)


def test_a_look_changes_nothing_and_leaves_nothing_unknown() -> None:
    world = CopyWorld(capabilities=ALL_CHECKED)
    for key in "abcdef":
        world.put_source(key, b"one")
    actions = [world.plan_copy(key) for key in "abcdef"]
    control = AbandonedOnceFull()
    control.in_flight = 1
    slow = SlowEngine(world)
    told = list(EnginePerformer(lambda _: slow).perform(world.task(actions), control))
    assert (told, len(slow.waiting)) == ([], 1)


@pytest.mark.parametrize("how", ["a reply breaks a procedure", "the caller goes away"])
def test_nothing_more_is_begun_once_a_batch_was_left(how: str) -> None:
    """The scheduler gives it to somebody else: replies that still come must not drive it on."""
    world = CopyWorld()
    world.steering.in_flight = 4
    keys = [f"{number:03d}" for number in range(400)]
    for key in keys:
        world.put_source(key, b"one")

    def answer(request: Request, reply: Reply) -> Reply:
        if isinstance(request, CopyObject) and request.key == "out/020":
            return Failure(FailureKind.PRECONDITION, "CopyObject", "PreconditionFailed", "", 412)
        return Acknowledged() if isinstance(request, HeadObject) and how.startswith("a reply") else reply

    world.engine.answer = answer
    engine = ThreadedEngine(world)
    performing = EnginePerformer(lambda _: engine).perform(
        world.task([world.plan_copy(key) for key in keys]), world.steering
    )
    if how == "the caller goes away":
        next(performing)
        performing.close()  # type: ignore[attr-defined]
    else:
        with pytest.raises(AssertionError):
            list(performing)
    sent = world.engine.asked(CopyObject)
    time.sleep(0.1)
    assert world.engine.asked(CopyObject) <= sent + 4
    assert sent < len(keys) - 50
    engine.close()


def test_while_a_run_is_held_no_request_is_sent_and_afterwards_each_of_them_once() -> None:
    world = CopyWorld()
    for key in "abcdef":
        world.put_source(key, b"one")
    asked: list[int] = []

    def hold(request: Request) -> None:
        if isinstance(request, CopyObject) and request.key == "out/b":
            world.steering.in_doubt = True
            asked.append(world.engine.asked(CopyObject))
            threading.Timer(0.3, let_go).start()

    def let_go() -> None:
        asked.append(world.engine.asked(CopyObject))
        world.steering.in_doubt = False

    world.engine.on_request = hold
    attempt = world.perform(*(world.plan_copy(key) for key in "abcdef"))
    assert attempt.kinds == ["done"] * 6
    assert asked[0] == asked[1] < 6
    assert world.engine.asked(CopyObject) == 6


@pytest.mark.parametrize("is_here", [True, False], ids=["the destination", "the source"])
def test_a_store_that_repeats_a_key_as_an_etag_has_it_in_no_reason(is_here: bool) -> None:
    said = CustomerKey(b"a key that is told as an ETag...").in_base64
    world = CopyWorld()
    world.put_source("a", b"12345")
    action = world.plan_copy("a")
    (world.put_destination if is_here else world.put_source)("a", b"other", etag=said)
    only = world.perform(action).only
    assert only.kind is OutcomeKind.STALE
    assert said.rstrip("=") not in only.reason
    assert "[redacted]" in only.reason
