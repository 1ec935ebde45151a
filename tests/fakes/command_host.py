"""The s3plan command, each time in a fork of one process that has imported everything: many runs in little time.

And with what a machine does to it: kills at a chosen moment, a disk that fails, a clock that jumps, no flock.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from fakes.disk_shim import DiskFault
from fakes.ended import Ended

_TESTS = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What happens to one run.

    `disk_fault`: see DiskFault; needs a host with a shim. `killed_at_commit`: the process is killed at the journal's
    commit of that number, from 1; `before_commit`: just before it is asked for, otherwise as soon as it is done.
    `flush_every`: the journal is written after so many outcomes, and looked after often.
    """

    disk_fault: DiskFault | None = None
    killed_at_commit: int = 0
    before_commit: bool = False
    flush_every: int | None = None
    without_flock: bool = False


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
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {
            "words": [str(word) for word in words],
            "circumstances": asdict(circumstances),
            "folder": str(folder or self._folder),
            "environment": None if environment is None else dict(environment),
            "timeout_s": timeout_s,
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the host of the commands has died"
        told = json.loads(line)
        ended = Ended(
            told["exit_code"],
            (self._files / "stdout").read_text(errors="backslashreplace"),
            (self._files / "stderr").read_text(errors="backslashreplace"),
        )
        assert "Traceback" not in ended.output, ended.output
        assert "internal error" not in ended.output, ended.output
        return HostedEnd(ended, told.get("disk_changes", ""), told.get("commits", 0), told.get("failed", ""))
