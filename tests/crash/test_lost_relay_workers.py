"""Workers that lost their relay, or their lock, go on after the next apply or beside it: they do no harm there.

Nothing is written over what the next one, or somebody, has put there, and no upload is left that nobody is told of.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from crash.test_lost_locks import HEARTBEAT_S, digest, stop_between_commits
from fakes.child_processes import children_of, is_alive, kill
from fakes.command import Started
from fakes.relay_place import RelayPlace
from fakes.torture import TORTURE
from fakes.without_flock import HEARTBEAT_VARIABLE
from fakes.workplace import MIB, Listed

SMALL = [f"small/{at:02}" for at in range(40)]
LARGE = {"large/0": 11 * MIB, "large/1": 31 * MIB}
RUN = {"workers": 2, "in_flight": 4, "multipart_threshold": "5MiB", "part_size": "5MiB"}
EDITED = (SMALL[0], SMALL[-1], "large/1")
WITH_WORKERS = pytest.mark.parametrize("executor", ["processes", "dask"] if TORTURE else ["processes"])
POINTS = pytest.mark.parametrize(("small", "parts"), [(3, 0), (0, 1), (20, 3)])
_TESTS = Path(__file__).parents[1]
_PATIENCE_S = 90


@pytest.fixture
def place(relay_place: RelayPlace) -> RelayPlace:
    place = relay_place
    place.buckets()
    for key, size in (dict.fromkeys(SMALL, 1000) | LARGE).items():
        place.s3.put_object(Bucket="source", Key=key, Body=os.urandom(size))
    place.manifest(run=RUN)
    place.plan(probe=True)
    for server in place.both:
        server.reset_stats()
        server.set_mode(latency_s=0.15)
    return place


def calm(place: RelayPlace) -> None:
    for server in place.both:
        server.set_mode(latency_s=0)


def wait_for(place: RelayPlace, started: Started, *, small: int = 0, parts: int = 0) -> None:
    """Return once the destination has taken so many objects and parts; the command must be running still."""
    until_s = time.monotonic() + _PATIENCE_S
    while place.server.stats().answered("PutObject") < small or place.server.stats().answered("UploadPart") < parts:
        assert started.is_running, started.wait().output
        assert time.monotonic() < until_s, place.server.stats().requests
        time.sleep(0.01)


def stopped_workers(started: Started) -> list[int]:
    """Stop the workers wherever they are, and kill their apply."""
    workers = children_of(started.pid)
    assert len(workers) >= 2
    for worker in workers:
        kill(worker, signal.SIGSTOP)
    assert started.kill().exit_code == -signal.SIGKILL
    return workers


def edited(place: RelayPlace) -> dict[str, Listed]:
    """Have somebody put something else over what was relayed, take something away, and return what is there then."""
    for key in EDITED:
        place.s3.put_object(Bucket="destination", Key=key, Body=b"somebody's edit")
    place.s3.delete_object(Bucket="destination", Key=SMALL[20])
    return place.listed("destination")


def let_go_on(workers: list[int]) -> None:
    """Let them go on until they have gone by themselves."""
    for worker in workers:
        kill(worker, signal.SIGCONT)
    until_s = time.monotonic() + _PATIENCE_S
    while any(is_alive(worker) for worker in workers):
        assert time.monotonic() < until_s
        time.sleep(0.05)


@contextmanager
def lost_workers(place: RelayPlace, executor: str, *, small: int, parts: int) -> Iterator[list[int]]:
    """Give the stopped workers of an apply that was killed once so much was done; they are gone at the end."""
    workers: list[int] = []
    try:
        with place.command.start("apply", place.plan_file, "--yes", "--executor", executor) as lost:
            wait_for(place, lost, small=small, parts=parts)
            workers = stopped_workers(lost)
        yield workers
    finally:
        for worker in workers:
            kill(worker, signal.SIGKILL)


@pytest.mark.sampled(1)
@POINTS
@WITH_WORKERS
def test_workers_that_go_on_after_the_next_apply_change_nothing(
    place: RelayPlace, small: int, parts: int, executor: str
) -> None:
    with lost_workers(place, executor, small=small, parts=parts) as workers:
        calm(place)
        ended = place.command.run("apply", place.plan_file, "--yes")
        place.told.append(ended.output)
        assert ended.exit_code == 0, ended.output
        place.assert_all_done_once()
        place.assert_same_content()
        before = edited(place)
        let_go_on(workers)
    time.sleep(0.3)  # what they have sent is answered
    assert place.listed("destination").keys() - {SMALL[20]} == before.keys()
    assert {key: place.listed("destination")[key] for key in before} == before
    assert place.untold_uploads() == []


@pytest.mark.sampled(1)
@POINTS
@WITH_WORKERS
def test_workers_that_go_on_beside_the_next_apply_write_nothing_twice(
    place: RelayPlace, small: int, parts: int, executor: str
) -> None:
    with lost_workers(place, executor, small=small, parts=parts) as workers:
        with place.command.start("apply", place.plan_file, "--yes") as next_one:
            begun = place.server.stats().answered("PutObject")
            wait_for(place, next_one, small=min(begun + 2, len(SMALL)))
            for worker in workers:
                kill(worker, signal.SIGCONT)
            ended = next_one.wait()
        place.told.append(ended.output)
        let_go_on(workers)
    assert ended.exit_code == 0, ended.output
    calm(place)
    place.assert_all_done_once()
    place.assert_same_content()


@pytest.mark.sampled(1)
@pytest.mark.parametrize("executor", ["serial", "threads", "processes", "dask"])
def test_a_relay_that_was_stopped_and_taken_over_sends_and_writes_nothing_more(
    place: RelayPlace, executor: str
) -> None:
    path = os.pathsep.join(filter(None, [str(_TESTS), os.environ.get("PYTHONPATH")]))
    more = {"PYTHONPATH": path, HEARTBEAT_VARIABLE: str(HEARTBEAT_S)}
    command = replace(place.command, variables={**place.command.variables, **more}, module="fakes.without_flock")

    def requests() -> int:
        return sum(sum(server.stats().requests.values()) for server in place.both)

    with command.start("apply", place.plan_file, "--yes", "--executor", executor) as first:
        wait_for(place, first, small=3, parts=1 if executor != "serial" else 0)
        workers = children_of(first.pid)
        stop_between_commits(first, place.journal)
        time.sleep(4 * HEARTBEAT_S)  # its workers, which go on, have heard nothing for too long by then
        before = requests()
        time.sleep(4 * HEARTBEAT_S)
        assert requests() == before, "workers send nothing while nobody knows who holds the plan"
        calm(place)
        second = command.run("apply", place.plan_file, "--yes", "--json")
        place.told.append(second.output)
        assert second.exit_code == 0, second.output
        place.assert_all_done_once()
        there = edited(place)
        journal = digest(place.journal)
        first.signal(signal.SIGCONT)
        ended = first.wait()
        place.told.append(ended.output)
    assert ended.exit_code == 7, ended.output
    assert "job.s3run was taken over by process" in ended.stderr
    assert place.listed("destination") == there
    assert digest(place.journal) == journal
    assert place.untold_uploads() == []
    until_s = time.monotonic() + _PATIENCE_S
    while any(is_alive(pid) for pid in workers):
        assert time.monotonic() < until_s
        time.sleep(0.1)
