"""Whole processes, measured from start to end with all that they start themselves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("launcher.py")
_TAIL_CHARACTERS = 600


@dataclass(frozen=True, slots=True)
class Command:
    """One process; `exit_codes` are those that mean that it did its work."""

    arguments: tuple[str, ...]
    exit_codes: frozenset[int] = frozenset({0})


@dataclass(frozen=True, slots=True)
class Cost:
    """What commands cost, one after another. `peak_bytes` is that of the largest single process among them."""

    started_unix_s: float
    wall_s: float
    cpu_s: float
    peak_bytes: int


class RunFailed(Exception):
    """A command did not do its work, with what it said last."""


class RunStopped(RunFailed):
    """A command took too long and was killed."""

    def __init__(self, after_s: float) -> None:
        super().__init__(f"stopped after {after_s:,.0f} s")
        self.after_s = after_s


def run_measured(
    commands: Sequence[Command], *, folder: Path, environment: Mapping[str, str], timeout_s: float
) -> Cost:
    """Run commands in a folder, their output appended to `output.txt` there; raise RunFailed or RunStopped."""
    costs = [_run(each, folder=folder, environment=environment, timeout_s=timeout_s) for each in commands]
    return Cost(
        started_unix_s=costs[0].started_unix_s,
        wall_s=sum(cost.wall_s for cost in costs),
        cpu_s=sum(cost.cpu_s for cost in costs),
        peak_bytes=max(cost.peak_bytes for cost in costs),
    )


def output_of(folder: Path) -> str:
    """Return what the commands have printed in this folder."""
    path = folder / "output.txt"
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _run(command: Command, *, folder: Path, environment: Mapping[str, str], timeout_s: float) -> Cost:
    result = folder / "cost.json"
    result.unlink(missing_ok=True)
    arguments = [sys.executable, "-I", "-S", str(_LAUNCHER), str(result), str(folder / "output.txt")]
    launcher = subprocess.Popen(
        [*arguments, *command.arguments], cwd=folder, env=dict(environment), start_new_session=True
    )
    try:
        launcher.wait(timeout_s)
    except subprocess.TimeoutExpired as error:
        raise RunStopped(timeout_s) from error
    finally:
        if launcher.returncode is None:  # the group is the launcher's own: it holds the command and no one else
            os.killpg(launcher.pid, signal.SIGKILL)
            launcher.wait()
    if not result.exists():
        raise RunFailed(f"{command.arguments[0]} could not be started")
    measured = json.loads(result.read_text(encoding="utf-8"))
    if measured["exit_code"] not in command.exit_codes:
        said = output_of(folder)[-_TAIL_CHARACTERS:].strip()
        raise RunFailed(f"{' '.join(command.arguments[:4])} ended with {measured['exit_code']}: {said}")
    return Cost(measured["started_unix_s"], measured["wall_s"], measured["cpu_s"], measured["peak_bytes"])
