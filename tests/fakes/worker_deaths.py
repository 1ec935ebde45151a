"""Runs whose workers are killed under them, and what must have come of them in the end."""

from __future__ import annotations

import signal
import time

from fakes.child_processes import children_of, kill
from fakes.command import Ended, Started
from fakes.workplace import Workplace

_PATIENCE_S = 30
_COPIES_BETWEEN = 500  # two kills


def wait_for_copies(place: Workplace, started: Started, *, copies: int) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while place.server.stats().answered("CopyObject") < copies:
        assert started.is_running, started.wait().output
        assert time.monotonic() < until_s
        time.sleep(0.02)


def assert_as_planned(place: Workplace) -> None:
    """Everything is there, written once, and nothing is left to do."""
    source, destination = place.listed("source"), place.listed("destination")
    assert {key: row.size_bytes for key, row in destination.items()} == {
        key: row.size_bytes for key, row in source.items()
    }
    assert set(place.writes().values()) == {1}
    assert place.server.uploads("destination") == []
    place.assert_nothing_left()


def outlive_a_kill_each_second(
    place: Workplace, *words: str, objects: int, workers: int, least_kills: int = 3, whose_words_have: str = ""
) -> Ended:
    """Apply a plan of copies while one of the workers, each in its turn, is killed every second.

    Or later, if little was copied since: a busy machine needs more than a second to start one. All is there in the
    end, nothing was lost on the way and nothing written twice. Workers are the children of the command whose own words
    have `whose_words_have`.
    """
    place.seed("source", count=objects, size_bytes=100)
    place.buckets("destination")
    place.manifest(run={"in_flight": 64})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.01)  # or it would be over too soon
    killed = 0
    with place.command.start("apply", place.plan_file, "--yes", "--json", *words, "--workers", str(workers)) as started:
        wait_for_copies(place, started, copies=100)
        while started.is_running:
            alive = children_of(started.pid, whose_words_have=whose_words_have)
            if alive and started.is_running:
                kill(alive[0], signal.SIGKILL)  # the oldest: each in its turn
                killed += 1
            killed_s, copied = time.monotonic(), place.server.stats().answered("CopyObject")
            while started.is_running and not (
                time.monotonic() - killed_s >= 1
                and place.server.stats().answered("CopyObject") >= copied + _COPIES_BETWEEN
            ):
                time.sleep(0.05)
        ended = started.wait()
    assert ended.exit_code == 0, ended.output
    assert killed >= least_kills
    end = ended.event("run-ended")
    assert (end["state"], end["remaining"]) == ("completed", 0)
    assert sum(end["counts"].values()) == objects
    assert set(end["counts"]) <= {"done", "already-done"}
    assert place.server.stats().answered("CopyObject") == objects
    assert_as_planned(place)
    return ended
