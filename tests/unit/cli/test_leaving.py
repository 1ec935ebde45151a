"""A process that has done its work ends at once, and leaves nothing undone that Python does at its end."""

from __future__ import annotations

import os
import subprocess
import sys


def ended(program: str, *, stdout: int = subprocess.PIPE) -> tuple[int, str, str]:
    """Return exit code, output and errors of a program that leaves."""
    done = subprocess.run(
        [sys.executable, "-E", "-c", f"from s3plan.cli.leaving import leave\n{program}"],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout or "", done.stderr


def test_what_was_printed_is_written_and_the_exit_code_is_kept() -> None:
    assert ended("print('said', end=''); leave(7)") == (7, "said", "")


def test_what_was_to_be_done_at_the_end_is_done() -> None:
    assert ended("import atexit; atexit.register(print, 'done'); leave(0)") == (0, "done\n", "")


def test_a_thread_that_python_waits_for_is_waited_for() -> None:
    program = (
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.3), print('done'))).start(); leave(3)"
    )
    assert ended(program) == (3, "done\n", "")


def test_a_thread_that_nobody_waits_for_holds_nothing_up() -> None:
    program = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start(); leave(0)"
    assert ended(program) == (0, "", "")


def test_nobody_left_to_read_is_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert ended("print('said'); leave(0)", stdout=writing) == (0, "", "")
    finally:
        os.close(writing)


def test_nothing_is_taken_apart() -> None:
    program = "class Last:\n    def __del__(self): print('taken apart')\nlast = Last(); leave(0)"
    assert ended(program) == (0, "", "")
