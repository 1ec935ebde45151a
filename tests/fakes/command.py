"""The s3plan command as a process: what a user types, and everything that comes back."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fakes.command_host import Circumstances, HostedProcess
from fakes.ended import Ended
from fakes.warm_command import inherited, run_warm, start_warm

__all__ = ["Command", "Ended", "Started"]

_NOWHERE = "http://127.0.0.1:9"  # should a test reach for AWS


class Started:
    """A command that runs. `wait` for it, `signal` it or `kill` it; leaving `Command.start` kills what is left."""

    def __init__(self, process: subprocess.Popen[bytes] | HostedProcess, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        self._process = process
        self._stdout = stdout
        self._stderr = stderr

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> Ended:
        """Pull the plug."""
        self._process.kill()
        return self.wait()

    def wait(self, *, timeout_s: float = 60) -> Ended:
        """Return how it ended; no command may ever show a traceback."""
        exit_code = self._process.wait(timeout_s)
        ended = Ended(exit_code, _text(self._stdout), _text(self._stderr))
        assert "Traceback" not in ended.output, ended.output
        assert "internal error" not in ended.output, ended.output
        return ended


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode()


@dataclass(frozen=True, slots=True)
class Command:
    """Runs s3plan in a folder, with no more of the environment than is needed, and a home of its own."""

    folder: Path
    variables: Mapping[str, str]
    module: str = "s3plan"
    most_open_files: int | None = None  # soft and hard
    is_server_later: bool = False  # its store's clock is as in later_second.py

    @property
    def environment(self) -> dict[str, str]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        own = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "NO_PROXY": "127.0.0.1"}
        own |= {"XDG_CONFIG_HOME": str(home / "config")}
        own |= {"AWS_ENDPOINT_URL": _NOWHERE, "AWS_EC2_METADATA_DISABLED": "true"}
        return inherited() | own | dict(self.variables)

    @property
    def _circumstances(self) -> Circumstances:
        return Circumstances(is_server_later=self.is_server_later)

    @property
    def _may_be_warm(self) -> bool:
        return self.module == "s3plan" and self.most_open_files is None

    @property
    def _limits(self) -> list[str]:
        if self.most_open_files is None:
            return []
        return ["sh", "-c", f'ulimit -n {self.most_open_files}; exec "$@"', "sh"]

    def run(self, *words: str | Path, timeout_s: float = 60) -> Ended:
        """Run it to its end: in a fork of a process that has imported it already, where nothing speaks against that."""
        if self._may_be_warm:
            ended = run_warm(
                words,
                folder=self.folder,
                environment=self.environment,
                timeout_s=timeout_s,
                circumstances=self._circumstances,
            )
            if ended is not None:
                return ended
        with self.start(*words, anew=True) as started:
            return started.wait(timeout_s=timeout_s)

    @contextmanager
    def start(self, *words: str | Path, anew: bool = False) -> Iterator[Started]:
        """Run it beside the test, in a fork as `run` does, or `anew`: by an interpreter of its own."""
        with tempfile.NamedTemporaryFile() as stdout, tempfile.NamedTemporaryFile() as stderr:
            process: subprocess.Popen[bytes] | HostedProcess | None = None
            if self._may_be_warm and not anew:
                process = start_warm(
                    words,
                    folder=self.folder,
                    environment=self.environment,
                    stdout=stdout.name,
                    stderr=stderr.name,
                    circumstances=self._circumstances,
                )
            if process is None:
                process = subprocess.Popen(
                    [*self._limits, sys.executable, "-m", self.module, *map(str, words)],
                    cwd=self.folder,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                )
            try:
                yield Started(process, stdout, stderr)
            finally:
                process.kill()
                process.wait()
