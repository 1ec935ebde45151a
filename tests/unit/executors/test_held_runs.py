"""A run that is paused, cancelled, out of time, or whose store has gone away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from fakes.scheduled import PlanInPhases, RunWorld, ScriptedPerformer, StepExecutor
from s3plan.schemas.events import Warned
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind
from s3plan.schemas.run_states import RunState, StopReason, Wish
from s3plan.schemas.tasks import BatchProgress

BATCHES = [[f"{batch}{number}" for number in range(3)] for batch in range(6)]
KEYS = [key for batch in BATCHES for key in batch]
DOWN = Outcome(0, OutcomeKind.UNKNOWN, "no answer", failure=FailureKind.UNREACHABLE)
DONE = Outcome(0, OutcomeKind.DONE)


def a_world(folder: Path, script: dict[str, list[Outcome]] | None = None) -> RunWorld:
    return RunWorld(folder, PlanInPhases(copies=BATCHES, deletes=[["x"]]), ScriptedPerformer(script or {}))


def test_a_pause_lets_what_is_under_way_end_and_starts_nothing_until_it_is_over(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    ended: list[int] = []

    def prepare(world: RunWorld, executor: StepExecutor) -> None:
        count = 0

        def look() -> Sequence[BatchProgress]:
            nonlocal count
            count += 1
            if count == 2:
                world.wish = Wish.PAUSE
            if 10 <= count < 50:
                assert executor.running == [], "nothing is under way while it is paused"
                ended.append(len(world.performer.ended))
            if count == 50:
                world.wish = Wish.GO_ON
            return ()

        executor.before_wait = look

    end = world.run(prepare=prepare)
    assert end.state is RunState.COMPLETED
    assert len(set(ended)) == 1, "nothing was done while it was paused"
    assert 0 < ended[0] < len(KEYS)
    assert sorted(world.performer.ended) == sorted([*KEYS, "x"])
    assert max(world.performer.tries.values()) == 1, "and nothing twice"
    assert world.told_states == [RunState.PAUSED, RunState.RUNNING]


def test_a_run_that_is_paused_can_be_cancelled_and_applied_again(tmp_path: Path) -> None:
    world = a_world(tmp_path)

    def prepare(world: RunWorld, executor: StepExecutor) -> None:
        count = 0

        def look() -> Sequence[BatchProgress]:
            nonlocal count
            count += 1
            world.wish = Wish.GO_ON if count < 2 else Wish.PAUSE if count < 20 else Wish.CANCEL
            return ()

        executor.before_wait = look

    end = world.run(prepare=prepare)
    assert (end.state, end.stop_reason) == (RunState.CANCELLED, StopReason.CANCEL)
    assert end.remaining > 0
    world.wish = Wish.GO_ON
    assert world.run().state is RunState.COMPLETED
    assert sorted(world.performer.ended) == sorted([*KEYS, "x"])


def test_a_wish_to_cancel_after_the_last_action_changes_nothing(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, PlanInPhases(copies=[["a"]]))

    def prepare(world: RunWorld, executor: StepExecutor) -> None:
        def look() -> Sequence[BatchProgress]:
            world.wish = Wish.CANCEL
            return ()

        executor.before_wait = look

    assert world.run(prepare=prepare).state is RunState.COMPLETED


def test_a_run_whose_time_is_up_stops_and_the_next_one_goes_on(tmp_path: Path) -> None:
    world = a_world(tmp_path, {"00": [DOWN, DONE]})
    end = world.run(duration_s=0.002, slots=1)
    assert (end.state, end.stop_reason) == (RunState.INTERRUPTED, StopReason.TIME_LIMIT)
    assert end.messages == ("stopped: the time that --max-duration gives is up",)
    assert end.remaining > 0
    assert world.run(duration_s=3600).state is RunState.COMPLETED


def test_an_outage_costs_no_action_its_tries_and_the_run_goes_on_after_it(tmp_path: Path) -> None:
    """Each action is met by the outage more often than it has tries."""
    world = a_world(tmp_path, {key: [DOWN] * 2 + [DONE] for key in KEYS})
    world.answers_probes = False

    def prepare(world: RunWorld, executor: StepExecutor) -> None:
        def look() -> Sequence[BatchProgress]:
            world.answers_probes = world.clock() - began_s > 300
            return ()

        began_s = world.clock()
        executor.before_wait = look

    began_s = world.clock()
    end = world.run(prepare=prepare, retries=2)
    assert end.state is RunState.COMPLETED
    assert world.clock() - began_s > 300
    assert len(world.probes_at_s) < 30, "the store is not pestered"
    warnings = [event.message for event in world.events if isinstance(event, Warned)]
    assert warnings[0] == "the store does not answer: nothing more is sent until it does"
    assert warnings[1].startswith("the store answers again, after 3")


def test_while_the_store_is_away_nothing_is_begun(tmp_path: Path) -> None:
    world = a_world(tmp_path, {key: [DOWN, DONE] for key in KEYS})
    world.answers_probes = False
    attempts: list[int] = []

    def prepare(world: RunWorld, executor: StepExecutor) -> None:
        def look() -> Sequence[BatchProgress]:
            attempts.append(len(world.performer.attempts))
            world.answers_probes = len(attempts) > 200
            return ()

        executor.before_wait = look

    assert world.run(prepare=prepare, slots=1).state is RunState.COMPLETED
    assert len(set(attempts[20:190])) == 1


def test_a_store_that_stays_away_ends_the_run_and_fails_no_action(tmp_path: Path) -> None:
    world = a_world(tmp_path, {key: [DOWN] * 30 for key in KEYS})
    world.answers_probes = False
    end = world.run(retries=3)
    assert (end.state, end.stop_reason) == (RunState.FAILED, StopReason.OUTAGE)
    assert not end.counts.get(OutcomeKind.FAILED)
    assert end.remaining == len(KEYS) + 1
    assert "nothing is lost by waiting" in end.messages[0]
    assert 600 <= world.clock() - world.probes_at_s[0] < 700


def test_actions_that_fail_at_a_store_that_answers_are_failed_in_the_end(tmp_path: Path) -> None:
    """Ten in a row open the breaker, the probe closes it, and their tries count."""
    broken = {key: [DOWN] * 30 for key in KEYS}
    world = a_world(tmp_path, broken)
    end = world.run(retries=3)
    assert end.state is RunState.PARTIAL
    assert end.counts[OutcomeKind.FAILED] == len(KEYS)
    assert world.probes_at_s


@pytest.mark.parametrize("wish", [Wish.PAUSE, Wish.GO_ON])
def test_what_failed_for_good_before_a_pause_is_not_tried_again_after_it(tmp_path: Path, wish: Wish) -> None:
    failed = Outcome(0, OutcomeKind.FAILED, "no", failure=FailureKind.INVALID)
    world = a_world(tmp_path, {"00": [failed]})

    def prepare(world: RunWorld, executor: StepExecutor) -> None:
        count = 0

        def look() -> Sequence[BatchProgress]:
            nonlocal count
            count += 1
            world.wish = wish if 2 <= count < 12 else Wish.GO_ON
            return ()

        executor.before_wait = look

    assert world.run(prepare=prepare).counts[OutcomeKind.FAILED] == 1
    assert world.performer.tries["00"] == 1
