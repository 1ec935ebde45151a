"""Whether a run is held back: by somebody who asked for a pause, or because the store does not answer.

Held back, it lets the batches under way end what they have begun, as for a stop, and starts no other.
"""

from __future__ import annotations

from collections.abc import Callable

from s3plan.executors.pace.circuit_breaker import CircuitBreaker
from s3plan.executors.pace.pacing import RunControl
from s3plan.schemas.events import OnEvent, Warned
from s3plan.schemas.run_states import RunState, Wish


class Hold:
    """`tell` is called with PAUSED once nothing is under way any more, with RUNNING when the run goes on."""

    def __init__(
        self,
        control: RunControl,
        breaker: CircuitBreaker,
        *,
        wish: Callable[[], Wish],
        tell: Callable[[RunState], None],
        on_event: OnEvent,
    ) -> None:
        self._control = control
        self._breaker = breaker
        self._wish = wish
        self._tell = tell
        self._on_event = on_event
        self._outage_s = 0.0
        self._is_paused = False
        self.is_held = False

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked the run to end."""
        return self._wish() is Wish.CANCEL

    @property
    def has_given_up(self) -> bool:
        """Whether the store has not answered for so long that the run should end."""
        return self._breaker.has_given_up

    def update(self, *, is_idle: bool) -> bool:
        """Return whether no batch may be started now; `is_idle` is whether none is under way."""
        self._breaker.look()
        self._tell_outage()
        is_pause_wished = self._wish() is Wish.PAUSE
        if (is_pause_wished or self._breaker.is_open) and not self.is_held:
            self.is_held = True
            self._control.stop()
        elif not (is_pause_wished or self._breaker.is_open) and self.is_held and is_idle:
            self.is_held = False
            self._control.go_on()
        self._tell_pause(is_paused=is_pause_wished and is_idle)
        return self.is_held

    def _tell_pause(self, *, is_paused: bool) -> None:
        if is_paused is not self._is_paused:
            self._is_paused = is_paused
            self._tell(RunState.PAUSED if is_paused else RunState.RUNNING)

    def _tell_outage(self) -> None:
        lasted_s, self._outage_s = self._outage_s, self._breaker.outage_s
        if self._breaker.is_open and lasted_s == 0:
            self._outage_s = max(self._outage_s, 1e-9)
            self._on_event(Warned("the store does not answer: nothing more is sent until it does"))
        elif lasted_s and not self._breaker.is_open:
            self._on_event(Warned(f"the store answers again, after {lasted_s:.0f} s"))
