"""Worker processes that are killed, a parent that is killed, Ctrl-C: the end state of an undisturbed run."""

from __future__ import annotations

import signal
import time

import pytest
from fakes.child_processes import children_of, is_alive, kill
from fakes.worker_deaths import assert_as_planned, outlive_a_kill_each_second, wait_for_copies
from fakes.workplace import MIB, Workplace

PROCESSES = ("--executor", "processes")
_PATIENCE_S = 30


@pytest.mark.slow
def test_one_of_four_workers_killed_every_second(place: Workplace) -> None:
    ended = outlive_a_kill_each_second(place, *PROCESSES, objects=20_000, workers=4)
    assert "its process was killed by SIGKILL" in ended.stdout


def test_a_batch_whose_worker_is_killed_goes_on_where_it_was(place: Workplace) -> None:
    """Parts that are stored are not copied again."""
    large, parts, kills = 2, 9, 3
    place.seed("source", count=60, size_bytes=10)
    place.seed("source", *(f"big-{number}" for number in range(large)), size_bytes=41 * MIB, parts=3)
    place.buckets("destination")
    place.manifest(run={"multipart_threshold": "5MiB", "part_size": "5MiB", "in_flight": 2})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.2)
    with place.command.start("apply", place.plan_file, "--yes", *PROCESSES, "--workers", "2") as started:
        until_s = time.monotonic() + _PATIENCE_S
        for kills_so_far in range(1, kills + 1):
            while place.server.stats().answered("UploadPartCopy") < 4 * kills_so_far and time.monotonic() < until_s:
                time.sleep(0.02)
            time.sleep(0.4)  # a report is due every quarter of a second
            for worker in children_of(started.pid):
                kill(worker, signal.SIGKILL)
        place.server.set_mode(latency_s=0)
        ended = started.wait()
    assert ended.exit_code == 0, ended.output
    stats = place.server.stats()
    assert stats.answered("UploadPartCopy") <= large * parts + kills * 8
    assert stats.answered("CreateMultipartUpload") <= large + kills * 2
    assert place.server.uploads("destination") == []
    assert place.keys("destination") == place.keys("source")
    place.assert_nothing_left()


def test_workers_are_gone_soon_after_their_parent_was_killed_and_the_next_run_goes_on(place: Workplace) -> None:
    place.seed("source", count=3000, size_bytes=10)
    place.buckets("destination")
    place.manifest(run={"in_flight": 8})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.05)
    with place.command.start("apply", place.plan_file, "--yes", *PROCESSES, "--workers", "3") as started:
        wait_for_copies(place, started, copies=50)
        workers = children_of(started.pid)
        assert len(workers) == 3
        assert started.kill().exit_code == -signal.SIGKILL
        until_s = time.monotonic() + 5
        while any(is_alive(worker) for worker in workers):
            assert time.monotonic() < until_s, "a worker outlives its parent"
            time.sleep(0.05)
    place.server.set_mode(latency_s=0)
    ended = place.command.run("apply", place.plan_file, "--yes", *PROCESSES)
    assert ended.exit_code == 0, ended.output
    assert_as_planned(place)


@pytest.mark.parametrize("to_group", [False, True], ids=["parent", "whole terminal"])
def test_one_ctrl_c_drains_and_the_same_command_goes_on(place: Workplace, *, to_group: bool) -> None:
    place.seed("source", count=3000, size_bytes=10)
    place.seed("source", "big", size_bytes=60 * MIB)
    place.buckets("destination")
    place.manifest(run={"in_flight": 8, "multipart_threshold": "5MiB", "part_size": "5MiB"})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.05)
    with place.command.start("apply", place.plan_file, "--yes", *PROCESSES, "--workers", "2") as started:
        wait_for_copies(place, started, copies=50)
        workers = children_of(started.pid)
        if to_group:  # a terminal sends it to every process of the job
            for worker in workers:
                kill(worker, signal.SIGINT)
        started.signal(signal.SIGINT)
        ended = started.wait()
    assert ended.exit_code == 130, ended.output
    assert "--executor processes" in ended.output
    assert not any(is_alive(worker) for worker in workers)
    stats = place.server.stats()
    assert stats.requested("CopyObject") == stats.answered("CopyObject")  # what was begun was waited for
    status = place.command.run("status", place.plan_file, "--json").events[0]
    assert status["state"] == "interrupted"
    assert 0 < status["counts"]["done"] == len(place.writes())  # and written down
    place.server.set_mode(latency_s=0)
    ended = place.command.run("apply", place.plan_file, "--yes", *PROCESSES)
    assert ended.exit_code == 0, ended.output
    assert_as_planned(place)


def test_a_second_ctrl_c_stops_at_once(place: Workplace) -> None:
    place.seed("source", count=2000, size_bytes=10)
    place.buckets("destination")
    place.manifest(run={"in_flight": 8})
    place.plan(probe=True)
    place.server.reset_stats()
    with place.command.start("apply", place.plan_file, "--yes", *PROCESSES, "--workers", "2") as started:
        place.server.set_mode(latency_s=0.05)
        wait_for_copies(place, started, copies=20)
        place.server.set_mode(latency_s=8)
        time.sleep(0.3)
        began_s = time.monotonic()
        started.signal(signal.SIGINT)
        time.sleep(0.3)
        started.signal(signal.SIGINT)
        ended = started.wait()
        assert time.monotonic() - began_s < 6
    assert ended.exit_code == 130, ended.output
    place.server.set_mode(latency_s=0)
    ended = place.command.run("apply", place.plan_file, "--yes", *PROCESSES)
    assert ended.exit_code == 0, ended.output
    assert_as_planned(place)
