"""How many bytes of files are in memory at a time: what is asked for waits until there is room."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Lock

from s3plan.schemas.files.requests import HeldBytes


class MemoryBudget:
    """Room for so many bytes; taken in the order in which it is asked for. Safe to use from any thread.

    What is larger than all of it gets it when nothing else has any.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._lock = Lock()  # held by the one that waits, too
        self._taken_bytes = 0
        # The collector may give back in the middle of anything, of `take` as well: a queue's put stands that.
        self._given_back: SimpleQueue[int] = SimpleQueue()

    def take(self, size_bytes: int) -> None:
        """Wait until there is room for so many bytes."""
        if not size_bytes:
            return
        with self._lock:
            self._take_back()
            while self._taken_bytes and self._taken_bytes + size_bytes > self.most_bytes:
                self._taken_bytes -= self._given_back.get()
            self._taken_bytes += size_bytes

    def buffer(self, size_bytes: int) -> memoryview | None:
        """Return so many bytes, whose room is given back once nobody views them; None if there is none right now."""
        if not self._lock.acquire(blocking=False):
            return None  # others wait for room
        try:
            self._take_back()
            if self._taken_bytes + size_bytes > self.most_bytes:
                return None
            self._taken_bytes += size_bytes
        finally:
            self._lock.release()
        return self._counted(size_bytes)

    def wait_for_buffer(self, size_bytes: int) -> memoryview:
        """Return so many bytes once there is room, which is given back once nobody views them."""
        self.take(size_bytes)
        return self._counted(size_bytes)

    def _counted(self, size_bytes: int) -> memoryview:
        try:
            content = _CountedBuffer(size_bytes)
        except MemoryError:
            self.give_back(size_bytes)  # or others would wait for it for ever
            raise
        content.given_back = self._given_back
        return memoryview(content)

    def _take_back(self) -> None:
        while not self._given_back.empty():
            self._taken_bytes -= self._given_back.get()

    def give_back(self, size_bytes: int) -> None:
        """Make room again."""
        self._given_back.put(size_bytes)

    def hold(self, content: bytes, taken_bytes: int) -> HeldBytes:
        """Return bytes in an object; the room that was taken is given back when nobody has it any more."""
        return _CountedBytes(content, taken_bytes, self._given_back)


class _CountedBytes(HeldBytes):
    __slots__ = ("_given_back", "_taken_bytes")

    def __init__(self, content: bytes, taken_bytes: int, given_back: SimpleQueue[int]) -> None:
        super().__init__(content)
        self._taken_bytes = taken_bytes
        self._given_back = given_back

    def __del__(self) -> None:
        self._given_back.put(self._taken_bytes)


class _CountedBuffer(bytearray):
    __slots__ = ("given_back",)

    given_back: SimpleQueue[int]

    def __del__(self) -> None:
        if hasattr(self, "given_back"):  # it could be had
            self.given_back.put(len(self))
