"""The one thread that owns graph, journal and every retry; on a fake plan, a fake clock and a performer by script."""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.scheduled import PlanInPhases, RunWorld, ScriptedPerformer, StepExecutor
from s3plan.schemas.errors import PlanDamaged, S3PlanError
from s3plan.schemas.events import Advanced
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind, PartDone, Progress, UploadBegun, UploadEnded
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.run_states import RunState, StopLevel, StopReason
from s3plan.schemas.tasks import BatchProgress, BatchTask

STALE = Outcome(0, OutcomeKind.STALE, "source changed: etag a -> b")
FAILED = Outcome(0, OutcomeKind.FAILED, "no", failure=FailureKind.INVALID)
DENIED = Outcome(0, OutcomeKind.FAILED, "CopyObject: AccessDenied (403)", failure=FailureKind.DENIED)
EXPIRED = Outcome(0, OutcomeKind.UNKNOWN, "expired", failure=FailureKind.CREDENTIALS_EXPIRED)
DONE = Outcome(0, OutcomeKind.DONE)
ALREADY = Outcome(0, OutcomeKind.ALREADY_DONE, "", "by etag")
ARCHIVED = Outcome(0, OutcomeKind.SKIPPED, "archived: restore the source object first")


def unclear(kind: FailureKind = FailureKind.TRANSIENT, *, retry_after_s: float | None = None) -> Outcome:
    reason = f"CopyObject: {kind}"
    return Outcome(0, OutcomeKind.UNKNOWN, reason, "", kind, retry_after_s, is_unclear=kind.is_unclear)


def mirror(**more: object) -> PlanInPhases:
    deletes = [["x", "y"], ["z"]]
    return PlanInPhases(copies=[["a", "b"], ["c"]], deletes=deletes, aside=[["s"]], **more)  # type: ignore[arg-type]


def test_copies_come_before_deletes_and_what_is_set_aside_is_never_performed(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, mirror())
    end = world.run()
    assert end.state is RunState.COMPLETED
    assert world.performer.ended == ["a", "b", "c", "x", "y", "z"]
    assert (end.counts, end.remaining, end.messages) == ({OutcomeKind.DONE: 6}, 0, ())
    assert set(world.journaled().values()) == {OutcomeKind.DONE}


def test_no_delete_is_handed_out_while_a_copy_is_under_way(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, mirror())

    def watch(world: RunWorld, executor: StepExecutor) -> None:
        def look() -> Sequence[BatchProgress]:
            kinds = {task.actions[0].kind for task in executor.running}
            assert len(kinds) <= 1
            return ()

        executor.before_wait = look

    assert world.run(slots=5, prepare=watch).state is RunState.COMPLETED


def test_a_plan_without_copies_deletes_at_once(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, PlanInPhases(deletes=[["x"]]))
    assert world.run().state is RunState.COMPLETED
    assert world.performer.ended == ["x"]


def test_an_empty_plan_is_completed(tmp_path: Path) -> None:
    assert RunWorld(tmp_path, PlanInPhases()).run().state is RunState.COMPLETED


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (FAILED, "the copy of b is failed (no)"),
        (STALE, "the copy of b is stale (source changed: etag a -> b)"),
        (ARCHIVED, "the copy of b is skipped (archived: restore the source object first)"),
        (unclear(FailureKind.INVALID), "the copy of b is unknown (CopyObject: invalid)"),
    ],
)
def test_deletes_are_withheld_with_the_reason_and_the_key_and_released_once_the_copy_succeeded(
    tmp_path: Path, bad: Outcome, said: str
) -> None:
    world = RunWorld(tmp_path, mirror(), ScriptedPerformer({"b": [bad]}))
    end = world.run()
    assert end.state is RunState.PARTIAL
    assert end.messages == (f"3 deletes were withheld: {said}",)
    assert end.counts[OutcomeKind.SKIPPED] == 3 + (bad is ARCHIVED)
    assert world.performer.ended == ["a", "b", "c"]
    journaled = world.journaled()
    assert {journaled[key] for key in "xyz"} == {OutcomeKind.SKIPPED}
    with world.open_journal() as journal:
        assert {record.withheld for record in journal.batches() if record.id > 2} == {f"withheld: {said}"}
    if bad.kind not in {OutcomeKind.FAILED, OutcomeKind.UNKNOWN}:
        return
    world.performer.script = {}
    end = world.run()
    assert end.state is RunState.COMPLETED
    assert world.performer.ended == [*"abc", *"bxyz"]
    assert set(world.journaled().values()) == {OutcomeKind.DONE}


