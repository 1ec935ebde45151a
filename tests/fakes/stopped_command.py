"""The s3plan command in a process of its own in which something happens at one step, between two system calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fakes.ended import Ended
from fakes.workplace import Workplace

_TESTS = Path(__file__).parents[1]
_RUN = f"""
sys.path.insert(0, {str(_TESTS)!r})
from fakes.later_second import wait_no_more
wait_no_more()
from s3plan.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


def run_with(place: Workplace, patch: str, told: str, *words: str | Path, timeout_s: float = 60) -> Ended:
    """Run it to its end, or until it kills itself, after `patch`: Python text that finds `told` in sys.argv[1]."""
    done = subprocess.run(
        [sys.executable, "-c", f"import os, signal, sys\n{patch}\n{_RUN}", told, *words],
        cwd=place.folder,
        env=place.command.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)
