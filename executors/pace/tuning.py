"""How many requests to keep under way: enough for the store's latency, and no more than bring anything.

A store with latency answers more requests a second the more are under way; a busy processor does not, and pays for
each that waits. So the number is doubled as long as that pays.
"""

from __future__ import annotations

_WORTH_IT = 1.15  # a doubling that brings less than 15 % more is taken back
_TRY_AGAIN_AFTER = 20  # observations at rest before the next doubling is tried


class InFlightTuner:
    """Climbs by doubling from `start` to `most`. Not thread-safe: one caller."""

    def __init__(self, *, start: int, most: int) -> None:
        self._most = most
        self._settled = min(start, most)  # the best number so far
        self._settled_rate_per_s = 0.0
        self._resting = 0
        self.in_flight = self._settled

    def observe(self, rate_per_s: float) -> int:
        """Take the rate of the last interval and return the number for the next."""
        if self.in_flight > self._settled:
            self._judge_trial(rate_per_s)
        elif self._resting > 0:
            self._resting -= 1
            self._settled_rate_per_s = rate_per_s
        else:
            self._settled_rate_per_s = rate_per_s
            self.in_flight = min(self._most, self._settled * 2)
        return self.in_flight

    def _judge_trial(self, rate_per_s: float) -> None:
        if rate_per_s >= self._settled_rate_per_s * _WORTH_IT:
            self._settled, self._settled_rate_per_s = self.in_flight, rate_per_s
            self.in_flight = min(self._most, self._settled * 2)
            if self.in_flight == self._settled:
                self._resting = _TRY_AGAIN_AFTER
            return
        self.in_flight = self._settled
        self._resting = _TRY_AGAIN_AFTER
