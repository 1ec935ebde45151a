"""Several applies at one moment, locks that were left behind, file systems without flock, clocks that jump."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier

import pytest
from fakes.command import Command
from fakes.torture import TORTURE
from fakes.workplace import Workplace
from s3plan.executors.journal import lock as module
from s3plan.executors.journal.lock import HEARTBEAT_S, TAKE_OVER_AFTER_S, JournalLock
from s3plan.schemas.errors import Locked

PLAN = "a" * 64
APPLIES = 4
DAY_S = 86_400
_TESTS = Path(__file__).parents[1]


def command(place: Workplace, *, has_flock: bool) -> Command:
    path = os.pathsep.join(filter(None, [str(_TESTS), os.environ.get("PYTHONPATH")]))
    variables = {**place.command.variables, "PYTHONPATH": path}
    return Command(place.folder, variables, module="s3plan" if has_flock else "fakes.without_flock")


@pytest.mark.parametrize("has_flock", [True, False], ids=["flock", "heartbeat"])
def test_of_applies_started_at_one_moment_one_runs_and_the_others_exit_7(place: Workplace, *, has_flock: bool) -> None:
    place.seed("source", count=400, size_bytes=10)
    place.buckets("destination")
    place.manifest(run={"in_flight": 4})
    apply = command(place, has_flock=has_flock)
    for number in range(10 if TORTURE else 1):
        place.server.wipe("destination")
        place.buckets("destination")
        place.plan(probe=number == 0)
        place.server.set_mode(latency_s=0.5)  # so that whoever runs goes on until all have come
        with ExitStack() as stack:
            started = [stack.enter_context(apply.start("apply", place.plan_file, "--yes")) for _ in range(APPLIES)]
            until_s = time.monotonic() + 45
            while sum(one.is_running for one in started) > 1 and time.monotonic() < until_s:
                time.sleep(0.05)
            place.server.set_mode(latency_s=0)
            ended = [one.wait() for one in started]
        assert sorted(one.exit_code for one in ended) == [0, *[7] * (APPLIES - 1)], [one.output for one in ended]
        winner = started[[one.exit_code for one in ended].index(0)]
        assert any(f"process {winner.pid}" in one.stderr for one in ended)
        assert place.keys("destination") == place.keys("source")
        assert set(place.writes().values()) == {1}
        place.journal.unlink()
        place.journal.with_name("job.s3run.lock").unlink()
        place.plan_file.unlink()


@pytest.fixture
def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        ended.wait()
    return ended.pid


def forged(*, pid: int, host: str, plan: str = PLAN) -> str:
    begun = {"since_ms": 1, "first_begun_at_ms": 1}
    return json.dumps({"pid": pid, "host": host, "plan_digest": plan, **begun})


@pytest.mark.parametrize("whose", ["dead", "reused", "another host", "nonsense", "another plan"])
def test_a_lock_that_was_left_behind_is_taken_whatever_stands_in_it(
    place: Workplace, dead_pid: int, whose: str
) -> None:
    place.seed("source", count=5, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    made = place.plan(probe=True)
    here = socket.gethostname()
    text = {
        "dead": forged(pid=dead_pid, host=here, plan=made.digest),
        "reused": forged(pid=os.getpid(), host=here, plan=made.digest),
        "another host": forged(pid=dead_pid, host="elsewhere", plan=made.digest),
        "nonsense": "\x00" * 300,
        "another plan": forged(pid=1, host=here),
    }[whose]
    place.journal.with_name("job.s3run.lock").write_text(text)
    assert place.apply().exit_code == 0
    assert place.keys("destination") == place.keys("source")
    assert set(place.writes().values()) == {1}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "job.s3run.lock"


@pytest.fixture
def without_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(module, "_WATCH_S", 0.3)
    monkeypatch.setattr(module, "_SETTLE_S", 0.05)


def lock(path: Path) -> JournalLock:
    return JournalLock(path, plan_digest=PLAN, now_ms=5_000)


def left_behind(path: Path, *, age_s: float) -> None:
    """A lock whose holder is gone without an orderly end; a negative age is what a clock set back leaves."""
    path.write_text(forged(pid=1, host="elsewhere"))
    then_s = time.time() - age_s
    os.utime(path, (then_s, then_s))


@pytest.mark.usefixtures("without_flock")
@pytest.mark.parametrize("age_s", [TAKE_OVER_AFTER_S + 1, 20 * 60, -20 * 60, 2 * DAY_S, -2 * DAY_S])
def test_without_flock_a_dead_holder_is_taken_over_wherever_the_clock_jumped(path: Path, age_s: float) -> None:
    left_behind(path, age_s=age_s)
    with lock(path):
        assert time.time() - path.stat().st_mtime < 5


@pytest.mark.usefixtures("without_flock")
@pytest.mark.parametrize("jump_s", [20 * 60, -20 * 60, 2 * DAY_S, -2 * DAY_S])
def test_without_flock_a_holder_that_beats_is_believed_wherever_the_clock_jumped(
    path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.05)
    with lock(path):
        real = JournalLock._filesystem_now_s
        monkeypatch.setattr(JournalLock, "_filesystem_now_s", lambda self: real(self) + jump_s)
        with pytest.raises(Locked, match=f"process {os.getpid()} on "), lock(path):
            pass


@pytest.mark.usefixtures("without_flock")
def test_without_flock_one_of_two_that_find_it_free_at_one_moment_has_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SETTLE_S", 0.5)
    together, both_know = Barrier(2, timeout=20), Barrier(2, timeout=20)
    take_over = JournalLock._take_over

    def take_over_together(self: JournalLock) -> None:
        together.wait()
        take_over(self)

    monkeypatch.setattr(JournalLock, "_take_over", take_over_together)

    def is_let_in(_: int) -> bool:
        try:
            with lock(path):
                both_know.wait()
        except Locked:
            both_know.wait()
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(is_let_in, range(2))) == [False, True]


@pytest.mark.usefixtures("without_flock")
def test_without_flock_a_holder_that_lost_its_lock_leaves_the_next_ones_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was silent for too long, as a machine that slept: when it wakes, the lock is another's."""
    monkeypatch.setattr(module, "HEARTBEAT_S", 1.0)
    first = lock(path)
    with ExitStack() as stack:
        with first:
            then_s = time.time() - 2 * TAKE_OVER_AFTER_S
            os.utime(path, (then_s, then_s))
            second = stack.enter_context(lock(path))
            assert first.lease is not None
            assert second.lease is not None
            until_s = time.monotonic() + 20
            while not first.lease.is_lost and time.monotonic() < until_s:
                time.sleep(0.05)
        assert first.lease.is_lost
        assert not second.lease.is_lost
        with pytest.raises(Locked), lock(path):
            pass


def test_what_beats_is_seen_to_beat_before_it_is_taken_for_dead() -> None:
    assert module._WATCH_S > 2 * HEARTBEAT_S
    assert module._SETTLE_S >= 0.5
