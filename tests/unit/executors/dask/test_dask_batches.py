"""Batches on a dask cluster: begun once, though dask runs a lost task again; stopped when their apply is silent."""

from __future__ import annotations

import os
import pickle
import signal
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster
from fakes.child_processes import children_of
from fakes.dask_clusters import client_of, local_cluster
from fakes.dask_performers import NotesActions, NotesBegins
from fakes.worker_performers import CannotOpen, TellsItsPace
from s3plan.app.runs.executors.worker import OpenEngines
from s3plan.executors.contract_batches import all_news, free_control, items_of, task_of
from s3plan.executors.contract_performers import DoesAll, Opens, TakesItsTime
from s3plan.executors.dask import executor as dask_executor
from s3plan.executors.dask.executor import DaskExecutor
from s3plan.executors.pace.pacing import RunControl
from s3plan.executors.workers.messages import OpenPerformer
from s3plan.schemas.errors import CredentialsUnusable, S3PlanError
from s3plan.schemas.outcomes import Remark
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.tasks import BatchProgress
from s3plan.storage.s3.connections.sessions import ConnectionSettings

_PATIENCE_S = 60.0

OpenExecutorWith = Callable[..., DaskExecutor]


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with local_cluster(workers=2, threads_each=2) as opened:
        yield opened


@pytest.fixture
def opened(cluster: LocalCluster) -> Iterator[OpenExecutorWith]:
    """Opens executors on the cluster; they are closed in the end."""
    with ExitStack() as stack:

        def open_one(performer: OpenPerformer, *, slots: int = 2, **more: Any) -> DaskExecutor:
            client = stack.enter_context(client_of(cluster))
            control = more.pop("control", None) or free_control()
            return stack.enter_context(DaskExecutor(client, performer, control, slots=slots, **more))

        yield open_one


@pytest.mark.parametrize("allowed_failures", [0, 3], ids=["reported by dask", "run again by dask"])
def test_a_batch_whose_worker_was_lost_is_begun_once_and_comes_back_as_an_error(
    opened: OpenExecutorWith, cluster: LocalCluster, tmp_path: Path, allowed_failures: int
) -> None:
    _scheduler_of(cluster).allowed_failures = allowed_failures
    notes = tmp_path / "notes"
    executor = opened(Opens(NotesBegins(notes)), slots=1)
    executor.start(task_of(3_000, batch=5, generation=2))
    news = _until(executor, lambda news: bool(items_of(news)))
    _kill_worker(executor, batch=5)
    news += all_news(executor)
    assert [progress.final for progress in news].count(True) == 1
    assert news[-1].error == f"its dask worker {_killed} was lost"
    assert executor.free_slots == 1
    executor.start(task_of(20, batch=5, generation=3))
    again = all_news(executor)
    assert again[-1].error is None
    assert len(items_of(again)) == 20
    assert _lines(notes)[:2] == ["5.2", "5.3"]


def test_batches_that_had_not_begun_move_to_another_worker_without_a_word(
    opened: OpenExecutorWith, cluster: LocalCluster, tmp_path: Path
) -> None:
    """More are started than the workers have threads, and dask deals all of them out."""
    _scheduler_of(cluster).allowed_failures = 0
    executor = opened(Opens(NotesBegins(tmp_path / "notes")), slots=12)
    for batch in range(1, 13):
        executor.start(task_of(150, batch=batch))
    news = _until(executor, lambda news: len({progress.batch_id for progress in news}) >= 4)
    _kill_worker(executor)
    news += _until(executor, lambda _: executor.free_slots == 12)
    finals = [progress for progress in news if progress.final]
    assert sorted(progress.batch_id for progress in finals) == list(range(1, 13))
    lost = [progress for progress in finals if progress.error is not None]
    assert 1 <= len(lost) <= 2, "no more than the worker had threads"
    begun = [line for line in _lines(tmp_path / "notes") if not line.startswith("ended") and line != "closed"]
    assert sorted(begun) == sorted(f"{batch}.1" for batch in range(1, 13))


