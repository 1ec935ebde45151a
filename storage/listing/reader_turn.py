"""Who goes on with a listing: its reader while it is there, else whichever thread brings a reply."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Lock
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")


class ReaderTurn(Generic[Item]):
    """One thread at a time has the turn; the reader takes it with `with`. Whoever has it takes what was delivered."""

    def __init__(self, advance: Callable[[], None]) -> None:
        """`advance` takes what is there and asks for more; it is called by whoever has the turn."""
        self._inbox: SimpleQueue[Item] = SimpleQueue()
        self._advance = advance
        self._lock = Lock()
        self._broken: Exception | None = None
        self._is_over = False

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def deliver(self, item: Item) -> None:
        """Leave something for the reader; while that is elsewhere, go on without it."""
        self._inbox.put(item)
        while not self._inbox.empty() and self._lock.acquire(blocking=False):
            try:
                if self._is_over or self._broken is not None:
                    return
                self._advance()
            except Exception as error:  # noqa: BLE001  raised again where the reader is
                self._broken = error
            finally:
                self._lock.release()

    def delivered(self) -> Iterator[Item]:
        """Yield what is there, in the order of its coming, until nothing is."""
        while not self._inbox.empty():
            yield self._inbox.get()

    def wait(self, timeout_s: float | None) -> Item | None:
        """Return the next that comes, None if nothing does within so many seconds; None waits for as long as it takes.

        Only for the reader: whoever brings something leaves it to the reader while that has the turn.
        """
        try:
            return self._inbox.get(timeout=timeout_s)
        except Empty:
            return None

    def check(self) -> None:
        """Raise what came up while the reader was elsewhere."""
        if self._broken is not None:
            raise self._broken

    def end(self) -> None:
        """Nobody reads any more: what still comes is dropped."""
        with self._lock:
            self._is_over = True
