"""What is held back: the run, by somebody who asked for a pause, or what asks a place that does not answer.

Held back, batches under way end what they have begun, as for a stop, and no other is started.
"""

from __future__ import annotations

from collections.abc import Callable

from s3plan.executors.pace.outages import Outages
from s3plan.executors.pace.pacing import RunControl
from s3plan.schemas.events import OnEvent, Warned
from s3plan.schemas.plan.places import Place
from s3plan.schemas.run_states import RunState, Wish


class Hold:
    """`tell` is called with PAUSED once nothing is under way any more, with RUNNING when the run goes on."""

    def __init__(
        self,
        control: RunControl,
        outages: Outages,
        *,
        wish: Callable[[], Wish],
        tell: Callable[[RunState], None],
        on_event: OnEvent,
    ) -> None:
        self._control = control
        self._outages = outages
        self._wish = wish
        self._tell = tell
        self._on_event = on_event
        self._told: dict[Place, tuple[str, float]] = {}  # what is down: in which words that was told, for how long
        self._held: frozenset[Place] = frozenset()
        self._is_paused = False
        self.is_pausing = False  # the whole run

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked the run to end."""
        return self._wish() is Wish.CANCEL

    @property
    def has_outage(self) -> bool:
        """Whether what asks some place is held back."""
        return bool(self._held)

    @property
    def is_outage_too_long(self) -> bool:
        """Whether no place that is down has answered for so long that the run should end if it is all that is left."""
        return self._outages.have_lasted_too_long

    def holds(self, places: frozenset[Place]) -> bool:
        """Return whether a batch that asks these places may not be started, and whether it has to stop."""
        return self.is_pausing or not self._held.isdisjoint(places)

    def update(self, busy: frozenset[Place], *, goes_on: Callable[[], bool]) -> None:
        """Look at what holds now; `busy` are the places that batches under way ask.

        What was told to stop goes on only when nothing is under way there any more: else nobody could say which batch
        has heard of it. `goes_on` says whether the run has anything to do that is not held.
        """
        self._outages.look()
        down = self._outages.down
        held = down | (self._held & busy)
        if held != self._held:
            self._held = held
            self._control.hold(held)
        self._tell_outages(down, goes_on)
        is_pause_wished = self._wish() is Wish.PAUSE
        if is_pause_wished and not self.is_pausing:
            self.is_pausing = True
            self._control.stop()
        elif not is_pause_wished and self.is_pausing and not busy:
            self.is_pausing = False
            self._control.go_on()
        self._tell_pause(is_paused=is_pause_wished and not busy)

    def _tell_pause(self, *, is_paused: bool) -> None:
        if is_paused is not self._is_paused:
            self._is_paused = is_paused
            self._tell(RunState.PAUSED if is_paused else RunState.RUNNING)

    def _tell_outages(self, down: frozenset[Place], goes_on: Callable[[], bool]) -> None:
        for place in sorted(self._told.keys() - down, key=str):
            store, lasted_s = self._told.pop(place)
            self._on_event(Warned(f"{store} answers again, after {lasted_s:.0f} s"))
        for place in sorted(down, key=str):
            if place in self._told:
                self._told[place] = (self._told[place][0], self._outages.outage_s(place))
            elif goes_on():
                self._told[place] = (f"the store at {place}", 0.0)
                self._on_event(Warned(f"the store at {place} does not answer: what asks it waits, the rest goes on"))
            else:
                self._told[place] = ("the store", 0.0)
                self._on_event(Warned("the store does not answer: nothing more is sent until it does"))