def test_workers_that_hear_nothing_for_too_long_begin_no_more_actions(opened: OpenExecutorWith, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    executor = opened(Opens(NotesActions(notes)), lease_s=2.0)
    executor.start(task_of(2_000))
    news = _until(executor, lambda news: bool(items_of(news)))
    silent_s = time.monotonic()
    while not notes.exists() or time.monotonic() - float(_lines(notes)[-1]) < 1.0:  # it works on by itself
        time.sleep(0.1)
        assert time.monotonic() - silent_s < _PATIENCE_S
    assert time.monotonic() - silent_s >= 1.5
    news += all_news(executor)
    assert news[-1].error == "its worker lost touch with the apply"
    done = len(items_of(news))
    assert done == len(_lines(notes)) < 2_000
    executor.start(task_of(10, generation=2))
    assert all_news(executor)[-1].error is None


def test_a_run_that_was_held_back_goes_on_in_the_same_workers(opened: OpenExecutorWith) -> None:
    control = free_control()
    executor = opened(Opens(TakesItsTime()), control=control)
    executor.start(task_of(2_000))
    news = _until(executor, lambda news: bool(items_of(news)))
    control.stop()
    news += executor.stop(grace_s=_PATIENCE_S)
    assert news[-1].final
    assert len(items_of(news)) < 2_000
    control.go_on()
    for batch in range(1, 9):
        executor.start(task_of(20, batch=batch, generation=2))
        assert len(items_of(all_news(executor))) == 20


def test_a_run_that_is_over_leaves_nothing_behind_in_the_workers(opened: OpenExecutorWith, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    executor = opened(Opens(NotesBegins(notes)), slots=4)
    for batch in range(1, 5):
        executor.start(task_of(5_000, batch=batch))
    _until(executor, lambda news: len({progress.batch_id for progress in news}) == 4)
    executor.close()
    _until_true(lambda: len([line for line in _lines(notes) if line == "closed"]) == 2)
    own: Any = opened(Opens(DoesAll()))._client.cluster
    with client_of(own) as client:
        _until_true(lambda: set(client.run(_runs_here).values()) == {0})
        _until_true(lambda: not any(client.processing().values()))
    assert len([line for line in _lines(notes) if line.startswith("ended")]) == 4


def test_batches_that_were_abandoned_are_left_in_time(opened: OpenExecutorWith) -> None:
    control = free_control()
    executor = opened(Opens(TakesItsTime(20.0)), control=control)
    executor.start(task_of(10))
    executor.wait(1.0)
    control.abandon()
    began_s = time.monotonic()
    assert not any(progress.final for progress in executor.stop(grace_s=0.5))
    assert time.monotonic() - began_s < 5


def test_rates_are_divided_among_the_workers_that_are_busy_and_follow_the_control(opened: OpenExecutorWith) -> None:
    control = RunControl(in_flight=3, rate_per_s=80)
    executor = opened(Opens(TellsItsPace()), slots=4, control=control, pacer=control)
    for batch in range(1, 5):
        executor.start(task_of(1, batch=batch))
    news = _until(executor, lambda news: len(_told(news, "(40.0, 3)")) == 4)
    _until_true(lambda: bool(executor.wait(0.1)) or control.requests >= 20)
    control.allow(7)
    news += _until(executor, lambda news: len(_told(news, "(40.0, 7)")) == 4)
    control.stop()
    assert not any(progress.error for progress in executor.stop(grace_s=_PATIENCE_S))
    assert executor.free_slots == 4


@pytest.mark.parametrize(
    ("way", "error", "says"),
    [
        ("credentials", CredentialsUnusable, "no credentials were found"),
        ("broken", S3PlanError, "ZeroDivisionError: broken on purpose"),
    ],
)
def test_workers_that_cannot_work_here_end_the_run(
    opened: OpenExecutorWith, way: str, error: type[S3PlanError], says: str
) -> None:
    executor = opened(CannotOpen(way))
    executor.start(task_of(10))
    with pytest.raises(error, match=says):
        all_news(executor)


def test_workers_of_another_version_are_refused_with_both_named(
    opened: OpenExecutorWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_executor, "own_version", lambda: "0.0.1")
    executor = opened(Opens(DoesAll()))
    executor.start(task_of(10))
    with pytest.raises(S3PlanError, match=r"the dask worker tcp://.* has s3plan .*, and this is 0\.0\.1; install the"):
        all_news(executor)


def test_code_that_the_workers_do_not_have_is_told_as_that(
    opened: OpenExecutorWith, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text(
        "from s3plan.executors.contract_performers import DoesAll\ndef open_it(): return DoesAll()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import only_here  # type: ignore[import-not-found]

    executor = opened(only_here.open_it)
    executor.start(task_of(10))
    with pytest.raises(S3PlanError, match=r"No module named 'only_here'.*must be installed where"):
        all_news(executor)


def test_a_client_that_is_closed_under_the_executor_is_told_as_a_lost_connection(opened: OpenExecutorWith) -> None:
    executor = opened(Opens(TakesItsTime()))
    executor.start(task_of(1_000))
    executor.wait(0.5)
    executor._client.close()
    with pytest.raises(S3PlanError, match="start the scheduler, then apply the same plan again"):
        executor.wait(5)
    assert list(executor.stop(grace_s=5)) == []


def _scheduler_of(cluster: LocalCluster) -> Any:
    return cluster.scheduler


def test_what_was_told_before_the_connection_was_lost_is_handed_over_first(opened: OpenExecutorWith) -> None:
    executor = opened(Opens(TakesItsTime(0.01)))
    executor.start(task_of(3_000))
    _until(executor, lambda news: bool(items_of(news)))
    _until_true(lambda: not executor._inbox.empty())  # it goes on telling
    executor._client.close()
    assert items_of(list(executor.wait(5)))
    with pytest.raises(S3PlanError, match="start the scheduler, then apply the same plan again"):
        executor.wait(5)


class _Overheard(Client):
    """A client that keeps what it submits."""

    def submit(self, func: Any, *args: Any, **how: Any) -> Any:
        self.submitted = pickle.dumps((func, args, how)) + b"".join(
            zlib.decompress(each) for each in args if isinstance(each, bytes)
        )
        return super().submit(func, *args, **how)


def test_no_secret_goes_through_the_scheduler(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = "canary-8c1f0f"
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "DR_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, canary)
    location = PlanLocation(1, LocationKind.S3, "s3://a/", "dr", "http://127.0.0.1:9", None, "a", "")
    opens = OpenEngines({"dr": ConnectionSettings(name="dr", env_prefix="DR_")}, (location,), 64)
    with (
        _Overheard(cluster, set_as_default=False) as client,  # type: ignore[no-untyped-call]
        DaskExecutor(client, opens, free_control(), slots=1) as executor,
    ):
        executor.start(task_of(3))
        sent = client.submitted
    assert b"OpenEngines" in sent, "it looks into what was sent"
    assert b"DR_" in sent
    assert canary.encode() not in sent


_killed = ""


def _kill_worker(executor: DaskExecutor, batch: int | None = None) -> None:
    """Kill the process that has a batch, whichever if it does not matter."""
    global _killed  # noqa: PLW0603
    given = [each for number, each in executor._given.items() if each.worker and batch in {None, number}]
    _killed = str(given[0].worker)
    pids = executor._client.run(os.getpid)
    assert pids[_killed] in children_of(os.getpid())
    os.kill(pids[_killed], signal.SIGKILL)


def _until(executor: DaskExecutor, is_enough: Callable[[list[BatchProgress]], bool]) -> list[BatchProgress]:
    until_s = time.monotonic() + _PATIENCE_S
    news: list[BatchProgress] = []
    while not is_enough(news):
        assert time.monotonic() < until_s
        news += executor.wait(0.2)
    return news


def _until_true(is_so: Callable[[], bool]) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < until_s
        time.sleep(0.1)


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def _told(news: list[BatchProgress], what: str) -> set[int]:
    """The batches that have remarked it."""
    return {progress.batch_id for progress in news for item in progress.items if item == Remark(0, what)}


def _runs_here() -> int:
    from s3plan.executors.dask import runs as dask_runs

    return len(dask_runs._runs)
