"""How fast a run may go: the manifest's rate and bandwidth, and at each place what a throttling store leaves of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

from s3plan.executors.lease import Lease
from s3plan.executors.pace.place_pace import PlacePace
from s3plan.executors.pace.tuning import InFlightTuner
from s3plan.schemas.plan.places import Place

_MEASURE_OVER_S = 1.0
_TUNE_EVERY_S = 0.4


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast requests may follow each other at the moment; None: as fast as they can.

    `rate_per_s` and bandwidth are of all together; `at` has what holds at single places besides.
    """

    rate_per_s: float | None = None
    bandwidth_bytes_per_s: float | None = None
    at: Mapping[Place, float] = field(default_factory=dict)

    def rate_at(self, place: Place) -> float | None:
        """Return how many requests a second may go to a place."""
        limits = [rate for rate in (self.rate_per_s, self.at.get(place)) if rate is not None]
        return min(limits) if limits else None

    def divided(self, shares: int, *, at: Mapping[Place, int] | None = None) -> Pace:
        """Return the pace of one of so many that send side by side; `at` says how many of them ask a place."""
        return Pace(
            None if self.rate_per_s is None else self.rate_per_s / shares,
            None if self.bandwidth_bytes_per_s is None else self.bandwidth_bytes_per_s / shares,
            {place: rate / (shares if at is None else max(at.get(place, 1), 1)) for place, rate in self.at.items()},
        )


class RunControl:
    """The Control of one process: shared by its batches, changed by the scheduler. Safe to use from any thread.

    The rate and the bandwidth of the run are one for all places; a store that throttles slows down the requests that go
    to its place, and no other. With a `tuner` the number of requests under way follows what latency makes worth while.

    Where other processes send the requests, each has a RunControl that keeps to its share of this one's `pace`.

    `lease` is None where nobody can take the plan over. While it is not sure the control is in doubt, once it
    is lost abandoned.
    """

    def __init__(
        self,
        *,
        in_flight: int,
        rate_per_s: float | None = None,
        bandwidth_bytes_per_s: float | None = None,
        tuner: InFlightTuner | None = None,
        clock: Callable[[], float] = monotonic,
        lease: Lease | None = None,
    ) -> None:
        self.lease = lease
        self._clock = clock
        self._in_flight = in_flight if tuner is None else tuner.in_flight
        self._tuner = tuner
        self._own_rate_per_s = rate_per_s
        self._bandwidth_bytes_per_s = bandwidth_bytes_per_s
        self._lock = Lock()
        self._stopping = False
        self._held: frozenset[Place] = frozenset()
        self._abandoned = False
        self._places: dict[Place, PlacePace] = {}
        self._next_request_at_s = 0.0
        self._next_byte_at_s = 0.0
        self._window_s = _MEASURE_OVER_S if tuner is None else _TUNE_EVERY_S
        self._window_began_s = clock()
        self._window_requests = 0

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @property
    def stopping(self) -> bool:
        return self._stopping or (self.lease is not None and self.lease.is_lost)

    @property
    def abandoned(self) -> bool:
        return self._abandoned or (self.lease is not None and self.lease.is_lost)

    @property
    def in_doubt(self) -> bool:
        return self.lease is not None and not self.lease.is_sure

    @property
    def is_throttled(self) -> bool:
        """Whether a store has asked us to slow down and the rate is not yet back."""
        with self._lock:
            return self._is_throttled(self._clock())

    @property
    def requests(self) -> int:
        """How many requests have been sent so far."""
        return sum(self.requests_at().values())

    def requests_at(self) -> dict[Place, int]:
        """Return how many requests have been sent so far, by place."""
        with self._lock:
            return {place: asked.requests for place, asked in self._places.items()}

    def pace(self) -> Pace:
        """Return the rates that hold now, what throttling stores leave of them included."""
        with self._lock:
            now_s = self._clock()
            rates = {place: asked.rate_per_s(now_s) for place, asked in self._places.items() if asked.is_limited}
            at = {place: rate for place, rate in rates.items() if rate is not None}
            return Pace(self._own_rate_per_s, self._bandwidth_bytes_per_s, at)

    def keep_to(self, pace: Pace) -> None:
        """Take other rates than before."""
        with self._lock:
            self._own_rate_per_s = pace.rate_per_s
            self._bandwidth_bytes_per_s = pace.bandwidth_bytes_per_s
            for place in pace.at.keys() | self._places.keys():
                self._at(place).given_per_s = pace.at.get(place)

    def allow(self, in_flight: int) -> None:
        """Take another number of requests under way than before."""
        self._in_flight = in_flight

    def note_requests(self, place: Place, requests: int) -> None:
        """Take note of requests that others have sent to a place under this control."""
        with self._lock:
            self._count(self._at(place), self._clock(), requests)

    def stop(self) -> None:
        """Take no new action."""
        self._stopping = True

    def go_on(self) -> None:
        """Take new actions again, if nothing was abandoned; only once all batches that were to stop have ended."""
        self._stopping = self._abandoned

    def hold(self, places: frozenset[Place]) -> None:
        """Let batches that ask one of these places take no new action, and all others go on."""
        self._held = places

    @property
    def held(self) -> frozenset[Place]:
        """The places that are held."""
        return self._held

    def holds(self, places: frozenset[Place]) -> bool:
        return not self._held.isdisjoint(places)

    def abandon(self) -> None:
        """Stop now."""
        self._stopping = True
        self._abandoned = True

    def slow_down(self, place: Place) -> None:
        """Take note that the store at a place refused a request because there are too many."""
        with self._lock:
            now_s = self._clock()
            self._at(place).slow_down(now_s, elapsed_s=now_s - self._window_began_s)

    def reserve(self, place: Place, *, size_bytes: int) -> float:
        """Take the turn of one request to a place, and that many bytes; return the seconds to wait before sending."""
        with self._lock:
            now_s = self._clock()
            asked = self._at(place)
            self._count(asked, now_s, 1)
            wait_s = asked.take_turn(now_s) if asked.is_limited else 0.0
            if self._own_rate_per_s is not None:
                due_s = max(self._next_request_at_s, now_s)
                self._next_request_at_s = due_s + 1.0 / self._own_rate_per_s
                wait_s = max(wait_s, due_s - now_s)
            if self._bandwidth_bytes_per_s and size_bytes:
                due_s = max(self._next_byte_at_s, now_s)
                self._next_byte_at_s = due_s + size_bytes / self._bandwidth_bytes_per_s
                wait_s = max(wait_s, due_s - now_s)
            return wait_s

    def _is_throttled(self, now_s: float) -> bool:
        return any(asked.is_throttled(now_s) for asked in self._places.values())

    def _at(self, place: Place) -> PlacePace:
        asked = self._places.get(place)
        if asked is None:
            asked = self._places[place] = PlacePace(now_s=self._clock())
        return asked

    def _count(self, asked: PlacePace, now_s: float, requests: int) -> None:
        asked.requests += requests
        self._window_requests += requests
        elapsed_s = now_s - self._window_began_s
        if elapsed_s < self._window_s:
            return
        for each in self._places.values():
            each.roll(elapsed_s)
        if self._tuner is not None and not self._is_throttled(now_s):
            self._in_flight = self._tuner.observe(self._window_requests / elapsed_s)
        self._window_began_s, self._window_requests = now_s, 0
