"""Threads for blocking requests: made when needed, kept, and never in the way of the process's end."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

Work = Callable[[], None]


class RequestThreads:
    """At most `limit` daemon threads; what is submitted above that waits its turn. Safe to use from several threads.

    Not a ThreadPoolExecutor: that one makes an interpreter that was told to stop now wait for every request under way.
    """

    def __init__(self, limit: int, *, name: str, on_end: Work) -> None:
        """`on_end` is called once, after `close` and the last piece of work."""
        self._limit = limit
        self._name = name
        self._on_end = on_end
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        # One for each thread that has done its work and was not given more. Taken and given without a lock: a thread
        # that has to wait for one between two pieces of work costs as much as a small piece.
        self._idle: deque[None] = deque(maxlen=limit)
        self._closed = False

    def submit(self, work: Work) -> None:
        """Run `work`, which must not raise, on one of the threads; RuntimeError after `close`."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the engine is closed")
            if not self._takes_idle() and self._threads < self._limit:
                self._threads += 1
                threading.Thread(target=self._serve, name=self._name, daemon=True).start()
            self._queue.put(work)

    def close(self) -> None:
        """Take no more work and return at once; what was submitted is still done."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            threads = self._threads
            for _ in range(threads):
                self._queue.put(None)
        if not threads:
            self._on_end()

    def _takes_idle(self) -> bool:
        """Take one of those that wait for work; False if there is none."""
        try:
            self._idle.pop()
        except IndexError:
            return False
        return True

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            work()
            del work
            self._idle.append(None)
        with self._lock:
            self._threads -= 1
            last = not self._threads
        if last:
            self._on_end()
