"""How many requests of one listing are worth having under way: as many as keep its reader from waiting.

While one page is on its way, the reader can work through so many; to keep it busy, as many have to be under way, which
is Little's law. Both times are seen: how long a page takes to come, and what the reader does with one when it does not
wait. A page that comes sooner than that needs no company: it is asked for while the one before is worked through. A
plan reads two listings in turns; waiting for the other one is no work.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable

_AHEAD = 2  # times as many as it takes on average: pages do not come evenly
_NEWEST = 0.25  # what the newest value counts for in an average
_AT_ONCE_S = 0.001  # no page that is worth waiting for; or somebody had asked for the first one before
_RECENT_PAGES = 4  # all but the slowest of them count: one that was held up says nothing of the others
_ONE_THROTTLING_S = 0.5


class ReaderWaits:
    """How long one reader has waited for pages of all the listings that it reads."""

    def __init__(self) -> None:
        self.total_s = 0.0


class ListingPace:
    """Begins with one request. `width` is how many are wanted now: at least one, and never more than `limit`.

    It halves when the store asks for less, and the limit grows again by one for each round of pages after that.
    """

    def __init__(self, limit: int, *, reader: ReaderWaits, clock: Callable[[], float] = time.monotonic) -> None:
        """`reader` is that of this listing, `clock` gives seconds."""
        self.width = 1
        self._most = limit
        self._limit = limit
        self._reader = reader
        self._clock = clock
        self._pages_s: deque[float] = deque(maxlen=_RECENT_PAGES)  # from the request to the page
        self._work_s: float | None = None  # of the reader for a page
        self._has_begun = False
        self._round = 0  # pages since the limit has grown
        self._throttled_at_s: float | None = None
        self._read_since_s = clock()
        self._waits_before_s = reader.total_s

    def waited(self, seconds: float) -> None:
        """Take note that the reader had to wait for a page."""
        self._reader.total_s += seconds

    def arrived(self, *, after_s: float) -> None:
        """Take note of a page, and how long it took to come."""
        if self._has_begun or after_s >= _AT_ONCE_S:
            self._pages_s.append(after_s)
        self._has_begun = True
        self._round += 1
        if self._limit < self._most and self._round >= self._limit:
            self._limit, self._round = self._limit + 1, 0
        self._judge()

    def handed_on(self) -> None:
        """Take note that the reader comes for the page after the one that it has worked through."""
        now_s = self._clock()
        waits_s = self._reader.total_s
        self._work_s = _average(self._work_s, now_s - self._read_since_s - (waits_s - self._waits_before_s))
        self._read_since_s, self._waits_before_s = now_s, waits_s

    def throttled(self) -> None:
        """Take note that the store refused a request for now; many at a time count as one."""
        now_s = self._clock()
        if self._throttled_at_s is None or now_s - self._throttled_at_s >= _ONE_THROTTLING_S:
            self._limit, self._round = max(1, self.width // 2), 0
            self._throttled_at_s = now_s
            self._judge()

    def stay_serial(self) -> None:
        """Never have more than one request under way again."""
        self.width = self._limit = self._most = 1

    def _judge(self) -> None:
        if not self._pages_s or self._work_s is None:
            return
        page_s, work_s = _usual(self._pages_s), max(self._work_s, _AT_ONCE_S)
        self.width = 1 if page_s <= work_s else min(self._limit, math.ceil(_AHEAD * page_s / work_s))


def _usual(recent_s: Iterable[float]) -> float:
    by_length = sorted(recent_s)
    counted = by_length[:-1] or by_length
    return sum(counted) / len(counted)


def _average(before: float | None, newest: float) -> float:
    return newest if before is None else before + _NEWEST * (newest - before)
