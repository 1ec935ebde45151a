"""The other side of command_host: forks for each command line that comes in, and says how it ended."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

# What a command imports late is imported here, once.
import botocore.session  # noqa: F401
import s3plan.__main__ as command
import s3plan.app.plans.planning
import s3plan.cli.commands.apply
import s3plan.cli.commands.plan
import s3plan.cli.commands.status
import s3plan.storage.s3.native.engine  # noqa: F401
from s3plan.cli.main import main
from s3plan.executors.journal import recorder
from s3plan.executors.run import scheduler

from fakes.disk_shim import Disk, DiskFault
from fakes.later_second import wait_no_more

_OFTEN_S = 0.01


def serve(setup: Mapping[str, str]) -> None:
    files = Path(setup["files"])
    for line in sys.stdin:
        request = json.loads(line)
        if "poll" in request:
            print(json.dumps({"exit_code": _poll(request["poll"])}), flush=True)
            continue
        counts = files / "counts"
        counts.unlink(missing_ok=True)
        pid = os.fork()
        if pid == 0:
            _be_the_command(setup, request, counts)
        if request["is_left_running"]:
            print(json.dumps({"pid": pid}), flush=True)
            continue
        _, status = os.waitpid(pid, 0)
        told = {"exit_code": os.waitstatus_to_exitcode(status)}
        if counts.exists():
            told |= json.loads(counts.read_text())
        print(json.dumps(told), flush=True)


def _poll(pid: int) -> int | None:
    """Return how a command that was left running has ended; None: it has not. To be asked until it is answered."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _be_the_command(setup: Mapping[str, str], request: Mapping[str, Any], counts: Path) -> NoReturn:
    code = 99
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as s3plan.__main__ does until the command is imported
    try:
        signal.alarm(request["timeout_s"])
        os.chdir(request["folder"])
        if request["environment"] is not None:
            os.environ.clear()
            os.environ.update(request["environment"])
        for name, descriptor in (("stdout", 1), ("stderr", 2)):
            opened = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(opened, descriptor)
            os.close(opened)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        told = request["circumstances"]
        commits = _Commits(told["killed_at_commit"], is_before=told["before_commit"])
        commits.count_those_of_journals()
        if told["flush_every"] is not None:
            recorder.FLUSH_EVERY_OUTCOMES = told["flush_every"]
            scheduler._WAIT_S = _OFTEN_S
        if told["is_server_later"]:
            wait_no_more()
        if told["without_flock"]:
            fcntl.flock = _no_flock  # type: ignore[assignment]
        disk = _disk_of(setup, told["disk_fault"], log=told["disk_log"])
        sys.argv = ["s3plan", *request["words"]]
        sys.modules["__main__"] = command  # what a worker process is told to be a worker of
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = main(request["words"])
        found = {} if disk is None else {"disk_changes": disk.changes, "failed": disk.failed}
        counts.write_text(json.dumps({"commits": commits.seen, **found}))
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:  # noqa: BLE001  shown, and seen by the test
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _disk_of(setup: Mapping[str, str], fault: Mapping[str, Any] | None, *, log: str | None) -> Disk | None:
    if not setup["shim"]:
        return None
    disk = Disk(setup["shim"])
    disk.watch(Path(setup["watched"]), DiskFault(**(fault or {})), log=None if log is None else Path(log))
    return disk


def _no_flock(descriptor: int, operation: int) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


class _Commits:
    """Counts the commits of journals, and ends the process at one of them."""

    def __init__(self, kill_at: int, *, is_before: bool) -> None:
        self.seen = 0
        self._kill_at = kill_at
        self._is_before = is_before

    def count_those_of_journals(self) -> None:
        commits, connect = self, sqlite3.connect

        class Counting(sqlite3.Connection):
            def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
                if statement != "COMMIT":
                    return super().execute(statement, *values)
                commits.seen += 1
                commits.strike(is_before=True)
                cursor = super().execute(statement, *values)
                commits.strike(is_before=False)
                return cursor

        def counting(database: Any, *values: Any, **more: Any) -> sqlite3.Connection:
            if ".s3run" in str(database):
                more["factory"] = Counting
            opened: sqlite3.Connection = connect(database, *values, **more)
            return opened

        sqlite3.connect = counting  # type: ignore[assignment]

    def strike(self, *, is_before: bool) -> None:
        if self.seen == self._kill_at and is_before is self._is_before:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
