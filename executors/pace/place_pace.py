"""How fast one place may be asked: what a throttling store leaves, or what others have left of it."""

from __future__ import annotations

_SLOW_DOWN_EVERY_S = 1.0  # many refusals in one second are one signal
_DEEP_SHARE = 1 / 32  # of the rate before: from there on the rate falls more slowly, so that it is back sooner
_SLOW_DOWN_DEEP_EVERY_S = 5.0
_SPEED_UP_EVERY_S = 1.0
_SPEED_UP_BY = 1.15
_MOST_STEPS = 100  # a factor of a million: enough for any rate, and no overflow after a long silence
_LEAST_PER_S = 1.0


class PlacePace:
    """Of one place, in one process. Not thread-safe: its control has a lock. All times are of one clock, in seconds.

    Throttling halves the rate, at most once a second (every five once it is low), and raises it again by 15 % each
    quiet second, up to where it was before the storm; then the limit is lifted.
    """

    __slots__ = (
        "_before_per_s",
        "_measured_per_s",
        "_next_at_s",
        "_quiet_since_s",
        "_rolled_at",
        "_slowed_at_s",
        "_throttled_per_s",
        "given_per_s",
        "requests",
    )

    def __init__(self, *, now_s: float) -> None:
        self.requests = 0
        self.given_per_s: float | None = None  # its share of a rate that is kept elsewhere
        self._rolled_at = 0
        self._measured_per_s = 0.0
        self._throttled_per_s: float | None = None
        self._before_per_s = 0.0
        self._slowed_at_s = now_s - _SLOW_DOWN_EVERY_S
        self._quiet_since_s = 0.0  # the last refusal, or the last time that the rate was raised since
        self._next_at_s = 0.0

    def is_throttled(self, now_s: float) -> bool:
        """Whether the store has asked us to slow down and the rate is not yet back."""
        if self._throttled_per_s is not None:
            self.rate_per_s(now_s)  # it comes back with time, also where nothing is asked any more
        return self._throttled_per_s is not None

    @property
    def is_limited(self) -> bool:
        """Whether requests have to wait for their turn."""
        return self._throttled_per_s is not None or self.given_per_s is not None

    def roll(self, elapsed_s: float) -> None:
        """End an interval in which requests were counted, and measure it."""
        self._measured_per_s = (self.requests - self._rolled_at) / elapsed_s
        self._rolled_at = self.requests

    def slow_down(self, now_s: float, *, elapsed_s: float) -> None:
        """Take note of a refusal; `elapsed_s` is how long the interval has lasted that is not yet measured."""
        self._quiet_since_s = now_s
        if now_s - self._slowed_at_s < self._pause_between_s():
            return
        self._slowed_at_s = now_s
        if self._throttled_per_s is None:
            fresh_per_s = (self.requests - self._rolled_at) / max(elapsed_s, 0.1)
            self._before_per_s = max(self._measured_per_s, fresh_per_s, 2 * _LEAST_PER_S)
            self._throttled_per_s = self._before_per_s
        self._throttled_per_s = max(_LEAST_PER_S, self._throttled_per_s / 2)
        self._next_at_s = now_s

    def rate_per_s(self, now_s: float) -> float | None:
        """Return how many requests a second may follow each other now; None: as many as can."""
        throttled = self._throttled_per_s
        if throttled is None:
            return self.given_per_s
        quiet_steps = int((now_s - self._quiet_since_s) / _SPEED_UP_EVERY_S)
        if quiet_steps > 0:
            throttled *= _SPEED_UP_BY ** min(quiet_steps, _MOST_STEPS)
            self._quiet_since_s += quiet_steps * _SPEED_UP_EVERY_S
            self._throttled_per_s = throttled = throttled if throttled < self._before_per_s else None
        limits = [rate for rate in (self.given_per_s, throttled) if rate is not None]
        return min(limits) if limits else None

    def take_turn(self, now_s: float) -> float:
        """Take one request's turn; return the seconds to wait for it."""
        rate_per_s = self.rate_per_s(now_s)
        if rate_per_s is None:
            return 0.0
        due_s = max(self._next_at_s, now_s)
        self._next_at_s = due_s + 1.0 / rate_per_s
        return due_s - now_s

    def _pause_between_s(self) -> float:
        """Return how long a slowed rate is given to show its effect."""
        rate_per_s = self._throttled_per_s
        is_deep = rate_per_s is not None and rate_per_s <= self._before_per_s * _DEEP_SHARE
        return _SLOW_DOWN_DEEP_EVERY_S if is_deep else _SLOW_DOWN_EVERY_S
