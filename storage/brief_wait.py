"""Work for other threads that is waited for as long as it is quick."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from threading import Lock
from time import monotonic

Work = Callable[[], None]
_PATIENCE_S = 0.05
_NOT_AGAIN_FOR_S = 0.5


class BriefWait:
    """Has one thread do many small pieces of work while the caller waits: then neither is in the other's way.

    Work that turns out to be slow is spread over `threads`, and nothing is waited for again for a while: whoever calls
    is held up for a twentieth of a second in each second at most. Safe to use from several threads.
    """

    def __init__(self, submit: Callable[[Work], None], *, threads: int) -> None:
        """`submit` has a piece of work, which must not raise, done on another thread."""
        self._submit = submit
        self._threads = threads
        self._not_before_s = 0.0

    def run(self, pieces: Iterable[Work]) -> None:
        """Return when all is done, or when it has become clear that it takes its time."""
        left = deque(pieces)
        if not left:
            return
        if monotonic() < self._not_before_s:
            for piece in left:
                self._submit(piece)
            return
        ended = Lock()
        ended.acquire()

        def first() -> None:
            _do_all(left)
            ended.release()

        self._submit(first)
        if not ended.acquire(timeout=_PATIENCE_S):
            self._not_before_s = monotonic() + _NOT_AGAIN_FOR_S
            for _ in range(min(self._threads - 1, len(left))):
                self._submit(lambda: _do_all(left))


def _do_all(left: deque[Work]) -> None:
    while True:
        try:
            piece = left.popleft()
        except IndexError:
            return
        piece()
