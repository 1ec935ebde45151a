"""How many requests of one listing are worth having under way: as many as keep its reader from waiting.

Only time that the reader spends at this listing counts: a plan reads two, and waits for one while the other goes on.
"""

from __future__ import annotations

import time

_WAITS_MUCH = 0.7  # of its time
_WAITS_LITTLE = 0.1
_ONE_THROTTLING_S = 0.5
_FIRST_STEP = 4  # from one request to as many: one page that was waited for says enough
_STEADY_PAGES = 8  # the waiting for fewer pages says little


class ListingPace:
    """Begins with one request, doubles while the reader mostly waits, and halves once when it hardly does.

    The first step is larger. It halves, too, when the store asks for less, and grows by one at a time after that.
    `width` never exceeds `limit`.
    """

    def __init__(self, limit: int) -> None:
        self.width = 1
        self._needed = 1
        self._limit = limit
        self._throttled_at_s: float | None = None
        self._is_steady = False
        self._pages = 0
        self._waited_s = 0.0
        self._began_s = time.monotonic()

    def waited(self, seconds: float) -> None:
        """Take note that the reader had to wait for a page."""
        self._waited_s += seconds

    def was_away(self, seconds: float) -> None:
        """Take note that the reader was busy elsewhere."""
        self._began_s += seconds

    def arrived(self) -> None:
        """Take note of a page."""
        self._pages += 1

    def judge(self) -> None:
        """Once there have been as many pages as were under way, judge whether more are wanted; for the reader alone."""
        if self._pages < max(self.width, _STEADY_PAGES if self._is_steady else 1):
            return
        now_s = time.monotonic()
        elapsed_s = now_s - self._began_s
        if self._waited_s >= _WAITS_MUCH * elapsed_s:
            more = self.width + 1 if self._throttled_at_s else max(_FIRST_STEP, self.width * 2)
            self.width = min(self._limit, more)
            self._needed = max(self._needed, self.width)
        elif self._waited_s < _WAITS_LITTLE * elapsed_s:
            # Not far below what was needed once: of two listings read in turns, one is always behind the other.
            self.width = max(self._needed // 2, self.width // 2, 1)
            self._is_steady = True
        self._pages, self._waited_s, self._began_s = 0, 0.0, now_s

    def throttled(self) -> None:
        """Take note that the store refused a request for now; many at a time count as one."""
        now_s = time.monotonic()
        if self._throttled_at_s is None or now_s - self._throttled_at_s >= _ONE_THROTTLING_S:
            self.width = self._needed = max(1, self.width // 2)
            self._throttled_at_s = now_s

    def stay_serial(self) -> None:
        """Never have more than one request under way again."""
        self.width = self._limit = 1
