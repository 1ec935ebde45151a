"""A holder that was silent for too long has lost its lock: it sends nothing more and leaves the journal alone."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from fakes.child_processes import children_of, is_alive
from fakes.command import Command, Started
from fakes.without_flock import HEARTBEAT_VARIABLE
from fakes.workplace import MIB, Workplace

HEARTBEAT_S = 0.5
OBJECTS = 400
_TESTS = Path(__file__).parents[1]


@pytest.fixture
def command(place: Workplace) -> Command:
    """The command where locks are kept by heartbeat."""
    path = os.pathsep.join(filter(None, [str(_TESTS), os.environ.get("PYTHONPATH")]))
    more = {"PYTHONPATH": path, HEARTBEAT_VARIABLE: str(HEARTBEAT_S)}
    return Command(place.folder, {**place.command.variables, **more}, module="fakes.without_flock")


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def requests(place: Workplace) -> int:
    return sum(place.server.stats().requests.values())


def stop_between_commits(started: Started, journal: Path) -> None:
    """Stop a process while it holds no lock of its journal: SQLite's are not those that anybody takes over."""
    for _ in range(100):
        started.signal(signal.SIGSTOP)
        with closing(sqlite3.connect(journal, isolation_level=None, timeout=0)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
                database.execute("ROLLBACK")
            except sqlite3.OperationalError:
                started.signal(signal.SIGCONT)
                time.sleep(0.01)
            else:
                return
    raise AssertionError("the journal is locked all the time")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("executor", ["serial", "threads", "processes", "dask"])
def test_a_holder_that_was_stopped_and_taken_over_sends_and_writes_nothing_more(
    place: Workplace, command: Command, executor: str
) -> None:
    place.seed("source", count=OBJECTS, size_bytes=10)
    place.seed("source", "big", size_bytes=60 * MIB)
    place.buckets("destination")
    place.manifest(run={"in_flight": 4, "multipart_threshold": "5MiB", "part_size": "5MiB"})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.1)
    with command.start("apply", place.plan_file, "--yes", "--executor", executor, "--workers", "2") as first:
        place.wait_for_copies(first, copies=8)
        workers = children_of(first.pid)
        stop_between_commits(first, place.journal)
        time.sleep(4 * HEARTBEAT_S)  # its workers, which go on, have heard nothing for too long by then
        before = requests(place)
        time.sleep(4 * HEARTBEAT_S)
        assert requests(place) == before, "workers send nothing while nobody knows who holds the plan"
        place.server.set_mode(latency_s=0)
        second = command.run("apply", place.plan_file, "--yes", "--json")
        assert second.exit_code == 0, second.output
        assert place.keys("destination") == place.keys("source")
        before, journal, lock = (
            requests(place),
            digest(place.journal),
            digest(place.journal.with_name("job.s3run.lock")),
        )
        first.signal(signal.SIGCONT)
        ended = first.wait()
    assert ended.exit_code == 7, ended.output
    assert "job.s3run was taken over by process" in ended.stderr
    assert requests(place) == before
    assert digest(place.journal) == journal
    assert digest(place.journal.with_name("job.s3run.lock")) == lock
    until_s = time.monotonic() + 20
    while any(is_alive(pid) for pid in workers):
        assert time.monotonic() < until_s
        time.sleep(0.1)
    place.assert_nothing_left()
