"""How many bytes of files are in memory at a time: what is asked for waits until there is room."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from threading import Lock

from s3plan.schemas.files.requests import HeldBytes


class MemoryBudget:
    """Room for so many bytes; taken in the order in which it is asked for. Safe to use from any thread.

    What is larger than all of it gets it when nothing else has any.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._taken_bytes = 0
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()

    def take(self, size_bytes: int, begin: Callable[[], None]) -> None:
        """Call `begin` once there is room for so many bytes: at once, or when others have given back theirs."""
        with self._lock:
            self._waiting.append((size_bytes, begin))
        self._serve()

    def give_back(self, size_bytes: int) -> None:
        """Make room again."""
        with self._lock:
            self._taken_bytes -= size_bytes
        self._serve()

    def hold(self, content: bytes, taken_bytes: int) -> HeldBytes:
        """Return bytes in an object; the room that was taken is given back when nobody has it any more."""
        held = HeldBytes(content)
        weakref.finalize(held, self.give_back, taken_bytes).atexit = False
        return held

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    return
                size_bytes, begin = self._waiting[0]
                if self._taken_bytes and self._taken_bytes + size_bytes > self._most_bytes:
                    return
                self._waiting.popleft()
                self._taken_bytes += size_bytes
            begin()
