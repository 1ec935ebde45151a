"""What a terminal sends to every process of a job: workers leave it to their parent."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

TERMINAL_SIGNALS = frozenset({signal.SIGINT, signal.SIGHUP})


@contextmanager
def terminal_signals_blocked() -> Iterator[None]:
    """Keep them from this thread, and from the threads and processes that it starts meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