def test_a_stale_copy_does_not_withhold_deletes_under_no_failures(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, mirror(delete_when="no-failures"), ScriptedPerformer({"b": [STALE]}))
    end = world.run()
    assert end.state is RunState.PARTIAL
    assert world.performer.ended == [*"abc", *"xyz"]


def test_a_failed_copy_withholds_deletes_under_no_failures_too(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, mirror(delete_when="no-failures"), ScriptedPerformer({"a": [STALE], "c": [FAILED]}))
    assert world.run().messages == ("3 deletes were withheld: the copy of c is failed (no)",)


def test_a_conflict_of_the_plan_withholds_every_delete(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, mirror(conflicts=2))
    end = world.run()
    assert end.state is RunState.PARTIAL
    assert end.messages == ("3 deletes were withheld: 2 source objects could not be planned (conflict)",)
    assert world.performer.ended == ["a", "b", "c"]


def test_already_done_copies_release_the_deletes(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, mirror(), ScriptedPerformer({"a": [ALREADY]}))
    assert world.run().state is RunState.COMPLETED


def test_more_failures_than_allowed_end_the_run(tmp_path: Path) -> None:
    keys = [[f"{batch}{number}" for number in range(3)] for batch in range(10)]
    script = {key: [FAILED] for batch in keys for key in batch}
    world = RunWorld(tmp_path, PlanInPhases(copies=keys, deletes=[["x"]]), ScriptedPerformer(script))
    end = world.run(max_failures=4, slots=1)
    assert (end.state, end.stop_reason) == (RunState.FAILED, StopReason.FAILURE_LIMIT)
    assert end.messages == ("stopped: more than 4 actions failed (run.max_failures)",)
    assert len(world.performer.attempts) == 2
    assert end.remaining == 25
    assert len(world.told) == 6


@pytest.mark.parametrize("limit", range(1, 8))
def test_a_limit_begins_exactly_that_many_actions_and_the_next_run_goes_on(tmp_path: Path, limit: int) -> None:
    world = RunWorld(tmp_path, mirror())
    end = world.run(limit=limit)
    assert sorted(world.performer.ended) == sorted("abcxyz"[:limit])
    assert end.remaining == max(6 - limit, 0)
    stopped = (RunState.INTERRUPTED, StopReason.ACTION_LIMIT)
    assert (end.state, end.stop_reason) == ((RunState.COMPLETED, None) if limit >= 6 else stopped)
    assert world.run().state is RunState.COMPLETED
    assert sorted(world.performer.ended) == sorted("abcxyz")


def test_retries_do_not_count_against_a_limit(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, mirror(), ScriptedPerformer({"a": [unclear(), unclear(), DONE]}))
    end = world.run(limit=2)
    assert (end.state, end.stop_reason) == (RunState.INTERRUPTED, StopReason.ACTION_LIMIT)
    assert (end.counts, end.remaining) == ({OutcomeKind.DONE: 2}, 4)


def test_a_store_that_denies_the_first_twenty_ends_the_run(tmp_path: Path) -> None:
    keys = [[f"{number:03d}"] for number in range(100)]
    world = RunWorld(tmp_path, PlanInPhases(copies=keys), ScriptedPerformer({key: [DENIED] for [key] in keys}))
    end = world.run(slots=1)
    assert (end.state, end.stop_reason) == (RunState.FAILED, StopReason.DENIED)
    assert end.counts == {OutcomeKind.FAILED: 20}
    assert "the first 20 answers were all no" in end.messages[0]


def test_files_that_nobody_may_read_say_nothing_about_a_store(tmp_path: Path) -> None:
    keys = [[f"{number:03d}"] for number in range(30)]
    folder = PlanLocation(1, LocationKind.FOLDER, "file:///in/", "", None, None, "", "", path="/in", root_inode=1)
    denied = DENIED._replace(side=Side.SOURCE)
    script = {key: [denied] for [key] in keys[:25]}
    world = RunWorld(tmp_path, PlanInPhases(copies=keys, source=folder), ScriptedPerformer(script))
    end = world.run(slots=1)
    assert (end.state, end.stop_reason) == (RunState.PARTIAL, None)
    assert end.counts == {OutcomeKind.FAILED: 25, OutcomeKind.DONE: 5}


def test_one_success_among_the_first_lets_the_run_go_on(tmp_path: Path) -> None:
    keys = [[f"{number:03d}"] for number in range(40)]
    script = {key: [DENIED] for [key] in keys if key != "007"}
    world = RunWorld(tmp_path, PlanInPhases(copies=keys), ScriptedPerformer(script))
    end = world.run()
    assert end.state is RunState.PARTIAL
    assert end.counts == {OutcomeKind.FAILED: 39, OutcomeKind.DONE: 1}


