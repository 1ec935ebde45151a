"""A run that was started with nohup, or in a shell's background, does not end with its terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from fakes.checkout import ROOT
from fakes.workplace import Workplace

_DEAF = """
import os, signal, sys
for number in (signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.mark.sampled(2)
@pytest.mark.parametrize("executor", ["serial", "threads", "processes", "dask"])
def test_signals_that_were_ignored_from_the_start_are_ignored_to_the_end(place: Workplace, executor: str) -> None:
    place.seed("source", count=150, size_bytes=10)
    place.buckets("destination")
    place.manifest(run={"in_flight": 4})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.05)
    words = ["-m", "s3plan", "apply", str(place.plan_file), "--yes", "--executor", executor, "--workers", "2"]
    with subprocess.Popen(
        [sys.executable, "-c", _DEAF, *words],
        cwd=place.folder,
        env=place.command.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as started:
        try:
            until_s = time.monotonic() + 60
            while place.server.stats().answered("CopyObject") < 8:
                assert started.poll() is None, started.communicate()[0]
                assert time.monotonic() < until_s
                time.sleep(0.02)
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGHUP):
                os.killpg(started.pid, number)  # as a terminal does
                time.sleep(0.1)
            place.server.set_mode(latency_s=0)
            output = started.communicate(timeout=60)[0]
        finally:
            started.kill()
    assert started.returncode == 0, output
    assert place.keys("destination") == place.keys("source")
    assert set(place.writes().values()) == {1}


def test_tests_under_nohup_start_programs_that_hear_signals(place: Workplace) -> None:
    """`nohup make test &`: a signal that is ignored is inherited, and tests that send some would wait forever."""
    asks = """
        import signal, subprocess, sys

        def test_it():
            ask = "import signal as s; print(*[s.getsignal(n) is s.SIG_IGN for n in (s.SIGHUP, s.SIGINT)])"
            said = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout
            assert said.split() == ["False", "False"]
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGINT)
    """
    (place.folder / "test_asks.py").write_text(textwrap.dedent(asks), encoding="utf-8")
    (place.folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text(), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-c", _DEAF, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_asks.py"],
        cwd=place.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
