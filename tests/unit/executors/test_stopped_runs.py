"""How the scheduler stops: what runs drains, a second stop abandons it, and the next run takes up the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fakes.scheduled import PlanInPhases, RunWorld, StepExecutor
from s3plan.schemas.run_states import RunState, StopLevel
from s3plan.schemas.tasks import BatchProgress


def test_one_stop_drains_what_runs_and_begins_no_more(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, PlanInPhases(copies=[["a"], ["b"], ["c"], ["d"]]))

    def stop(world: RunWorld, executor: StepExecutor) -> None:
        def ask() -> Sequence[BatchProgress]:
            if world.performer.ended:
                world.stop_level = StopLevel.DRAIN
            return ()

        executor.before_wait = ask

    end = world.run(slots=2, prepare=stop)
    assert end.state is RunState.INTERRUPTED
    assert world.executor is not None
    assert world.executor.stops == 0
    assert world.control.stopping
    assert not world.control.abandoned
    assert world.performer.ended == ["a", "b"]
    world.stop_level = StopLevel.NONE
    assert world.run().state is RunState.COMPLETED
    assert world.performer.ended == ["a", "b", "c", "d"]
    assert not any(attempt.doubtful for attempt in world.performer.attempts), "what was never begun is not doubtful"


def test_a_second_stop_abandons(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, PlanInPhases(copies=[["a"], ["b"]]))
    world.stop_level = StopLevel.NONE

    def stop(world: RunWorld, executor: StepExecutor) -> None:
        def ask() -> Sequence[BatchProgress]:
            world.stop_level = StopLevel.ABANDON
            return ()

        executor.before_wait = ask

    assert world.run(slots=2, prepare=stop).state is RunState.INTERRUPTED
    assert world.executor is not None
    assert world.executor.stops == 1
    assert world.control.abandoned


def test_a_batch_that_does_not_end_within_the_drain_is_abandoned_and_doubtful_later(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, PlanInPhases(copies=[["a", "b"]]))

    def hang(world: RunWorld, executor: StepExecutor) -> None:
        def ask() -> Sequence[BatchProgress]:
            world.stop_level = StopLevel.DRAIN
            executor.running.clear()  # no news of it comes any more
            world.clock.advance(1.0)
            return ()

        executor.before_wait = ask

    began_s = world.clock()
    assert world.run(prepare=hang).state is RunState.INTERRUPTED
    assert 29 < world.clock() - began_s < 40
    assert world.control.abandoned
    world.stop_level = StopLevel.NONE
    assert world.run().state is RunState.COMPLETED
    assert world.performer.attempts[-1].doubtful == ["a", "b"]
    assert world.performer.attempts[-1].generation == 2


def test_a_stop_before_the_first_request_begins_nothing(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, PlanInPhases(copies=[["a", "b"], ["c"]], deletes=[["x", "y"], ["z"]]))
    world.stop_level = StopLevel.DRAIN
    end = world.run()
    assert (end.state, end.remaining) == (RunState.INTERRUPTED, 6)
    assert world.performer.attempts == []