def test_credentials_that_expire_end_the_run_and_the_next_one_goes_on(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, mirror(), ScriptedPerformer({"b": [EXPIRED]}))
    end = world.run(slots=1)
    assert (end.state, end.stop_reason) == (RunState.FAILED, StopReason.CREDENTIALS)
    assert end.messages == ("the store refuses the credentials: expired",)
    assert world.performer.ended == ["a", "b"]
    world.performer.script = {}
    assert world.run().state is RunState.COMPLETED
    assert world.performer.attempts[1].keys == ["b"]
    assert world.performer.attempts[1].doubtful == [], "what was refused was not done"


def test_what_is_unclear_is_tried_again_alone_doubtful_and_in_a_new_generation(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, mirror(), ScriptedPerformer({"b": [unclear(), DONE]}))
    assert world.run(slots=1).state is RunState.COMPLETED
    of_first = [attempt for attempt in world.performer.attempts if attempt.batch == 1]
    assert [(attempt.generation, attempt.keys, attempt.doubtful) for attempt in of_first] == [
        (1, ["a", "b"], []),
        (2, ["b"], ["b"]),
    ]
    assert world.outcomes() == []


def test_an_unclear_attempt_is_remembered_with_its_start_until_the_action_has_ended(tmp_path: Path) -> None:
    """Also across runs, and through attempts whose end is known; they begin later, and nothing else does."""
    script: dict[str, list[Outcome | Exception]] = {"a": [unclear(FailureKind.THROTTLED), unclear(), EXPIRED]}
    world = RunWorld(tmp_path, PlanInPhases(copies=[["a"]]), ScriptedPerformer(script))
    assert world.run().stop_reason is StopReason.CREDENTIALS
    begun = [attempt.begun_at_ms for attempt in world.performer.attempts]
    assert begun[0] < begun[1] < begun[2]
    assert [record.unclear_since_ms for record in world.outcomes()] == [begun[1]]
    world.clock.advance(3600)
    world.performer.script = {}
    assert world.run().state is RunState.COMPLETED
    last = world.performer.attempts[-1]
    assert (last.doubtful, last.doubtful_since_ms) == (["a"], {0: begun[1]})
    assert last.begun_at_ms > begun[2]
    assert world.outcomes() == []


@pytest.mark.parametrize("kind", list(FailureKind))
def test_tries_are_exhausted_for_every_class_of_failure(tmp_path: Path, kind: FailureKind) -> None:
    world = RunWorld(tmp_path, PlanInPhases(copies=[["a", "b"]]), ScriptedPerformer({"a": [unclear(kind)]}))
    end = world.run(retries=3)
    may_pass = kind.is_retryable or kind.is_unclear
    tries = (31 if kind is FailureKind.THROTTLED else 4) if may_pass else 1
    assert world.performer.tries["a"] == tries
    (record,) = world.outcomes()
    assert record.kind is (OutcomeKind.FAILED if may_pass else OutcomeKind.UNKNOWN)
    assert record.attempts == tries
    assert record.reason == f"CopyObject: {kind}" + (f" (tried {tries} times)" if may_pass else "")
    assert end.state is (RunState.FAILED if kind.is_credentials else RunState.PARTIAL)


def test_waits_between_tries_grow_and_others_run_meanwhile(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, PlanInPhases(copies=[["a"], ["b"], ["c"]]), ScriptedPerformer({"a": [unclear()]}))
    began_s = world.clock()
    world.run(retries=6, slots=1)
    assert world.performer.ended[:3] == ["a", "b", "c"]
    assert world.clock() - began_s == pytest.approx(sum(0.1 * 2**n for n in range(6)), rel=0.05)


def test_the_store_s_own_wish_for_a_wait_is_kept(tmp_path: Path) -> None:
    script = {"a": [unclear(FailureKind.THROTTLED, retry_after_s=30.0), DONE]}
    world = RunWorld(tmp_path, PlanInPhases(copies=[["a"]]), ScriptedPerformer(script))
    began_s = world.clock()
    assert world.run().state is RunState.COMPLETED
    assert 30 <= world.clock() - began_s < 31


def test_throttling_lowers_the_rate_of_the_run(tmp_path: Path) -> None:
    script = {"a": [unclear(FailureKind.THROTTLED), DONE]}
    world = RunWorld(tmp_path, PlanInPhases(copies=[["a"]]), ScriptedPerformer(script))
    seen: list[bool] = []

    def watch(world: RunWorld, executor: StepExecutor) -> None:
        def look() -> Sequence[BatchProgress]:
            seen.append(world.control.is_throttled)
            return ()

        executor.before_wait = look

    world.run(prepare=watch)
    assert (seen[0], seen[1]) == (False, True)


