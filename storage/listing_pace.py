"""How many requests of one listing are worth having under way: as many as keep its reader from waiting."""

from __future__ import annotations

import time

_WAITING_SHARE = 0.2


class ListingPace:
    """Begins with one request, doubles while the reader mostly waits, halves when the store asks for less.

    After that it grows by one at a time. `width` never exceeds `limit`.
    """

    def __init__(self, limit: int) -> None:
        self.width = 1
        self._limit = limit
        self._was_throttled = False
        self._pages = 0
        self._waited_s = 0.0
        self._began_s = time.monotonic()

    def waited(self, seconds: float) -> None:
        """Take note that the reader had to wait for a page."""
        self._waited_s += seconds

    def arrived(self) -> None:
        """Take note of a page; once there have been as many as were under way, judge whether more are wanted."""
        self._pages += 1
        if self._pages < self.width:
            return
        now_s = time.monotonic()
        if self._waited_s >= _WAITING_SHARE * (now_s - self._began_s):
            self.width = min(self._limit, self.width + 1 if self._was_throttled else self.width * 2)
        self._pages, self._waited_s, self._began_s = 0, 0.0, now_s

    def throttled(self) -> None:
        """Take note that the store refused a request for now."""
        self.width = max(1, self.width // 2)
        self._was_throttled = True

    def stay_serial(self) -> None:
        """Never have more than one request under way again."""
        self.width = self._limit = 1
