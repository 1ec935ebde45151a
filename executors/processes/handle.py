"""One worker process as its parent sees it: how it is started, spoken to, listened to and reaped."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import spawn
from multiprocessing.connection import Connection

from s3plan.executors.workers.messages import FromWorker, Setup, Share, ToWorker, receive, send
from s3plan.executors.workers.terminal_signals import terminal_signals_blocked
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.redaction import redact
from s3plan.schemas.tasks import BatchTask

# Neither a module's name nor a file: what is `__main__` here is no business of the worker's, and modules are found
# there as they are found here, however this process came by its sys.path.
_BOOTSTRAP = """\
import sys
from multiprocessing.connection import Connection
connection = Connection(int(sys.argv[1]))
sys.path[:] = connection.recv()
from s3plan.executors.processes.worker import serve
serve(connection)
"""
_LEAVES_WITHIN_S = 2.0
_WORDS_KEPT = 4096  # bytes


class WorkerHandle:
    """Starts a worker process; `end` must be called. Used from one thread.

    `running` holds the batches that it has been given and has not ended, by id.
    """

    def __init__(self, number: int, setup: Setup) -> None:
        """Raise S3PlanError if the system gives us no process."""
        self.number = number
        self.is_ready = False
        self.running: dict[int, BatchTask] = {}
        self._share = setup.share
        self._words = b""
        self._is_silent = False
        self._is_mute = False
        try:
            self._connection, theirs = multiprocessing.Pipe()
            with theirs:  # closed here: held open by us it would never end when the worker is gone
                self._process = _start(theirs)
        except OSError as error:
            raise S3PlanError(f"a worker process cannot be started: {error}; choose fewer workers") from error
        stdout = self._process.stdout
        if stdout is None:
            raise AssertionError("subprocess made no pipe")
        self._stdout = stdout
        os.set_blocking(stdout.fileno(), False)
        with suppress(OSError):  # it is gone already: has_ended tells
            self._connection.send(sys.path)
        self._send(setup)

    @property
    def pid(self) -> int:
        """The system's number of the process."""
        return self._process.pid

    def sources(self) -> list[int]:
        """Return the descriptors to wait for: one that is ready has something to read, or its end."""
        found = [self._connection.fileno()]
        return found if self._is_mute else [*found, self._stdout.fileno()]

    def start(self, task: BatchTask) -> None:
        """Give it a batch."""
        self.running[task.batch_id] = task
        self._send(task)

    def allow(self, share: Share) -> None:
        """Tell it what it may do, if that has changed."""
        if share != self._share:
            self._share = share
            self._send(share)

    def messages(self) -> Iterator[FromWorker]:
        """Yield what it has said since; what it said before it died comes whole, or not at all."""
        if not self._is_mute:
            self._hear_words()
        try:
            while not self._is_silent and self._connection.poll():
                message = receive(self._connection)
                if isinstance(message, Setup | Share | BatchTask):
                    raise TypeError(f"a worker sent {type(message).__name__}")
                yield message
        except (EOFError, OSError):
            self._is_silent = True

    def has_ended(self) -> bool:
        """Whether the process is gone; all that it said is heard if this is asked before `messages`."""
        return self._process.poll() is not None

    @property
    def is_silent(self) -> bool:
        """Whether `messages` has come to the end of its pipe: it is gone, or about to be."""
        return self._is_silent

    def end(self) -> None:
        """Make it leave, at once whatever it does; returns when it has. May be called again."""
        self._connection.close()
        try:
            self._process.wait(_LEAVES_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if not self._stdout.closed:
            if not self._is_mute:
                self._hear_words()
            self._stdout.close()

    def how_it_ended(self) -> str:
        """Return a clause about the end of a process that is gone."""
        code = self._process.returncode
        if code is None or code >= 0:
            said = self.last_words(lines=1)
            return f"its process ended with exit code {code}" + (f": {said}" if said else "")
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"its process was killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")

    def last_words(self, *, lines: int) -> str:
        """Return the end of what it wrote to standard output and error, free of secrets."""
        words = redact(self._words.decode("utf-8", "backslashreplace"))
        return "\n".join(words.strip().splitlines()[-lines:])

    def _send(self, message: ToWorker) -> None:
        with suppress(OSError):  # it is gone: has_ended tells
            send(self._connection, message)

    def _hear_words(self) -> None:
        """Take what it wrote: unread, it would fill the pipe and hold the worker up."""
        with suppress(BlockingIOError):
            while chunk := os.read(self._stdout.fileno(), 65_536):
                words = self._words + chunk
                if len(words) > _WORDS_KEPT:  # from a whole line on: the rest of a secret looks like none
                    words = words[-_WORDS_KEPT:].partition(b"\n")[2]
                self._words = words
            self._is_mute = True


def _start(theirs: Connection) -> subprocess.Popen[bytes]:
    """Start an interpreter like this one; never a fork: threads and engines would not survive it."""
    executable = os.fsdecode(spawn.get_executable() or "")
    if not executable:
        raise S3PlanError(
            "worker processes cannot be started: this program does not know its Python interpreter; "
            "call multiprocessing.set_executable, or choose executor: threads"
        )
    flags = sys.flags
    isolation = [("-I", flags.isolated), ("-E", flags.ignore_environment), ("-s", flags.no_user_site)]
    words = [word for word, is_set in isolation if is_set]
    # Blocked until the worker ignores them: a Ctrl-C must not reach an interpreter that has not got that far.
    with terminal_signals_blocked():
        return subprocess.Popen(  # noqa: S603  our own words
            [executable, *words, "-P", "-c", _BOOTSTRAP, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # never on the screen, nor in --json
            stderr=subprocess.STDOUT,
            bufsize=0,
            pass_fds=[theirs.fileno()],
        )
