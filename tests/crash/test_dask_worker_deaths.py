"""dask workers that are killed, a scheduler that is gone: the end state of an undisturbed run."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash.worker_deaths_contract import WorkerDeathsContract
from fakes.dask_clusters import ClusterProcesses
from fakes.torture import LONG_ONLY, TORTURE
from fakes.workplace import Workplace


class TestDaskWorkers(WorkerDeathsContract):
    executor = "dask"
    worker_words = "spawn_main"  # not the tracker that multiprocessing starts beside them
    obituary = "its dask worker"
    is_slow_to_start = True
    copies = 10_000 if TORTURE else 4_000


@pytest.fixture
def cluster(place: Workplace) -> Iterator[ClusterProcesses]:
    """A cluster of two workers, with dask's own settings: it runs the task of a lost worker again by itself."""
    with ClusterProcesses(place.folder, place.command.environment) as processes:
        processes.start(workers=2)
        yield processes


def test_a_worker_of_somebody_elses_cluster_is_killed_and_nothing_is_done_twice(
    place: Workplace, cluster: ClusterProcesses
) -> None:
    plan_copies(place, 4_000)
    with place.command.start(*apply_on(place, cluster), "--json") as started:
        place.wait_for_copies(started, copies=200)
        cluster.workers[0].send_signal(signal.SIGKILL)
        ended = started.wait()
    assert ended.exit_code == 0, ended.output
    assert "its dask worker tcp://127.0.0.1:" in ended.stdout
    place.assert_all_done_once()


@LONG_ONLY
def test_a_scheduler_that_is_gone_ends_the_run_and_the_same_command_goes_on(
    place: Workplace, cluster: ClusterProcesses
) -> None:
    plan_copies(place, 4_000)
    with place.command.start(*apply_on(place, cluster)) as started:
        place.wait_for_copies(started, copies=200)
        cluster.scheduler.send_signal(signal.SIGKILL)
        ended = started.wait()
    assert ended.exit_code == 1, ended.output
    assert "the connection to the dask scheduler was lost; start the scheduler, then apply the same plan again" in (
        ended.stderr
    )
    for worker in cluster.workers:  # they leave by themselves
        worker.wait(timeout=30)
    place.server.set_mode(latency_s=0)
    cluster.start(workers=2)
    ended = place.command.run(*apply_on(place, cluster))
    assert ended.exit_code == 0, ended.output
    place.assert_all_done_once()


@LONG_ONLY
def test_the_pins_hold_while_workers_do_not_know_yet_that_their_apply_was_killed(
    place: Workplace, cluster: ClusterProcesses
) -> None:
    """Nobody stops them before their lease is up; the next run works beside them."""
    plan_copies(place, 6_000)
    with place.command.start(*apply_on(place, cluster)) as started:
        place.wait_for_copies(started, copies=200)
        assert started.kill().exit_code == -signal.SIGKILL
    ended = place.command.run(*apply_on(place, cluster))
    assert ended.exit_code == 0, ended.output
    time.sleep(0.5)
    place.assert_all_done_once()


def plan_copies(place: Workplace, count: int) -> None:
    place.seed("source", count=count, size_bytes=10)
    place.buckets("destination")
    place.manifest(run={"in_flight": 16, "workers": 2})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.02)


def apply_on(place: Workplace, cluster: ClusterProcesses) -> tuple[str | Path, ...]:
    return ("apply", place.plan_file, "--yes", "--executor", "dask", "--cluster", cluster.address)
