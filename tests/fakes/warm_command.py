"""One host of commands for all tests of this process: most tests want what a command does, not how it starts."""

from __future__ import annotations

import atexit
import os
import signal
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from fakes.command_host import Circumstances, CommandHost, HostedProcess
from fakes.ended import Ended

# What a Python takes up when it starts, and so a process that has started cannot.
_OF_THE_START = ("PYTHON", "LANG", "LC_", "LD_", "MALLOC")
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH")
_lock = threading.Lock()
_hosts: list[CommandHost] = []
_starters: list[CommandHost] = []  # one of their own, which no command that is waited for keeps from answering


def inherited() -> dict[str, str]:
    """What a command takes up of this process's environment; libraries and tests add to that as they go."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def run_warm(
    words: tuple[str | Path, ...],
    *,
    folder: Path,
    environment: Mapping[str, str],
    timeout_s: float,
    circumstances: Circumstances,
) -> Ended | None:
    """Return how the command ended; None if it wants a process of its own: another start, or beside another one."""
    if _wants_another_start(environment) or not _lock.acquire(blocking=False):
        return None
    try:
        if not _hosts:
            _hosts.append(_open_host())
        host = _hosts[0]
        ended = host.run(
            *words,
            circumstances=circumstances,
            folder=folder,
            environment=environment,
            timeout_s=int(timeout_s),
        ).ended
    finally:
        _lock.release()
    assert ended.exit_code != -signal.SIGALRM, f"not done after {timeout_s} s: {ended.output}"
    return ended


def start_warm(
    words: tuple[str | Path, ...],
    *,
    folder: Path,
    environment: Mapping[str, str],
    stdout: str,
    stderr: str,
    circumstances: Circumstances,
) -> HostedProcess | None:
    """Return the command that runs now and writes into these files; None if it wants another start."""
    if _wants_another_start(environment) or threading.current_thread() is not threading.main_thread():
        return None
    if not _starters:
        _starters.append(_open_host())
    return _starters[0].start(
        [str(word) for word in words],
        folder=folder,
        environment=environment,
        stdout=stdout,
        stderr=stderr,
        circumstances=circumstances,
    )


def _wants_another_start(environment: Mapping[str, str]) -> bool:
    return _start_of(environment) != _start_of(inherited())


def _start_of(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_OF_THE_START)}


def _open_host() -> CommandHost:
    folder = tempfile.TemporaryDirectory(prefix="s3plan-commands-")
    host = CommandHost(Path(folder.name), {**inherited(), "HOME": folder.name})
    atexit.register(folder.cleanup)
    atexit.register(host.__exit__, None, None, None)
    return host
