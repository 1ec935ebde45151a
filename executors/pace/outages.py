"""Which places do not answer: a circuit breaker for each, so that an outage concerns only what asks there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from s3plan.executors.pace.circuit_breaker import CircuitBreaker, SendProbe
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.plan.places import Place


class Outages:
    """Used from the scheduler's thread. `probes` has a probe for each place that may be asked."""

    def __init__(self, probes: Mapping[Place, SendProbe], *, clock: Callable[[], float]) -> None:
        self._probes = probes
        self._clock = clock
        self._breakers: dict[Place, CircuitBreaker] = {}  # of places that something has failed at

    @property
    def down(self) -> frozenset[Place]:
        """The places of which nothing should be asked."""
        return frozenset(place for place, breaker in self._breakers.items() if breaker.is_open)

    @property
    def have_lasted_too_long(self) -> bool:
        """Whether places are down, and each has been for so long that waiting for it is no use."""
        open_ones = [breaker for breaker in self._breakers.values() if breaker.is_open]
        return bool(open_ones) and all(breaker.has_given_up for breaker in open_ones)

    def is_down(self, place: Place) -> bool:
        """Return whether nothing should be asked there."""
        breaker = self._breakers.get(place)
        return breaker is not None and breaker.is_open

    def outage_s(self, place: Place) -> float:
        """Return for how long a place has been down; 0 if it is not."""
        breaker = self._breakers.get(place)
        return 0.0 if breaker is None else breaker.outage_s

    def note_failure(self, place: Place, failure: FailureKind) -> None:
        """Take note of how a request to a place failed; most failures show that it answers."""
        breaker = self._breakers.get(place)
        if breaker is None:
            breaker = self._breakers[place] = CircuitBreaker(self._probes[place], clock=self._clock)
        breaker.note(failure)

    def note_answers(self, places: Iterable[Place]) -> None:
        """Take note that all these places have answered, or were not needed."""
        if not self._breakers:
            return
        for place in places:
            breaker = self._breakers.get(place)
            if breaker is not None:
                breaker.note(None)

    def look(self) -> None:
        """Send the probes whose time has come, and take the answers to the last ones."""
        for breaker in self._breakers.values():
            breaker.look()
