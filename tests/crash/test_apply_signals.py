"""Ctrl-C once drains, twice stops now, SIGTERM and a closed terminal do too: the same command goes on each time."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest
from fakes.workplace import BY_BOTH_ENGINES, MIB, Workplace

OBJECTS = 300
_ON_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # whose end is told to the whole session
os.execv(sys.executable, [sys.executable, "-m", "s3plan", *sys.argv[1:]])
"""


def a_slow_run(place: Workplace, *, latency_s: float) -> None:
    place.seed("source", count=OBJECTS, size_bytes=10)
    place.seed("source", "big", size_bytes=60 * MIB)
    place.buckets("destination")
    run = {"in_flight": 8, "multipart_threshold": "5MiB", "part_size": "5MiB"}
    place.manifest(run=run)
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=latency_s)


def assert_it_goes_on(place: Workplace) -> None:
    place.server.set_mode(latency_s=0)
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert place.keys("destination") == place.keys("source")
    assert set(place.writes().values()) == {1}
    place.told.append(ended.output)
    assert place.untold_uploads() == []
    place.assert_nothing_left()


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["int", "term", "hup"],
)
def test_one_signal_drains_and_says_how_to_go_on(place: Workplace, number: signal.Signals, exit_code: int) -> None:
    a_slow_run(place, latency_s=0.05)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        place.wait_for_copies(started, copies=24)
        started.signal(number)
        ended = started.wait()
    assert ended.exit_code == exit_code, ended.output
    assert "s3plan apply" in ended.output
    stats = place.server.stats()
    assert stats.under_way("CopyObject") == 0  # what was begun was waited for
    status = place.command.run("status", place.plan_file, "--json").events[0]
    assert status["state"] == "interrupted"
    assert status["counts"]["done"] == len(place.writes())  # and written down
    assert_it_goes_on(place)


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_terminal_that_is_closed_drains_too_though_nothing_can_be_shown(place: Workplace, executor: str) -> None:
    a_slow_run(place, latency_s=0.05)
    ours, theirs = pty.openpty()
    started = subprocess.Popen(
        [sys.executable, "-c", _ON_A_TERMINAL, "apply", str(place.plan_file), "--yes", "--executor", executor],
        cwd=place.folder,
        env=place.command.environment | {"TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    until_s = time.monotonic() + 60
    while place.server.stats().answered("CopyObject") < 24:
        assert started.poll() is None
        assert time.monotonic() < until_s
        if select.select([ours], [], [], 0.02)[0]:
            os.read(ours, 65_536)
    os.close(ours)
    assert started.wait(60) == 129
    stats = place.server.stats()
    assert stats.under_way("CopyObject") == 0
    assert stats.answered("CopyObject") < OBJECTS
    status = place.command.run("status", place.plan_file, "--json").events[0]
    assert (status["state"], status["counts"]["done"]) == ("interrupted", len(place.writes()))
    assert_it_goes_on(place)


def test_an_interrupted_run_tells_programs_too(place: Workplace) -> None:
    a_slow_run(place, latency_s=0.05)
    with place.command.start("apply", place.plan_file, "--yes", "--json") as started:
        place.wait_for_copies(started, copies=24)
        started.signal(signal.SIGINT)
        ended = started.wait()
    assert ended.exit_code == 130
    assert ended.event("run-ended")["state"] == "interrupted"
    assert ended.event("run-ended")["remaining"] > 0
    assert_it_goes_on(place)


def test_a_second_signal_stops_at_once_and_what_was_under_way_is_looked_at_again(place: Workplace) -> None:
    a_slow_run(place, latency_s=0.05)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        place.wait_for_copies(started, copies=24)
        place.server.set_mode(latency_s=6)
        time.sleep(0.2)
        began_s = time.monotonic()
        started.signal(signal.SIGINT)
        time.sleep(0.3)
        started.signal(signal.SIGINT)
        ended = started.wait()
        assert time.monotonic() - began_s < 4
    assert ended.exit_code == 130, ended.output
    assert_it_goes_on(place)


@BY_BOTH_ENGINES
def test_stopped_at_once_only_what_was_under_way_is_unknown(place: Workplace) -> None:
    place.seed("source", count=OBJECTS, size_bytes=10)
    place.buckets("destination")
    place.manifest(run={"in_flight": 8})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=1.0)
    with place.command.start("apply", place.plan_file, "--yes", "--json") as started:
        while place.server.stats().requested("CopyObject") < 8:
            time.sleep(0.02)
        started.signal(signal.SIGINT)
        started.signal(signal.SIGINT)
        ended = started.wait()
    told = ended.event("run-ended")
    assert ended.exit_code == 130, ended.output
    assert told["counts"].get("unknown", 0) <= 8
    assert told["remaining"] > OBJECTS - 40
    assert_it_goes_on(place)


def test_signals_at_random_moments_always_leave_a_run_that_goes_on(place: Workplace) -> None:
    a_slow_run(place, latency_s=0.01)
    for moment_s in (0.0, 0.05, 0.2, 0.4, 0.8):
        with place.command.start("apply", place.plan_file, "--yes") as started:
            time.sleep(moment_s)
            started.signal(signal.SIGINT)
            ended = started.wait()
        assert ended.exit_code in {130, 0, -signal.SIGINT}, ended.output
        place.server.set_mode(latency_s=0.01)
    assert_it_goes_on(place)


def test_a_signal_while_planning_leaves_no_plan(place: Workplace) -> None:
    place.seed("source", count=5000, size_bytes=10)
    place.buckets("destination")
    path = place.manifest()
    place.server.set_mode(latency_s=0.4)
    with place.command.start("plan", path) as started:
        until_s = time.monotonic() + 30
        while place.server.stats().requested("ListObjectsV2") < 2 and time.monotonic() < until_s:
            time.sleep(0.02)
        started.signal(signal.SIGINT)
        ended = started.wait()
    assert ended.exit_code == 130
    assert [found.name for found in place.plan_file.parent.glob("*")] == []


@pytest.mark.parametrize("start", [["-m", "s3plan"], ["-c", "from s3plan.__main__ import main; main()"]])
def test_ctrl_c_while_the_command_is_being_imported_shows_no_traceback(place: Workplace, start: list[str]) -> None:
    (place.folder / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport no_such\n")
    environment = place.command.environment | {"PYTHONPATH": str(place.folder)}
    ended = subprocess.run([sys.executable, *start, "status"], env=environment, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, b"", b"")