def test_a_worker_that_breaks_twice_is_forgiven(tmp_path: Path) -> None:
    script: dict[str, list[Outcome | Exception]] = {"b": [RuntimeError("gone"), RuntimeError("gone"), DONE]}
    world = RunWorld(tmp_path, mirror(), ScriptedPerformer(script))
    assert world.run().state is RunState.COMPLETED
    of_first = [attempt for attempt in world.performer.attempts if attempt.batch == 1]
    assert [attempt.keys for attempt in of_first] == [["a", "b"], ["b"], ["b"]]
    assert [attempt.doubtful for attempt in of_first] == [[], ["b"], ["b"]]


def test_a_worker_that_breaks_three_times_blames_its_batch_and_the_others_end_well(tmp_path: Path) -> None:
    script: dict[str, list[Outcome | Exception]] = {"b": [RuntimeError("segfault")]}
    world = RunWorld(tmp_path, mirror(), ScriptedPerformer(script))
    end = world.run()
    assert end.state is RunState.PARTIAL
    assert world.journaled()["a"] is OutcomeKind.DONE
    assert world.journaled()["b"] is OutcomeKind.FAILED
    assert world.journaled()["c"] is OutcomeKind.DONE
    assert world.outcomes()[0].reason == "the worker broke: segfault"
    assert end.messages[0].endswith("the copy of b is failed (the worker broke: segfault)")


@pytest.mark.parametrize("final", [True, False])
@pytest.mark.parametrize("generation", [0, 1, 3])
def test_a_report_of_another_generation_is_ignored(tmp_path: Path, generation: int, final: bool) -> None:
    """A worker that was given up, or sends its report twice, must not end the attempt that runs now."""
    world = RunWorld(tmp_path, mirror(), ScriptedPerformer({"a": [unclear(), DONE]}))

    def late(world: RunWorld, executor: StepExecutor) -> None:
        def send() -> Sequence[BatchProgress]:
            now = {task.batch_id: task.generation for task in executor.running}
            if now.get(1) == 2:
                return [BatchProgress(1, generation, [FAILED], final=final), BatchProgress(99, 1, [], final=True)]
            return ()

        executor.before_wait = send

    end = world.run(prepare=late)
    assert end.state is RunState.COMPLETED
    assert end.counts == {OutcomeKind.DONE: 6}
    assert world.outcomes() == []


def test_a_final_report_that_comes_twice_while_the_run_drains_is_ignored(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, mirror())

    def twice(world: RunWorld, executor: StepExecutor) -> None:
        def send() -> Sequence[BatchProgress]:
            world.stop_level = StopLevel.DRAIN
            return [BatchProgress(1, 1, [DONE], final=True)] * 2

        executor.before_wait = send

    assert world.run(prepare=twice).state is RunState.INTERRUPTED


def test_an_outcome_that_is_told_twice_counts_once(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, mirror())
    world.performer.extras = lambda task, position: [Outcome(position, OutcomeKind.DONE)]
    end = world.run()
    assert end.counts == {OutcomeKind.DONE: 6}


def test_a_finished_run_that_is_applied_again_retries_failed_and_unknown_alone(tmp_path: Path) -> None:
    script = {"a": [STALE], "b": [FAILED], "c": [unclear(FailureKind.INVALID)]}
    world = RunWorld(tmp_path, PlanInPhases(copies=[["a", "b"], ["c", "d"]]), ScriptedPerformer(script))
    assert world.run().state is RunState.PARTIAL
    world.performer.attempts.clear()
    world.performer.script = {}
    end = world.run()
    assert sorted(world.performer.keys) == ["b", "c"]
    assert end.state is RunState.PARTIAL
    assert end.counts == {OutcomeKind.DONE: 3, OutcomeKind.STALE: 1}
    assert world.run().state is RunState.PARTIAL
    assert sorted(world.performer.keys) == ["b", "c"]


def test_a_journal_that_cannot_be_written_ends_the_run_and_nothing_more_is_begun(tmp_path: Path) -> None:
    keys = [[f"{number:02d}"] for number in range(20)]
    world = RunWorld(tmp_path, PlanInPhases(copies=keys))

    def fill_the_disk(world: RunWorld, executor: StepExecutor) -> None:
        def ask() -> Sequence[BatchProgress]:
            if len(world.performer.ended) == 3:
                _let_no_more_be_written(world.path)
            return ()

        executor.before_wait = ask

    with pytest.raises(S3PlanError, match=r"cannot be written.*Repair the disk"):
        world.run(slots=1, prepare=fill_the_disk)
    assert len(world.performer.attempts) == 4
    assert world.control.stopping
    assert world.control.abandoned
    assert world.executor is not None
    assert world.executor.stops == 1


