"""Cancels awscrt's requests that take too long: its S3 client itself waits for an answer forever."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Protocol

_MOST_BETWEEN_LOOKS_S = 1.0


class Cancellable(Protocol):
    """awscrt's S3Request, as far as it is used here."""

    def cancel(self) -> None: ...


class OverdueRequests:
    """Watches requests from a thread of its own, from the first one on. Safe to use from several threads."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._watched: dict[object, tuple[float, Cancellable]] = {}
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, exchange: object, sent: Cancellable) -> None:
        """Cancel `sent` unless `exchange` is forgotten in time."""
        self._watched[exchange] = (monotonic(), sent)
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._look, name="s3plan-crt-overdue", daemon=True)
                    self._thread.start()

    def forget(self, exchange: object) -> None:
        """The exchange has ended."""
        self._watched.pop(exchange, None)

    def close(self) -> None:
        """Watch until the last request under way has ended."""
        self._closed.set()

    def _look(self) -> None:
        between_s = min(_MOST_BETWEEN_LOOKS_S, self._timeout_s / 2)
        while not (self._closed.wait(between_s) and not self._watched):
            if self._closed.is_set():
                threading.Event().wait(between_s)
            oldest_s = monotonic() - self._timeout_s
            for exchange, (since_s, sent) in list(self._watched.items()):
                if since_s < oldest_s:
                    self.forget(exchange)
                    sent.cancel()
