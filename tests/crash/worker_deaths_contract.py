"""What holds for every executor whose workers are processes that may die: a class of tests for each.

Runs whose workers are killed, whose parent is killed, Ctrl-C: the end state of an undisturbed run.
"""

from __future__ import annotations

import signal
import time
from typing import ClassVar

import pytest
from fakes.child_processes import children_of, is_alive, kill
from fakes.command import Started
from fakes.torture import TORTURE
from fakes.workplace import MIB, Workplace

_PATIENCE_S = 30
_COPIES_BETWEEN = 1500  # two kills: a busy machine looks at what a killed worker left for longer than 500 take


class WorkerDeathsContract:
    """Subclass it, name the class Test..., and say which executor it is."""

    executor: ClassVar[str]
    worker_words: ClassVar[str] = ""
    """What the command lines of its workers have, where the command has other children."""
    obituary: ClassVar[str]
    """What the command says of a worker that was killed."""
    is_slow_to_start: ClassVar[bool] = False
    """Then the short version leaves the longest tests to the others."""
    copies: ClassVar[int] = 20_000 if TORTURE else 6_000
    """How many outlast a dozen kills, or in the short version a few."""

    @property
    def words(self) -> tuple[str, str]:
        return ("--executor", self.executor)

    def workers_of(self, started: Started) -> list[int]:
        """Return the processes of the workers, the oldest first."""
        return children_of(started.pid, whose_words_have=self.worker_words)

    def leave_to_others(self) -> None:
        """Skip a test that is too long for the short version."""
        if self.is_slow_to_start and not TORTURE:
            pytest.skip("only in the long version")

    @pytest.mark.slow
    def test_one_of_four_workers_killed_every_second(self, place: Workplace) -> None:
        """Or later, if little was copied since: a busy machine needs more than a second to start another one."""
        self.leave_to_others()
        place.seed("source", count=self.copies, size_bytes=100)
        place.buckets("destination")
        place.manifest(run={"in_flight": 64})
        place.plan(probe=True)
        place.server.reset_stats()
        place.server.set_mode(latency_s=0.01 if TORTURE else 0.05)  # or it would be over too soon
        killed = 0
        command = ("apply", place.plan_file, "--yes", "--json", *self.words, "--workers", "4")
        with place.command.start(*command) as started:
            place.wait_for_copies(started, copies=100)
            while started.is_running:
                workers = self.workers_of(started)
                if workers and started.is_running:
                    kill(workers[0], signal.SIGKILL)  # the oldest: each in its turn
                    killed += 1
                killed_s, copied = time.monotonic(), place.server.stats().answered("CopyObject")
                while started.is_running and not (
                    time.monotonic() - killed_s >= 1
                    and place.server.stats().answered("CopyObject") >= copied + _COPIES_BETWEEN
                ):
                    time.sleep(0.05)
            ended = started.wait(timeout_s=240)
        assert ended.exit_code == 0, ended.output
        assert killed >= 3
        assert self.obituary in ended.stdout
        end = ended.event("run-ended")
        assert (end["state"], end["remaining"]) == ("completed", 0)
        assert sum(end["counts"].values()) == self.copies
        assert set(end["counts"]) <= {"done", "already-done"}
        stats = place.server.stats()
        assert stats.answered("CopyObject") == self.copies
        place.assert_all_done_once()

    def test_a_batch_whose_worker_is_killed_goes_on_where_it_was(self, place: Workplace) -> None:
        """Parts that are stored are not copied again."""
        large, parts, kills = 2, 9, 3
        place.seed("source", count=60, size_bytes=10)
        place.seed("source", *(f"big-{number}" for number in range(large)), size_bytes=41 * MIB, parts=3)
        place.buckets("destination")
        place.manifest(run={"multipart_threshold": "5MiB", "part_size": "5MiB", "in_flight": 2})
        place.plan(probe=True)
        place.server.reset_stats()
        place.server.set_mode(latency_s=0.2)
        with place.command.start("apply", place.plan_file, "--yes", *self.words, "--workers", "2") as started:
            until_s = time.monotonic() + _PATIENCE_S
            for kills_so_far in range(1, kills + 1):
                while place.server.stats().answered("UploadPartCopy") < 4 * kills_so_far and time.monotonic() < until_s:
                    time.sleep(0.02)
                time.sleep(0.4)  # a report is due every quarter of a second
                for worker in self.workers_of(started):
                    kill(worker, signal.SIGKILL)
            place.server.set_mode(latency_s=0)
            ended = started.wait()
        assert ended.exit_code == 0, ended.output
        stats = place.server.stats()
        assert stats.answered("UploadPartCopy") <= large * parts + kills * 8
        assert stats.answered("CreateMultipartUpload") <= large + kills * 2
        place.told.append(ended.output)
        assert place.untold_uploads() == []
        assert place.keys("destination") == place.keys("source")
        place.assert_nothing_left()

    def test_workers_are_gone_soon_after_their_parent_and_the_next_run_goes_on(self, place: Workplace) -> None:
        place.seed("source", count=3000, size_bytes=10)
        place.buckets("destination")
        place.manifest(run={"in_flight": 8})
        place.plan(probe=True)
        place.server.reset_stats()
        place.server.set_mode(latency_s=0.05)
        with place.command.start("apply", place.plan_file, "--yes", *self.words, "--workers", "3") as started:
            place.wait_for_copies(started, copies=50)
            workers = self.workers_of(started)
            assert len(workers) == 3
            assert started.kill().exit_code == -signal.SIGKILL
            until_s = time.monotonic() + 5
            while any(is_alive(worker) for worker in workers):
                assert time.monotonic() < until_s, "a worker outlives its parent"
                time.sleep(0.05)
        place.server.set_mode(latency_s=0)
        ended = place.command.run("apply", place.plan_file, "--yes", *self.words)
        assert ended.exit_code == 0, ended.output
        place.assert_all_done_once()

    @pytest.mark.sampled(1)
    @pytest.mark.parametrize("to_group", [False, True], ids=["parent", "whole terminal"])
    def test_one_ctrl_c_drains_and_the_same_command_goes_on(self, place: Workplace, *, to_group: bool) -> None:
        self.leave_to_others()
        place.seed("source", count=3000, size_bytes=10)
        place.seed("source", "big", size_bytes=60 * MIB)
        place.buckets("destination")
        place.manifest(run={"in_flight": 8, "multipart_threshold": "5MiB", "part_size": "5MiB"})
        place.plan(probe=True)
        place.server.reset_stats()
        place.server.set_mode(latency_s=0.05)
        with place.command.start("apply", place.plan_file, "--yes", *self.words, "--workers", "2") as started:
            place.wait_for_copies(started, copies=50)
            workers = self.workers_of(started)
            if to_group:  # a terminal sends it to every process of the job
                for worker in workers:
                    kill(worker, signal.SIGINT)
            started.signal(signal.SIGINT)
            ended = started.wait()
        assert ended.exit_code == 130, ended.output
        assert f"--executor {self.executor}" in ended.output
        assert not any(is_alive(worker) for worker in workers)
        stats = place.server.stats()
        assert stats.under_way("CopyObject") == 0  # what was begun was waited for
        status = place.command.run("status", place.plan_file, "--json").events[0]
        assert status["state"] == "interrupted"
        assert 0 < status["counts"]["done"] == len(place.writes())  # and written down
        place.server.set_mode(latency_s=0)
        ended = place.command.run("apply", place.plan_file, "--yes", *self.words)
        assert ended.exit_code == 0, ended.output
        place.assert_all_done_once()

    def test_a_second_ctrl_c_stops_at_once(self, place: Workplace) -> None:
        self.leave_to_others()
        place.seed("source", count=2000, size_bytes=10)
        place.buckets("destination")
        place.manifest(run={"in_flight": 8})
        place.plan(probe=True)
        place.server.reset_stats()
        with place.command.start("apply", place.plan_file, "--yes", *self.words, "--workers", "2") as started:
            place.server.set_mode(latency_s=0.05)
            place.wait_for_copies(started, copies=20)
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
        ended = place.command.run("apply", place.plan_file, "--yes", *self.words)
        assert ended.exit_code == 0, ended.output
        place.assert_all_done_once()
