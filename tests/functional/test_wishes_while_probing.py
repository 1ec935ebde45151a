"""What is asked of a run while it finds out what the store enforces counts: cancel, pause, Ctrl-C."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fakes.command import Started
from fakes.workplace import PROBE, Workplace

OBJECTS = 30


@contextmanager
def a_run_that_probes(place: Workplace) -> Iterator[Started]:
    """An apply whose probe has made its first objects, and is far from its end."""
    place.seed("source", count=OBJECTS, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan()
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.5)
    with place.command.start("apply", place.plan_file, "--yes", "--json") as started:
        until_s = time.monotonic() + 60
        while not place.server.stats().answered("PutObject"):
            assert started.is_running, started.wait().output
            assert time.monotonic() < until_s
            time.sleep(0.02)
        yield started


def assert_nothing_was_begun(place: Workplace) -> None:
    """Nothing was copied, nothing of the probe is left, and the same command goes on."""
    place.server.set_mode(latency_s=0)
    assert place.keys("destination") == set()
    assert place.server.uploads("destination") == []
    assert place.writes() == {}
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert place.keys("destination") == place.keys("source")


def test_a_run_that_is_cancelled_while_it_probes_begins_nothing(place: Workplace) -> None:
    with a_run_that_probes(place) as started:
        cancelled = place.command.run("cancel", place.plan_file)
        ended = started.wait()
    assert (cancelled.exit_code, cancelled.stderr) == (0, "")
    assert "cancelled" in cancelled.stdout
    assert ended.exit_code == 130, ended.output
    assert (ended.event("run-ended")["state"], ended.event("run-ended")["reason"]) == ("cancelled", "cancel")
    assert place.command.run("status", place.plan_file, "--json").events[0]["state"] == "cancelled"
    assert_nothing_was_begun(place)


def test_a_run_that_is_paused_while_it_probes_begins_nothing_until_it_may_go_on(place: Workplace) -> None:
    with a_run_that_probes(place) as started, place.command.start("pause", place.plan_file) as asking:
        while not place.journal.with_name("job.s3run.control").exists():
            assert asking.is_running
        place.server.set_mode(latency_s=0)
        paused = asking.wait()
        assert (paused.exit_code, paused.stderr) == (0, "")
        assert place.writes() == {}
        assert place.command.run("unpause", place.plan_file).exit_code == 0
        assert started.wait().exit_code == 0
    assert place.keys("destination") == place.keys("source")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_while_it_probes_cleans_up_and_begins_nothing(
    place: Workplace, number: signal.Signals
) -> None:
    with a_run_that_probes(place) as started:
        requests = sum(place.server.stats().requests.values())
        started.signal(number)
        ended = started.wait()
    assert ended.exit_code == {signal.SIGINT: 130, signal.SIGTERM: 143}[number], ended.output
    assert (ended.event("run-ended")["state"], ended.event("run-ended")["reason"]) == ("interrupted", "signal")
    assert sum(place.server.stats().requests.values()) < requests + 15, "the probe was not finished first"
    assert_nothing_was_begun(place)


def test_a_run_that_is_interrupted_twice_while_it_probes_stops_at_once_and_the_next_one_cleans_up(
    place: Workplace,
) -> None:
    with a_run_that_probes(place) as started:
        started.signal(signal.SIGINT)
        started.signal(signal.SIGINT)
        until_s = time.monotonic() + 20
        while started.is_running and time.monotonic() < until_s:
            time.sleep(0.02)
        ended = started.wait()
    assert ended.exit_code in {130, -signal.SIGINT}, ended.output
    place.server.set_mode(latency_s=0)
    assert place.command.run("apply", place.plan_file, "--yes").exit_code == 0
    assert not [key for key in place.keys("destination") if PROBE in key]
    assert place.keys("destination") == place.keys("source")