def _let_no_more_be_written(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TRIGGER IF NOT EXISTS full BEFORE INSERT ON batch BEGIN SELECT RAISE(ABORT, 'full'); END")
    other.close()


def test_a_damaged_batch_of_the_plan_ends_the_run_and_those_that_run_are_stopped(tmp_path: Path) -> None:
    world = RunWorld(tmp_path, PlanInPhases(copies=[["a"], ["b"], ["c"]]))
    world.plan.broken.add(2)
    with pytest.raises(PlanDamaged):
        world.run(slots=3)
    assert world.control.stopping
    assert world.executor is not None
    assert world.executor.stops == 1
    assert "c" not in world.performer.keys


def test_starting_a_large_object_over_and_over_is_no_progress(tmp_path: Path) -> None:
    """A store that answers every complete with 409: each try stores all parts again, and none is kept."""
    world = RunWorld(
        tmp_path, PlanInPhases(copies=[["big"]]), ScriptedPerformer({"big": [unclear(FailureKind.CONFLICT)]})
    )
    world.performer.extras = _upload_that_is_lost
    end = world.run(retries=3)
    assert end.state is RunState.PARTIAL
    assert world.performer.tries["big"] == 4


def _upload_that_is_lost(task: BatchTask, position: int) -> Sequence[Progress]:
    upload = f"upload-{task.generation}"
    return [UploadBegun(position, upload, 5), PartDone(position, upload, 1, "e"), UploadEnded(position, upload)]


def test_a_large_object_of_which_each_try_stores_a_part_is_not_given_up(tmp_path: Path) -> None:
    script = {"big": [*[unclear()] * 40, DONE]}
    world = RunWorld(tmp_path, PlanInPhases(copies=[["big"]]), ScriptedPerformer(script))
    world.performer.extras = lambda task, position: [PartDone(position, "upload", task.generation, "e")]
    assert world.run(retries=2).state is RunState.COMPLETED


def test_parts_of_an_earlier_attempt_are_handed_to_the_next(tmp_path: Path) -> None:
    script = {"big": [unclear(), DONE]}
    world = RunWorld(tmp_path, PlanInPhases(copies=[["big"]]), ScriptedPerformer(script))
    seen: list[tuple[object, ...]] = []

    def extras(task: BatchTask, position: int) -> Sequence[Progress]:
        seen.append(task.uploads)
        if task.generation > 1:
            return [UploadEnded(position, "upload")]
        return [UploadBegun(position, "upload", 5), PartDone(position, "upload", 2, "e2")]

    world.performer.extras = extras
    assert world.run().state is RunState.COMPLETED
    assert seen[0] == ()
    (known,) = seen[1]
    assert (known.upload_id, known.part_size_bytes, known.parts) == ("upload", 5, ((2, "e2"),))  # type: ignore[attr-defined]
    with world.open_journal() as journal:
        assert journal.uploads(1) == ()


def test_memory_does_not_grow_with_what_waits_to_be_begun(tmp_path: Path) -> None:
    """One byte for each action is kept, and no more: 10 M actions must not need hundreds of megabytes."""
    one_batch = [f"{number:04d}" for number in range(1000)]
    world = RunWorld(tmp_path, PlanInPhases(copies=[one_batch]))
    (batch,) = world.plan.batches
    world.plan.batches = tuple(replace(batch, id=number) for number in range(1, 1001))
    world.stop_level = StopLevel.DRAIN
    tracemalloc.start()
    try:
        assert world.run().remaining == 1_000_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_progress_counts_end_at_what_the_run_ends_with(tmp_path: Path) -> None:
    script = {"a": [unclear(), DONE], "b": [FAILED]}
    world = RunWorld(tmp_path, mirror(), ScriptedPerformer(script))
    end = world.run()
    last = [event for event in world.events if isinstance(event, Advanced)][-1]
    assert last.counts == {kind.value: number for kind, number in end.counts.items()}
    assert (last.settled, last.actions) == (6, 6)
    world.performer.script = {}
    end = world.run()
    last = [event for event in world.events if isinstance(event, Advanced)][-1]
    assert last.counts == {"done": 6}
    assert end.state is RunState.COMPLETED
