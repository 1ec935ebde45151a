"""Work that is given up holds nobody up: neither who gives it up, nor the end of the process."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from s3plan.storage.daemon_executor import DaemonExecutor


def test_results_come_in_the_order_of_what_was_asked() -> None:
    with DaemonExecutor(3, name="work") as executor:
        assert list(executor.map(lambda number: number * number, range(50))) == [n * n for n in range(50)]


def test_what_is_raised_is_raised_where_the_result_is_wanted() -> None:
    with DaemonExecutor(1, name="work") as executor, pytest.raises(ZeroDivisionError):
        list(executor.map(lambda number: 1 // number, [1, 0]))


def test_nobody_waits_for_what_was_given_up_and_what_had_not_begun_never_does() -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()
    done: list[int] = []

    def work(number: int) -> None:
        if number == 1:
            begun.set()
            may_end.wait()
            ended.set()
        done.append(number)

    with DaemonExecutor(1, name="work") as executor:
        results = executor.map(work, range(3))
        next(results)
        begun.wait()
        del results
    assert not ended.is_set()
    may_end.set()
    ended.wait()
    assert 2 not in done


def test_no_process_waits_for_it_at_its_end() -> None:
    program = (
        "import time; from s3plan.storage.daemon_executor import DaemonExecutor\n"
        "DaemonExecutor(1, name='work').submit(time.sleep, 600)"
    )
    assert subprocess.run([sys.executable, "-E", "-c", program], timeout=60, check=False).returncode == 0
