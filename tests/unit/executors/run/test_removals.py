"""What a move removes, and when: on a fake plan, where the removal of `a` has the key `-a`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.scheduled import DIGEST, PlanInPhases, RunWorld, ScriptedPerformer, StepExecutor
from hypothesis import given, settings
from hypothesis import strategies as st
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import load_states
from s3plan.schemas.events import Advanced
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import Evidence, Outcome, OutcomeKind, Progress
from s3plan.schemas.plan.actions import ActionKind
from s3plan.schemas.ports import Control
from s3plan.schemas.run_states import RunState, StopReason
from s3plan.schemas.tasks import BatchProgress, BatchTask

PROVED = Outcome(0, OutcomeKind.DONE, evidence="MD5")
UNPROVED = Outcome(0, OutcomeKind.DONE)
BY_ETAG = Outcome(0, OutcomeKind.ALREADY_DONE, "", Evidence.BY_ETAG)
BY_TIME = Outcome(0, OutcomeKind.ALREADY_DONE, "", Evidence.BY_SIZE_AND_TIME)
STALE = Outcome(0, OutcomeKind.STALE, "source changed")
FAILED = Outcome(0, OutcomeKind.FAILED, "no", failure=FailureKind.INVALID)
PASSING = Outcome(0, OutcomeKind.UNKNOWN, "no", failure=FailureKind.THROTTLED)
KEPT = "the copy is not known to have the bytes of its source, which is kept"


@dataclass(slots=True)
class Mover(ScriptedPerformer):
    """Ends copies as `script` says, else proved by MD5; what is removed must be proved in the journal by then."""

    journal: Path | None = None
    plan: PlanInPhases | None = None

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        is_removal = task.actions[0].kind is ActionKind.REMOVE
        for item in ScriptedPerformer.perform(self, task, control):
            assert isinstance(item, Outcome)
            if is_removal:
                self._check(task, item.position)
            yield (
                item
                if is_removal or item.kind is not OutcomeKind.DONE or self._is_scripted(task, item)
                else (item._replace(evidence="MD5"))
            )

    def _is_scripted(self, task: BatchTask, item: Outcome) -> bool:
        return task.actions[item.position].key.decode() in self.script

    def _check(self, task: BatchTask, position: int) -> None:
        assert self.journal is not None
        assert self.plan is not None
        (batch,) = [each for each in self.plan.batches if each.id == task.batch_id]
        with Journal.read(self.journal, plan_digest=DIGEST) as journal:
            states = load_states(self.plan.batches, journal)
        assert states[batch.of_batch or 0].is_proved(position), "its copy is not durably proved"
        assert states[batch.id].is_open


def a_move(
    folder: Path, *batches: Sequence[str], script: dict[str, list[Outcome]] | None = None
) -> tuple[RunWorld, Mover]:
    plan = PlanInPhases(copies=batches, moves=True)
    mover = Mover(script or {}, journal=folder / "job.s3run", plan=plan)
    return RunWorld(folder, plan, mover), mover


def test_each_source_is_removed_once_its_copy_is_proved_in_the_journal(tmp_path: Path) -> None:
    world, mover = a_move(tmp_path, ["a", "b"], ["c"])
    end = world.run()
    assert (end.state, end.counts, end.messages) == (RunState.COMPLETED, {OutcomeKind.DONE: 6}, ())
    assert sorted(mover.ended) == ["-a", "-b", "-c", "a", "b", "c"]


def test_the_first_batch_is_removed_while_later_ones_are_copied(tmp_path: Path) -> None:
    world, mover = a_move(tmp_path, ["a"], ["b"], ["c"], ["d"])
    assert world.run(slots=1).state is RunState.COMPLETED
    assert mover.ended == ["a", "-a", "b", "-b", "c", "-c", "d", "-d"]


@pytest.mark.parametrize("bad", [UNPROVED, BY_TIME, STALE, FAILED])
def test_what_is_not_proved_is_kept_with_the_reason_and_nothing_else_is(tmp_path: Path, bad: Outcome) -> None:
    world, mover = a_move(tmp_path, ["a", "b"], ["c"], script={"b": [bad], "c": [bad]})
    end = world.run()
    assert [key for key in mover.ended if key[0] == "-"] == ["-a"]
    assert (end.state, end.remaining, end.counts[OutcomeKind.SKIPPED]) == (RunState.PARTIAL, 0, 2)
    assert end.messages == (f"2 removals were withheld: {KEPT}",)
    last = [event for event in world.events if isinstance(event, Advanced)][-1]
    assert last.settled == last.actions == 6


@pytest.mark.parametrize("good", [PROVED, BY_ETAG])
def test_what_was_kept_is_removed_once_a_later_apply_ends_its_copy_well(tmp_path: Path, good: Outcome) -> None:
    world, mover = a_move(tmp_path, ["a", "b"], script={"b": [FAILED]})
    world.run()
    mover.script = {"b": [good]}
    end = world.run()
    assert (end.state, end.messages) == (RunState.COMPLETED, ())
    assert mover.ended == ["a", "b", "-a", "b", "-b"]


def test_a_batch_waits_for_the_copies_of_it_that_are_tried_again(tmp_path: Path) -> None:
    world, mover = a_move(tmp_path, ["a", "b"], script={"b": [PASSING, PASSING, PROVED]})
    assert world.run().state is RunState.COMPLETED
    assert mover.keys == ["a", "b", "b", "b", "-a", "-b"]


def test_a_removal_is_tried_again_like_anything_else(tmp_path: Path) -> None:
    world, mover = a_move(tmp_path, ["a", "b"], script={"-a": [PASSING, Outcome(0, OutcomeKind.DONE)]})
    assert world.run().state is RunState.COMPLETED
    assert mover.keys == ["a", "b", "-a", "-b", "-a"]


def test_what_a_limit_leaves_of_a_batch_is_not_withheld_and_goes_on_later(tmp_path: Path) -> None:
    world, mover = a_move(tmp_path, ["a", "b"], ["c"], script={"c": [UNPROVED]})
    for ended, withheld in ((1, 0), (2, 0), (3, 0), (4, 0), (5, 1)):
        end = world.run(limit=1)
        assert (len(mover.ended), end.counts[OutcomeKind.SKIPPED]) == (ended, withheld), end
    assert end.stop_reason in {None, StopReason.ACTION_LIMIT}
    assert world.run().state is RunState.PARTIAL
    assert sorted(mover.ended) == ["-a", "-b", "a", "b", "c"]


def test_a_withheld_copy_withholds_what_would_be_removed_after_it(tmp_path: Path) -> None:
    world, mover = a_move(tmp_path, ["a"])
    world.run(limit=1)
    assert mover.ended == ["a"]
    mover.ended.clear()
    world.run()
    assert mover.ended == ["-a"]


def test_no_removal_of_a_batch_is_handed_out_while_its_copies_are_under_way(tmp_path: Path) -> None:
    world, _ = a_move(tmp_path, ["a", "b"], ["c"], ["d"])

    def watch(world: RunWorld, executor: StepExecutor) -> None:
        def look() -> Sequence[BatchProgress]:
            by_id = {batch.id: batch for batch in world.plan.batches}
            running = {task.batch_id for task in executor.running}
            assert not running & {by_id[each].of_batch for each in running}
            return ()

        executor.before_wait = look

    assert world.run(slots=6, prepare=watch).state is RunState.COMPLETED


ENDS = st.sampled_from([PROVED, UNPROVED, BY_ETAG, BY_TIME, STALE, FAILED, PASSING])


@settings(max_examples=12, deadline=None)
@given(st.lists(st.lists(st.lists(ENDS, min_size=1, max_size=3), min_size=1, max_size=4), max_size=4), st.data())
def test_nothing_is_removed_whose_copy_is_not_proved_and_in_the_end_all_is_that_may_be(
    batches: list[list[list[Outcome]]], data: st.DataObject
) -> None:
    keys = [[f"{at}{number}" for number in range(len(batch))] for at, batch in enumerate(batches)]
    script = {
        key: ends for names, batch in zip(keys, batches, strict=True) for key, ends in zip(names, batch, strict=True)
    }
    with tempfile.TemporaryDirectory() as folder:
        world, mover = a_move(Path(folder), *keys, script=script)  # whose performer looks at each removal's copy
        for _ in range(data.draw(st.integers(0, 3))):
            world.run(limit=data.draw(st.integers(1, 6)), slots=data.draw(st.integers(1, 3)), retries=1)
        for _ in range(3):
            end = world.run(retries=1)
        states = world.states
        for state in states.values():
            if state.batch.of_batch is None:
                continue
            proved = {at for at in range(state.batch.actions) if states[state.batch.of_batch].is_proved(at)}
            assert {at for at in range(state.batch.actions) if state.end_of(at) is OutcomeKind.DONE} == proved
        removed = [key for key in mover.ended if key[0] == "-"]
        assert len(removed) == len(set(removed))
        assert end.remaining == 0
