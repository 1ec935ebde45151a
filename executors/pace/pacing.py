"""How fast a run may go: the manifest's rate and bandwidth, and what a throttling store leaves of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from s3plan.executors.lease import Lease
from s3plan.executors.pace.tuning import InFlightTuner

_SLOW_DOWN_EVERY_S = 1.0  # many refusals in one second are one signal
_DEEP_SHARE = 1 / 32  # of the rate before: from there on the rate falls more slowly, so that it is back sooner
_SLOW_DOWN_DEEP_EVERY_S = 5.0
_SPEED_UP_EVERY_S = 1.0
_SPEED_UP_BY = 1.15
_MOST_STEPS = 100  # a factor of a million: enough for any rate, and no overflow after a long silence
_MEASURE_OVER_S = 1.0
_TUNE_EVERY_S = 0.4
_LEAST_PER_S = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast requests may follow each other at the moment; None: as fast as they can."""

    rate_per_s: float | None = None
    bandwidth_bytes_per_s: float | None = None

    def divided(self, shares: int) -> Pace:
        """Return the pace of one of so many that send side by side."""
        return Pace(
            None if self.rate_per_s is None else self.rate_per_s / shares,
            None if self.bandwidth_bytes_per_s is None else self.bandwidth_bytes_per_s / shares,
        )


class RunControl:
    """The Control of one process: shared by its batches, changed by the scheduler. Safe to use from any thread.

    Throttling halves the request rate, at most once a second (every five once it is low), and raises it again by 15 %
    each quiet second, up to where it was before the storm; then the limit is lifted. With a `tuner` the number of
    requests under way follows
    what the store's latency makes worth while.

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
        self._abandoned = False
        self._throttled_rate_per_s: float | None = None
        self._rate_before_per_s = 0.0
        self._slowed_at_s = clock() - _SLOW_DOWN_EVERY_S
        self._quiet_since_s = 0.0  # the last refusal, or the last time that the rate was raised since
        self._next_request_at_s = 0.0
        self._next_byte_at_s = 0.0
        self._window_began_s = clock()
        self._window_requests = 0
        self._measured_per_s = 0.0
        self._requests = 0

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
        """Whether the store has asked us to slow down and the rate is not yet back."""
        return self._throttled_rate_per_s is not None

    @property
    def requests(self) -> int:
        """How many requests have been sent so far."""
        return self._requests

    def pace(self) -> Pace:
        """Return the rates that hold now, what a throttling store leaves of them included."""
        with self._lock:
            return Pace(self._rate_now(self._clock()), self._bandwidth_bytes_per_s)

    def keep_to(self, pace: Pace) -> None:
        """Take other rates than before."""
        with self._lock:
            self._own_rate_per_s = pace.rate_per_s
            self._bandwidth_bytes_per_s = pace.bandwidth_bytes_per_s

    def allow(self, in_flight: int) -> None:
        """Take another number of requests under way than before."""
        self._in_flight = in_flight

    def note_requests(self, requests: int) -> None:
        """Take note of requests that others have sent under this control."""
        with self._lock:
            self._count(self._clock(), requests)

    def stop(self) -> None:
        """Take no new action."""
        self._stopping = True

    def go_on(self) -> None:
        """Take new actions again, if nothing was abandoned; only once all batches that were to stop have ended."""
        self._stopping = self._abandoned

    def abandon(self) -> None:
        """Stop now."""
        self._stopping = True
        self._abandoned = True

    def slow_down(self) -> None:
        """Take note that the store refused a request because there are too many."""
        with self._lock:
            now_s = self._clock()
            self._quiet_since_s = now_s
            if now_s - self._slowed_at_s < self._pause_between_s():
                return
            self._slowed_at_s = now_s
            if self._throttled_rate_per_s is None:
                self._rate_before_per_s = max(self._measured_rate(now_s), 2 * _LEAST_PER_S)
                self._throttled_rate_per_s = self._rate_before_per_s
            self._throttled_rate_per_s = max(_LEAST_PER_S, self._throttled_rate_per_s / 2)
            self._next_request_at_s = now_s

    def _pause_between_s(self) -> float:
        """Return how long a slowed rate is given to show its effect."""
        rate_per_s = self._throttled_rate_per_s
        is_deep = rate_per_s is not None and rate_per_s <= self._rate_before_per_s * _DEEP_SHARE
        return _SLOW_DOWN_DEEP_EVERY_S if is_deep else _SLOW_DOWN_EVERY_S

    def reserve(self, *, size_bytes: int) -> float:
        """Take one request's turn and that many bytes; return the seconds to wait before sending."""
        with self._lock:
            now_s = self._clock()
            self._count(now_s, 1)
            rate_per_s = self._rate_now(now_s)
            wait_s = 0.0
            if rate_per_s is not None:
                due_s = max(self._next_request_at_s, now_s)
                self._next_request_at_s = due_s + 1.0 / rate_per_s
                wait_s = due_s - now_s
            if self._bandwidth_bytes_per_s and size_bytes:
                due_s = max(self._next_byte_at_s, now_s)
                self._next_byte_at_s = due_s + size_bytes / self._bandwidth_bytes_per_s
                wait_s = max(wait_s, due_s - now_s)
            return wait_s

    def _count(self, now_s: float, requests: int) -> None:
        self._requests += requests
        self._window_requests += requests
        elapsed_s = now_s - self._window_began_s
        if elapsed_s >= (_MEASURE_OVER_S if self._tuner is None else _TUNE_EVERY_S):
            self._measured_per_s = self._window_requests / elapsed_s
            if self._tuner is not None and self._throttled_rate_per_s is None:
                self._in_flight = self._tuner.observe(self._measured_per_s)
            self._window_began_s, self._window_requests = now_s, 0

    def _measured_rate(self, now_s: float) -> float:
        elapsed_s = max(now_s - self._window_began_s, 0.1)
        return max(self._measured_per_s, self._window_requests / elapsed_s)

    def _rate_now(self, now_s: float) -> float | None:
        throttled = self._throttled_rate_per_s
        if throttled is not None:
            quiet_steps = int((now_s - self._quiet_since_s) / _SPEED_UP_EVERY_S)
            if quiet_steps > 0:
                throttled *= _SPEED_UP_BY ** min(quiet_steps, _MOST_STEPS)
                self._quiet_since_s += quiet_steps * _SPEED_UP_EVERY_S
                self._throttled_rate_per_s = throttled if throttled < self._rate_before_per_s else None
        limits = [rate for rate in (self._own_rate_per_s, self._throttled_rate_per_s) if rate is not None]
        return min(limits) if limits else None
