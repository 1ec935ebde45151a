"""How many bytes on their way are in memory at a time: what is asked for waits until there is room."""

from __future__ import annotations

import mmap
from contextlib import suppress
from queue import SimpleQueue
from sys import getrefcount
from threading import Lock

from s3plan.schemas.files.requests import HeldBytes

_SEEN_BY_US_ALONE = 2  # what getrefcount says of what only one name has: it counts its own argument


class MemoryBudget:
    """Room for so many bytes; taken in the order in which it is asked for. Safe to use from any thread.

    What is larger than all of it gets it when nothing else has any. Memory that is kept for the next one of its size
    counts as taken, and goes when its room is needed for something else.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._lock = Lock()  # held by the one that waits, too
        self._taken_bytes = 0
        # The collector may give back in the middle of anything, of `take` as well: a queue's put stands that.
        self._given_back: SimpleQueue[int | mmap.mmap] = SimpleQueue()
        self._kept: list[mmap.mmap] = []

    def take(self, size_bytes: int) -> None:
        """Wait until there is room for so many bytes."""
        if not size_bytes:
            return
        with self._lock:
            self._take_back()
            while not self._has_room(size_bytes):
                self._note(self._given_back.get())
            self._taken_bytes += size_bytes

    def buffer(self, size_bytes: int) -> memoryview | None:
        """Return so many bytes, whose room is given back once nobody views them; None if there is none right now."""
        if not self._lock.acquire(blocking=False):
            return None  # others wait for room
        try:
            self._take_back()
            self._drop_kept(size_bytes)
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

    def wait_for_memory(self, size_bytes: int) -> mmap.mmap:
        """Return memory of that size once there is room, with anything in it; whoever has it hands it to `keep`.

        Raises OSError where the machine has none. Pages that the system hands out cost as much as what comes through
        them: used ones are used again.
        """
        with self._lock:
            self._take_back()
            while (kept := self._kept_of(size_bytes)) is None and not self._has_room(size_bytes):
                self._note(self._given_back.get())
            if kept is not None:
                return kept
            self._taken_bytes += size_bytes
        try:
            return _new_memory(size_bytes)
        except OSError:
            self.give_back(size_bytes)  # or others would wait for it for ever
            raise

    def keep(self, memory: mmap.mmap) -> None:
        """Take memory back, for the next one who asks for as much."""
        self._given_back.put(memory)

    def _kept_of(self, size_bytes: int) -> mmap.mmap | None:
        """Return memory of that size; what somebody still views is left to them, since it must not change."""
        for at in reversed(range(len(self._kept))):
            if len(self._kept[at]) == size_bytes:
                memory = self._kept.pop(at)
                if getrefcount(memory) == _SEEN_BY_US_ALONE:
                    return memory
                self._taken_bytes -= size_bytes
        return None

    def _has_room(self, size_bytes: int) -> bool:
        self._drop_kept(size_bytes)
        return not self._taken_bytes or self._taken_bytes + size_bytes <= self.most_bytes

    def _drop_kept(self, size_bytes: int) -> None:
        """Let go of as much of what is kept as makes room for so many bytes."""
        while self._kept and self._taken_bytes + size_bytes > self.most_bytes:
            self._taken_bytes -= len(self._kept.pop())

    def _note(self, given_back: int | mmap.mmap) -> None:
        if isinstance(given_back, int):
            self._taken_bytes -= given_back
        else:
            self._kept.append(given_back)

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
            self._note(self._given_back.get())

    def give_back(self, size_bytes: int) -> None:
        """Make room again."""
        self._given_back.put(size_bytes)

    def hold(self, content: bytes, taken_bytes: int) -> HeldBytes:
        """Return bytes in an object; the room that was taken is given back when nobody has it any more."""
        return _CountedBytes(content, taken_bytes, self._given_back)


class _CountedBytes(HeldBytes):
    __slots__ = ("_given_back", "_taken_bytes")

    def __init__(self, content: bytes, taken_bytes: int, given_back: SimpleQueue[int | mmap.mmap]) -> None:
        super().__init__(content)
        self._taken_bytes = taken_bytes
        self._given_back = given_back

    def __del__(self) -> None:
        self._given_back.put(self._taken_bytes)


class _CountedBuffer(bytearray):
    __slots__ = ("given_back",)

    given_back: SimpleQueue[int | mmap.mmap]

    def __del__(self) -> None:
        if hasattr(self, "given_back"):  # it could be had
            self.given_back.put(len(self))


def _new_memory(size_bytes: int) -> mmap.mmap:
    memory = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    advice = getattr(mmap, "MADV_HUGEPAGE", None)  # Linux's: a page for 2 MiB instead of 512 of them
    if advice is not None:
        with suppress(OSError):  # a kernel without them
            memory.madvise(advice)
    return memory
