"""Worker processes: they die and are replaced, keep to their share and their core, and never outstay."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from fakes.worker_performers import (
    CannotOpen,
    Chatters,
    HangsForever,
    Poisoned,
    TellsItsPace,
    TellsItsProcess,
)
from s3plan.executors.contract_batches import all_news, free_control, items_of, task_of
from s3plan.executors.contract_performers import Opens
from s3plan.executors.pace.pacing import RunControl
from s3plan.executors.processes.executor import ProcessesExecutor
from s3plan.executors.workers.core_pin import allowed_cores
from s3plan.schemas.errors import CredentialsUnusable, S3PlanError
from s3plan.schemas.outcomes import Outcome, OutcomeKind, Remark
from s3plan.schemas.tasks import BatchProgress

_PATIENCE_S = 30.0


@pytest.fixture
def opened() -> Iterator[list[ProcessesExecutor]]:
    """Executors that are closed in the end."""
    executors: list[ProcessesExecutor] = []
    yield executors
    for executor in executors:
        executor.close()


def test_a_worker_that_is_killed_is_noticed_within_a_second_and_replaced(opened: list[ProcessesExecutor]) -> None:
    executor = ProcessesExecutor(Opens(TellsItsProcess()), free_control(), workers=2)
    opened.append(executor)
    slots = executor.free_slots
    executor.start(task_of(10_000, batch=1))
    executor.start(task_of(100, batch=2))
    news, pid = _until_told(executor, batch=1)
    executor.start(task_of(1, batch=3))  # waits for a worker
    os.kill(pid, signal.SIGKILL)
    killed_s = time.monotonic()
    while not _finals(news, batch=1):
        news += executor.wait(0.2)
        assert time.monotonic() - killed_s < 3, "a second is promised; the machine may be busy"
    (final,) = _finals(news, batch=1)
    assert final.error == "its process was killed by SIGKILL (out of memory?)"
    assert pid not in executor.pids
    assert len(executor.pids) == 2
    while not (_finals(news, batch=2) and _finals(news, batch=3)):
        news += executor.wait(1.0)
        assert time.monotonic() - killed_s < _PATIENCE_S
    assert [progress.error for progress in news if progress.final and progress.batch_id != 1] == [None, None]
    of_second = [item for item in items_of([p for p in news if p.batch_id == 2]) if isinstance(item, Outcome)]
    assert [outcome.position for outcome in of_second] == list(range(100))
    assert executor.free_slots == slots


def test_what_was_told_before_a_death_is_kept(opened: list[ProcessesExecutor]) -> None:
    executor = ProcessesExecutor(Opens(TellsItsProcess()), free_control(), workers=1)
    opened.append(executor)
    executor.start(task_of(10_000))
    news, pid = _until_told(executor, batch=1)
    while len(items_of(news)) < 50:
        news += executor.wait(1.0)
    os.kill(pid, signal.SIGTERM)
    news += all_news(executor)
    assert news[-1].error == "its process was killed by SIGTERM"
    outcomes = [item for item in items_of(news) if isinstance(item, Outcome)]
    assert [outcome.position for outcome in outcomes] == list(range(len(outcomes)))
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.DONE}


def test_a_batch_that_kills_its_worker_is_alone_the_next_time(opened: list[ProcessesExecutor]) -> None:
    """Its neighbour must not be taken for it."""
    executor = ProcessesExecutor(Opens(Poisoned(batch=1)), free_control(), workers=1, batches_each=2)
    opened.append(executor)
    deaths = {1: 0, 2: 0, 3: 0}
    executor.start(task_of(100, batch=1))
    executor.start(task_of(100, batch=2))
    until_s = time.monotonic() + _PATIENCE_S
    left = {1, 2}
    while left:
        assert time.monotonic() < until_s
        for progress in executor.wait(1.0):
            if not progress.final:
                continue
            deaths[progress.batch_id] += progress.error is not None
            if progress.error is not None and deaths[progress.batch_id] < 3:
                executor.start(task_of(100, batch=progress.batch_id, generation=deaths[progress.batch_id] + 1))
            else:
                left.discard(progress.batch_id)
    assert (deaths[1], deaths[2]) == (3, 1)
    executor.start(task_of(100, batch=3))
    assert all_news(executor)[-1].error is None


def test_a_crash_of_the_interpreter_is_named(opened: list[ProcessesExecutor]) -> None:
    executor = ProcessesExecutor(Opens(Poisoned(batch=1, how=signal.SIGSEGV)), free_control(), workers=1)
    opened.append(executor)
    executor.start(task_of(1))
    assert all_news(executor)[-1].error == "its process was killed by SIGSEGV"


def test_workers_do_not_hear_a_ctrl_c(opened: list[ProcessesExecutor]) -> None:
    executor = ProcessesExecutor(Opens(TellsItsProcess()), free_control(), workers=1)
    opened.append(executor)
    for _ in range(20):  # while it starts, too
        os.kill(executor.pids[0], signal.SIGINT)
        time.sleep(0.02)
    executor.start(task_of(20))
    news = all_news(executor)
    assert news[-1].error is None
    said = [item.message for item in items_of(news) if isinstance(item, Remark)]
    assert said[0] == str(executor.pids[0])
    assert said[2] == repr(signal.SIG_IGN)


def test_what_workers_write_reaches_neither_the_screen_nor_a_pipe(
    opened: list[ProcessesExecutor], capfd: pytest.CaptureFixture[str]
) -> None:
    executor = ProcessesExecutor(Opens(Chatters()), free_control(), workers=1)
    opened.append(executor)
    executor.start(task_of(10))
    assert len(items_of(all_news(executor))) == 10
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(len(allowed_cores()) < 2, reason="needs two cores to choose from")
def test_each_worker_takes_a_core_of_its_own(opened: list[ProcessesExecutor]) -> None:
    """On a machine where others want the cores as well a worker lets go of its own: then others are tried."""
    cores = sorted(allowed_cores(), reverse=True)
    wanted = sorted([f"[{cores[0]}]", f"[{cores[1]}]"])
    found = [_cores_of_two(opened)]
    while found[-1] != wanted and len(found) < 10:
        assert str(sorted(cores)) in found[-1], found
        found.append(_cores_of_two(opened))
    assert found[-1] == wanted


def _cores_of_two(opened: list[ProcessesExecutor]) -> list[str]:
    control = free_control()
    executor = ProcessesExecutor(Opens(TellsItsProcess()), control, workers=2, pins_cores=True)
    opened.append(executor)
    for batch in (1, 2):
        executor.start(task_of(10_000, batch=batch))
    said: list[str] = []
    until_s = time.monotonic() + _PATIENCE_S
    while len(said) < 2:
        assert time.monotonic() < until_s
        items = items_of(list(executor.wait(1.0)))
        said += [item.message for item in items if isinstance(item, Remark) and item.message.startswith("[")]
    control.stop()
    assert len(_finals(list(executor.stop(grace_s=_PATIENCE_S)))) == 2
    return sorted(said)


def test_rates_are_divided_among_the_workers_that_are_busy_and_follow_the_control(
    opened: list[ProcessesExecutor],
) -> None:
    control = RunControl(in_flight=3, rate_per_s=80)
    executor = ProcessesExecutor(Opens(TellsItsPace()), control, workers=2, pacer=control)
    opened.append(executor)
    executor.start(task_of(1, batch=1))
    _wait_for(executor, "(80.0, 3)", batch=1)
    executor.start(task_of(1, batch=2))
    _wait_for(executor, "(40.0, 3)", batch=1, also=2)
    while control.requests < 20:
        executor.wait(0.5)
    (place,) = task_of(1).places
    # Halves what the workers were measured at, which may be above their rate: so more than once.
    told = _wait_for(executor, ", 3)", batch=1, meanwhile=lambda: control.slow_down(place))
    assert float(told[1:].split(",")[0]) < 40
    control.allow(7)
    _wait_for(executor, ", 7)", batch=1)
    control.stop()
    news = executor.stop(grace_s=_PATIENCE_S)
    assert len(_finals(list(news))) == 2


@pytest.mark.parametrize(
    ("way", "kind", "message"),
    [
        ("credentials", CredentialsUnusable, "the default connection: no credentials were found"),
        ("broken", S3PlanError, r"worker processes cannot start here \(ZeroDivisionError: broken on purpose\)"),
        ("exit", S3PlanError, "(?s)its process ended with exit code 3.*choose executor: threads.*says its last words"),
    ],
)
def test_workers_that_cannot_start_end_in_a_clear_error(
    opened: list[ProcessesExecutor], way: str, kind: type[S3PlanError], message: str
) -> None:
    executor = ProcessesExecutor(CannotOpen(way), free_control(), workers=2)
    opened.append(executor)
    executor.start(task_of(1))
    with pytest.raises(kind, match=message) as raised:
        all_news(executor)
    assert type(raised.value) is kind


def test_a_batch_that_hangs_is_left_when_it_is_abandoned_and_its_process_is_gone(
    opened: list[ProcessesExecutor],
) -> None:
    control = free_control()
    executor = ProcessesExecutor(Opens(HangsForever()), control, workers=1)
    opened.append(executor)
    executor.start(task_of(1))
    _, pid = _until_told(executor, batch=1)
    control.abandon()
    assert _finals(list(executor.stop(grace_s=0.3))) == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_closing_ends_every_process_also_in_the_middle_of_a_batch(opened: list[ProcessesExecutor]) -> None:
    executor = ProcessesExecutor(Opens(TellsItsProcess()), free_control(), workers=2)
    opened.append(executor)
    executor.start(task_of(10_000))
    _until_told(executor, batch=1)
    pids = executor.pids
    executor.close()
    executor.close()
    assert executor.pids == []
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def _until_told(executor: ProcessesExecutor, *, batch: int) -> tuple[list[BatchProgress], int]:
    """Return the news up to a batch's first remark, and the process that it names."""
    news: list[BatchProgress] = []
    until_s = time.monotonic() + _PATIENCE_S
    while True:
        assert time.monotonic() < until_s
        news += executor.wait(1.0)
        for item in items_of([progress for progress in news if progress.batch_id == batch]):
            if isinstance(item, Remark):
                return news, int(item.message)


def _wait_for(
    executor: ProcessesExecutor,
    message: str,
    *,
    batch: int,
    also: int | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> str:
    """Return the first remark of a batch that ends so; of another batch as well, if one is given."""
    missing = {batch} if also is None else {batch, also}
    until_s = time.monotonic() + _PATIENCE_S
    while True:
        assert time.monotonic() < until_s, message
        meanwhile()
        for progress in executor.wait(1.0):
            for item in progress.items:
                if isinstance(item, Remark) and item.message.endswith(message):
                    missing.discard(progress.batch_id)
                    if not missing:
                        return item.message


def _finals(news: list[BatchProgress], *, batch: int | None = None) -> list[BatchProgress]:
    return [progress for progress in news if progress.final and batch in {None, progress.batch_id}]
