"""What a run does once it is not sure any more that it holds its plan, and once it knows that it does not."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest
from fakes.scheduled import PlanInPhases, RunWorld, StepExecutor
from s3plan.executors.journal import lock as module
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.lock import JournalLock
from s3plan.executors.lease import Lease, lease_clock_s
from s3plan.executors.pace.pacing import RunControl
from s3plan.schemas.errors import ExitCode, Locked, S3PlanError
from s3plan.schemas.events import ActionEnded, Warned
from s3plan.schemas.tasks import BatchProgress

PLAN = "a" * 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "job.s3run.lock"


@pytest.fixture
def without_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(module, "_WATCH_S", 0.1)
    monkeypatch.setattr(module, "_SETTLE_S", 0.02)
    monkeypatch.setattr(module, "HEARTBEAT_S", 3600.0)  # no beat of the heart's own accord


@contextmanager
def held(path: Path) -> Iterator[tuple[JournalLock, Lease]]:
    with JournalLock(path, plan_digest=PLAN, now_ms=5_000) as lock:
        assert lock.lease is not None
        yield lock, lock.lease


def let_time_pass(path: Path, lease: Lease) -> None:
    """As if this process had been stopped for long."""
    then_s = time.time() - 1000
    os.utime(path, (then_s, then_s))
    lease.until_s = lease_clock_s() - 1


def test_with_flock_there_is_no_lease_and_never_a_doubt(path: Path) -> None:
    with JournalLock(path, plan_digest=PLAN, now_ms=5_000) as lock:
        assert lock.lease is None
        lock.check()


@pytest.mark.usefixtures("without_flock")
def test_after_a_long_silence_the_lock_is_ours_only_if_the_file_says_so(path: Path) -> None:
    with held(path) as (lock, lease):
        let_time_pass(path, lease)
        assert not lease.is_sure
        assert lock._beat(lease)
        assert lease.is_sure
        lock.check()


@pytest.mark.usefixtures("without_flock")
def test_who_was_taken_over_is_told_by_whom_and_writes_no_word_into_the_others_lock(path: Path) -> None:
    with held(path) as (lock, lease):
        let_time_pass(path, lease)
        with held(path) as (_, others):
            text = path.read_bytes()
            lock._beat(lease)
            assert (lease.is_lost, lease.is_sure, others.is_lost) == (True, False, False)
            for forbidden in (lock.check, lambda: lock.note_begun(1)):
                with pytest.raises(Locked, match=f"was taken over by process {os.getpid()} on ") as lost:
                    forbidden()
            assert lost.value.exit_code is ExitCode.LOCKED
            assert path.read_bytes() == text


@pytest.mark.usefixtures("without_flock")
def test_one_that_takes_over_while_the_holder_wakes_up_has_it_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had looked before the holder touched the file, and writes after."""
    with held(path) as (lock, lease):
        let_time_pass(path, lease)
        text = path.read_text().replace(lock.token, "another's")
        monkeypatch.setattr(module, "sleep", lambda _: path.write_text(text))
        lock._beat(lease)
        assert lease.is_lost


@pytest.mark.usefixtures("without_flock")
def test_a_lock_that_cannot_be_read_is_waited_for_and_then_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with held(path) as (lock, lease):
        hidden = path.with_name("away")
        path.rename(hidden)
        lease.until_s = 0.0
        assert not lock._beat(lease)
        assert not lease.is_lost, "a disk that is away is nobody else's"
        timer = Timer(0.2, lambda: (hidden.rename(path), lock._beat(lease)))
        timer.start()
        lock.check()
        timer.join()
        lease.until_s = 0.0
        monkeypatch.setattr(module, "TAKE_OVER_AFTER_S", 0.1)
        with pytest.raises(S3PlanError, match="the lock cannot be read") as doubt:
            lock.check()
        assert doubt.value.exit_code is ExitCode.ERROR


def test_a_control_is_held_while_there_is_doubt_and_abandoned_once_the_plan_is_lost() -> None:
    lease = Lease(lease_clock_s() + 3600)
    control = RunControl(in_flight=1, lease=lease)
    assert (control.in_doubt, control.stopping, control.abandoned) == (False, False, False)
    lease.until_s = lease_clock_s()
    assert (control.in_doubt, control.stopping, control.abandoned) == (True, False, False)
    lease.is_lost = True
    assert (control.in_doubt, control.stopping, control.abandoned) == (True, True, True)


def test_a_journal_is_not_written_without_the_lock(tmp_path: Path) -> None:
    def refuse() -> None:
        raise Locked("taken over")

    path = tmp_path / "job.s3run"
    with Journal.open(path, plan_digest=PLAN, now_ms=1) as journal:
        number = journal.begin_run(now_ms=1, host="h", pid=1, executor="threads", tool_version="1", engines=[])
    before = path.read_bytes()
    with Journal.open(path, plan_digest=PLAN, now_ms=1, check_lock=refuse) as journal:
        for write in (
            lambda: journal.begin_run(now_ms=1, host="h", pid=1, executor="", tool_version="1", engines=[]),
            lambda: journal.note_run_state(number, state="paused"),
            lambda: journal.end_run(number, state="completed", reason=None, now_ms=2),
            journal.write,
        ):
            with pytest.raises(Locked):
                write()
    assert path.read_bytes() == before


@pytest.mark.parametrize("looks", range(1, 8))
def test_a_run_whose_plan_is_taken_over_begins_nothing_more_and_makes_nothing_of_late_news(
    tmp_path: Path, looks: int
) -> None:
    world = RunWorld(tmp_path, PlanInPhases(copies=[[f"{batch}{number}" for number in range(3)] for batch in range(6)]))
    looked = 0
    begun: list[int] = []

    def check() -> None:
        nonlocal looked
        looked += 1
        if looked >= looks:
            raise Locked("taken over")

    def prepare(world: RunWorld, executor: StepExecutor) -> None:
        def look() -> Sequence[BatchProgress]:
            begun.append(len(executor.running))
            return ()

        executor.before_wait = look

    world.check_lock = check
    with pytest.raises(Locked):
        world.run(prepare=prepare)
    assert world.control.abandoned
    assert world.executor is not None
    assert world.executor.stops == 1
    assert not [event for event in world.events if isinstance(event, ActionEnded | Warned)]
    done = [key for key, kind in world.journaled().items() if kind is not None]
    assert len(done) <= 3 * (looks // 2), "only what was told before is written"
