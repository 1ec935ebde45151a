"""More loops of one engine, a thread each, for bodies that are worth one: their bytes pass without the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from s3plan.storage.s3.native.loop import HttpLoop

WORTH_A_LANE_BYTES = 1 << 20
"""Of bodies up to this size the requests cost more than the bytes."""
_MOST_LANES = 4


class Lanes:
    """Opens loops when they are needed, at most as many as there are cores, and says which has least to move."""

    def __init__(self, open_loop: Callable[[], HttpLoop], *, cores: int) -> None:
        self._open_loop = open_loop
        self._most = max(1, min(_MOST_LANES, cores))
        self._lock = Lock()
        self._loops: list[HttpLoop] = []
        self._bytes: list[int] = []  # that each has still to move

    def take(self, size_bytes: int) -> tuple[HttpLoop, Callable[[], None]]:
        """Return the loop for a body, and what to call once the request has ended."""
        with self._lock:
            if len(self._loops) < self._most and (not self._bytes or min(self._bytes) > 0):
                self._loops.append(self._open_loop())
                self._bytes.append(0)
            lane = min(range(len(self._loops)), key=self._bytes.__getitem__)
            self._bytes[lane] += size_bytes
        return self._loops[lane], lambda: self._end(lane, size_bytes)

    def close(self) -> None:
        """Close all of them, each when the last request that it carries is answered."""
        with self._lock:
            for loop in self._loops:
                loop.close()

    def _end(self, lane: int, size_bytes: int) -> None:
        with self._lock:
            self._bytes[lane] -= size_bytes
