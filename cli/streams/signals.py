"""Ctrl-C, SIGTERM, and SIGHUP: the terminal is gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

from s3plan.schemas.errors import ExitCode
from s3plan.schemas.run_states import StopLevel

_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_EXIT_CODES = {
    signal.SIGINT: ExitCode.INTERRUPTED,
    signal.SIGTERM: ExitCode.TERMINATED,
    signal.SIGHUP: ExitCode.HUNG_UP,
}
_OUTPUTS = (1, 2)  # the descriptors of standard output and standard error


class Stopped(BaseException):
    """A signal ends the command at once. Not an Exception, so that nothing takes it for a failure."""

    def __init__(self, exit_code: ExitCode) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Let these signals raise Stopped, so that what is open is cleaned up; a second signal kills."""

    def stop(number: int, _frame: FrameType | None) -> None:
        _let_the_next_one_kill()
        raise Stopped(_EXIT_CODES[signal.Signals(number)])

    with _handling(stop):
        yield


class StopSignals:
    """Turns signals into a stop level while it is entered: the first drains, the second abandons, the third kills.

    A handler may interrupt anything, a print too, so it only notes what came; `level`, which the run asks for a few
    times a second, announces it.
    """

    def __init__(self, announce: Callable[[StopLevel], None]) -> None:
        self._announce = announce
        self._announced = StopLevel.NONE
        self._level = StopLevel.NONE
        self._first: signal.Signals | None = None
        self._handlers = _handling(self._note)

    def __enter__(self) -> Self:
        self._handlers.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handlers.__exit__(kind, error, trace)

    @property
    def exit_code(self) -> ExitCode:
        """What an interrupted run ends with: by the first signal that came."""
        return _EXIT_CODES[self._first or signal.SIGINT]

    def level(self) -> StopLevel:
        """Return what was asked for so far."""
        level = self._level
        if level is not self._announced:
            self._announced = level
            self._announce(level)
        return level

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self._level is StopLevel.NONE:
            self._first = signal.Signals(number)
            self._level = StopLevel.DRAIN
            return
        self._level = StopLevel.ABANDON
        _let_the_next_one_kill()


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Install a handler; a signal that is ignored stays so, as for a job in a shell's background or under nohup."""
    terminals = [descriptor for descriptor in _OUTPUTS if os.isatty(descriptor)]

    def handle(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            _leave(terminals)
        handler(number, frame)

    before = {number: signal.getsignal(number) for number in _HANDLED}
    try:
        for number, found in before.items():
            if found is not signal.SIG_IGN:
                signal.signal(number, handle)
        yield
    finally:
        for number, found in before.items():
            if found is not None:
                signal.signal(number, found)


def _let_the_next_one_kill() -> None:
    for each in _HANDLED:
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, signal.SIG_DFL)


def _leave(terminals: Sequence[int]) -> None:
    """Let what is still printed go nowhere: each write to a terminal that is gone is an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in terminals:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
