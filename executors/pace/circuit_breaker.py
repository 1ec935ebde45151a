"""Notices that a store has stopped answering, and waits until it does, so that an outage fails no action.

Failures in a row open it (https://martinfowler.com/bliki/CircuitBreaker.html): nothing is begun then, and what fails
meanwhile costs no action one of its tries. A probe, sent at once and then after growing pauses, closes it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from s3plan.schemas.failures import FailureKind

SendProbe = Callable[[Callable[[bool], None]], None]
"""Sends a request that changes nothing, and tells, later and from any thread, whether the store answered it."""

_OPENS_AFTER = 10  # failures in a row
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_GIVES_UP_AFTER_S = 600.0


class _State(StrEnum):
    CLOSED = "closed"
    WAITING = "waiting"  # for the next probe's turn
    PROBING = "probing"


class CircuitBreaker:
    """One endpoint's. Used from the scheduler's thread; only a probe's answer comes from another."""

    def __init__(self, send_probe: SendProbe, *, clock: Callable[[], float]) -> None:
        self._send_probe = send_probe
        self._clock = clock
        self._state = _State.CLOSED
        self._failures_in_a_row = 0
        self._answer: bool | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._due_s = 0.0
        self._opened_at_s = 0.0

    @property
    def is_open(self) -> bool:
        """Whether nothing should be begun."""
        return self._state is not _State.CLOSED

    @property
    def outage_s(self) -> float:
        """For how long it has been open; 0 if it is closed."""
        return self._clock() - self._opened_at_s if self.is_open else 0.0

    @property
    def has_given_up(self) -> bool:
        """Whether the outage has lasted so long that waiting for its end is no use."""
        return self.outage_s >= _GIVES_UP_AFTER_S

    def note(self, failure: FailureKind | None) -> None:
        """Take note of how a request, or an action, ended; None if the store answered as it should."""
        if self.is_open:
            return
        is_counted = failure is not None and failure.is_of_endpoint
        self._failures_in_a_row = self._failures_in_a_row + 1 if is_counted else 0
        if self._failures_in_a_row >= _OPENS_AFTER:
            self._state = _State.WAITING
            self._opened_at_s = self._due_s = self._clock()
            self._pause_s = _FIRST_PAUSE_S

    def look(self) -> None:
        """Send a probe if its time has come, and take the answer of the last one."""
        if self._state is _State.PROBING and self._answer is not None:
            self._take(is_answered=self._answer)
        if self._state is _State.WAITING and self._clock() >= self._due_s:
            self._state, self._answer = _State.PROBING, None
            self._send_probe(self._receive)

    def _receive(self, is_answered: bool) -> None:  # noqa: FBT001
        self._answer = is_answered

    def _take(self, *, is_answered: bool) -> None:
        if is_answered:
            self._state, self._failures_in_a_row = _State.CLOSED, 0
            return
        self._state = _State.WAITING
        self._due_s = self._clock() + self._pause_s
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
