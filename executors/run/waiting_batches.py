"""The batches that are left to be started, now or later; those that ask the same places stand in one queue.

A batch whose places answer slowly, or not at all, must not keep others from a free slot. So the next one is from the
queue of which the fewest are under way.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable

from s3plan.schemas.plan.places import Place

Places = frozenset[Place]
WaitingBatch = tuple[int, list[int] | None]
"""A batch's id, and positions; None: all that is left of it."""


class WaitingBatches:
    """`places_of` gives the places that the batch of an id asks. Whether these are held, `is_held` says each time."""

    def __init__(self, places_of: Callable[[int], Places]) -> None:
        self._places_of = places_of
        self._queues: dict[Places, deque[WaitingBatch]] = {}  # in the order in which they came to be; none is empty
        self._delayed: list[tuple[float, int, list[int]]] = []  # heap of (due, batch, positions)

    def __bool__(self) -> bool:
        return bool(self._queues or self._delayed)

    @property
    def next_due_s(self) -> float | None:
        """When the first of those comes that are to be tried again, None if there is none."""
        return self._delayed[0][0] if self._delayed else None

    def append(self, batch: WaitingBatch) -> None:
        """Put a batch behind the others."""
        self._queue_of(batch[0]).append(batch)

    def prepend(self, batch: WaitingBatch) -> None:
        """Put a batch before the others."""
        places = self._places_of(batch[0])
        queue = self._queues.pop(places, deque())
        queue.appendleft(batch)
        self._queues = {places: queue, **self._queues}

    def delay(self, due_s: float, batch: int, positions: list[int]) -> None:
        """Have some actions of a batch tried again, not before `due_s` and then before what was not tried yet."""
        heapq.heappush(self._delayed, (due_s, batch, positions))

    def take(self, now_s: float, *, running: Iterable[int], is_held: Callable[[Places], bool]) -> WaitingBatch | None:
        """Take the next batch, None if there is none that may be started; `running` are under way."""
        while self._delayed and self._delayed[0][0] <= now_s:
            _, batch, positions = heapq.heappop(self._delayed)
            self._queue_of(batch).appendleft((batch, positions))
        free = [places for places in self._queues if not is_held(places)]
        if not free:
            return None
        if len(free) > 1:
            under_way = Counter(map(self._places_of, running))
            free.sort(key=lambda places: under_way[places])  # stable: of equals the one that came first
        queue = self._queues[free[0]]
        taken = queue.popleft()
        if not queue:
            del self._queues[free[0]]
        return taken

    def retrying(self, is_held: Callable[[Places], bool]) -> int:
        """Return how many actions wait to be tried again; of what is held, all that is left waits alike."""
        return sum(len(positions) for _, batch, positions in self._delayed if not is_held(self._places_of(batch)))

    def has_free(self, is_held: Callable[[Places], bool]) -> bool:
        """Return whether anything is left, now or later, that is not held."""
        return not all(map(is_held, self._queues)) or bool(self.retrying(is_held))

    def _queue_of(self, batch: int) -> deque[WaitingBatch]:
        return self._queues.setdefault(self._places_of(batch), deque())
