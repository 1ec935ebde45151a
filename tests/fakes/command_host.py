"""The s3plan command, each time in a fork of one process that has imported everything: many runs in little time.

And with what a machine does to it: kills at a chosen moment, a disk that fails, a clock that jumps, no flock.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Self

from fakes.disk_shim import DiskFault
from fakes.ended import Ended

_TESTS = Path(__file__).parents[1]
_LONGEST_S = 600
_OFTEN_S = 0.005


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What happens to one run.

    `disk_fault`: see DiskFault; needs a host with a shim. `killed_at_commit`: the process is killed at the journal's
    commit of that number, from 1; `before_commit`: just before it is asked for, otherwise as soon as it is done.
    `flush_every`: the journal is written after so many outcomes, and looked after often. `is_server_later`: the store's
    clock is as in later_second.py. `disk_log`: where the changes of the watched folder are written down.
    """

    disk_fault: DiskFault | None = None
    disk_log: str | None = None
    killed_at_commit: int = 0
    before_commit: bool = False
    flush_every: int | None = None
    without_flock: bool = False
    is_server_later: bool = True


CALM = Circumstances()


@dataclass(frozen=True, slots=True)
class HostedEnd:
    """How a run ended, how it changed the watched folder, and how often it committed to the journal, unless killed.

    See Disk for `disk_changes` and `failed`, which of them failed.
    """

    ended: Ended
    disk_changes: str = ""
    commits: int = 0
    failed: str = ""

    @property
    def was_killed(self) -> bool:
        return self.ended.exit_code == -signal.SIGKILL


class HostedProcess:
    """A command that runs beside the test, with the face of a Popen."""

    def __init__(self, pid: int, host: CommandHost) -> None:
        self.pid = pid
        self._host = host
        self._exit_code: int | None = None

    def poll(self) -> int | None:
        """Return how it ended; None: it has not."""
        if self._exit_code is None:
            self._exit_code = self._host.poll(self.pid)
        return self._exit_code

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended; raise TimeoutExpired as Popen does."""
        until_s = None if timeout is None else monotonic() + timeout
        while (code := self.poll()) is None:
            if until_s is not None and monotonic() > until_s:
                raise subprocess.TimeoutExpired("s3plan", timeout or 0.0)
            sleep(_OFTEN_S)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended; its number is its own until then."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Pull the plug."""
        self.send_signal(signal.SIGKILL)


class CommandHost:
    """Use it as a context manager; one run at a time.

    `watched` is the folder whose changes count, `shim` the library of disk_shim; None where no disk fault is wanted.
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str], *, watched: Path | None = None, shim: Path | None = None
    ) -> None:
        self._folder = folder
        own = {"PYTHONPATH": os.pathsep.join(filter(None, [str(_TESTS), environment.get("PYTHONPATH")]))}
        if shim is not None:
            own |= {"LD_PRELOAD": str(shim)}
        self._files = folder / "host"
        self._files.mkdir(exist_ok=True)
        setup = {"watched": str(watched or ""), "shim": str(shim or ""), "files": str(self._files)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fakes.command_host_process", json.dumps(setup)],
            cwd=folder,
            env={**environment, **own},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # so that nothing it has forked outlives a test
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:
            os.killpg(self._process.pid, signal.SIGKILL)

    def _ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the host of the commands has died"
        told: dict[str, Any] = json.loads(line)
        return told

    def start(
        self,
        words: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        stdout: str,
        stderr: str,
        circumstances: Circumstances = CALM,
    ) -> HostedProcess:
        """Start one command that writes into these files; any number may run beside one another."""
        told = self._ask(
            {
                "words": list(words),
                "circumstances": asdict(circumstances),
                "folder": str(folder),
                "environment": dict(environment),
                "timeout_s": _LONGEST_S,
                "stdout": stdout,
                "stderr": stderr,
                "is_left_running": True,
            }
        )
        return HostedProcess(told["pid"], self)

    def poll(self, pid: int) -> int | None:
        """Return how a command that was started has ended, once; None: it has not."""
        code: int | None = self._ask({"poll": pid})["exit_code"]
        return code

    def run(
        self,
        *words: str | Path,
        circumstances: Circumstances = CALM,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_s: int = 120,
    ) -> HostedEnd:
        """Run one command to its end; like Command.run, it may never show a traceback.

        In `folder` and with `environment`, if they are given, instead of the host's own. After `timeout_s` SIGALRM
        ends it.
        """
        stdout, stderr = self._files / "stdout", self._files / "stderr"
        told = self._ask(
            {
                "words": [str(word) for word in words],
                "circumstances": asdict(circumstances),
                "folder": str(folder or self._folder),
                "environment": None if environment is None else dict(environment),
                "timeout_s": timeout_s,
                "stdout": str(stdout),
                "stderr": str(stderr),
                "is_left_running": False,
            }
        )
        ended = Ended(
            told["exit_code"],
            stdout.read_text(errors="backslashreplace"),
            stderr.read_text(errors="backslashreplace"),
        )
        assert "Traceback" not in ended.output, ended.output
        assert "internal error" not in ended.output, ended.output
        return HostedEnd(ended, told.get("disk_changes", ""), told.get("commits", 0), told.get("failed", ""))
