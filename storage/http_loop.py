"""Sends many HTTP requests at once on one thread; what comes back is handed on there."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from s3plan.schemas.failures import FailureKind
from s3plan.storage.failures import broke_by
from s3plan.storage.http_answer import Answer
from s3plan.storage.http_connection import Breakage, Connection, Exchange, OnEnd, Place
from s3plan.storage.http_pool import Pool

_BUFFER_BYTES = 256 << 10
_LOOK_EVERY_S = 1.0
_logger = logging.getLogger(__name__)


class HttpLoop:
    """Keeps connections and their answers going; see the module. `send` may be called from any thread.

    No request is ever sent twice. At most `max_connections` to each place.
    """

    def __init__(self, *, max_connections: int, connect_timeout_s: float, read_timeout_s: float) -> None:
        self._max_connections = max_connections
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._selector = selectors.DefaultSelector()
        self._watched: dict[Connection, int] = {}
        self._pools: dict[Place, Pool] = {}
        self._calls: deque[Callable[[], None]] = deque()
        self._is_asleep = False
        self._is_closing = False
        self._waker, self._woken = socket.socketpair()
        self._waker.settimeout(0.0)
        self._woken.settimeout(0.0)
        self._selector.register(self._woken, selectors.EVENT_READ, self._drain_wakes)
        self.buffer = memoryview(bytearray(_BUFFER_BYTES))
        self.now_s = monotonic()
        self._next_look_s = self.now_s + _LOOK_EVERY_S
        self._thread = threading.Thread(target=self._serve, name="s3plan-http", daemon=True)
        self._thread.start()

    def send(self, place: Place, message: bytes, *, is_head: bool, on_end: OnEnd) -> None:
        """Send a whole HTTP message; `on_end` is called exactly once, on the loop's thread, and must not block.

        Raises RuntimeError after `close`.
        """
        if self._is_closing:
            raise RuntimeError("the engine is closed")
        exchange = Exchange(message, is_head=is_head, on_end=on_end)
        if threading.get_ident() == self._thread.ident:
            self._pool(place).take(exchange)
        else:
            self.call_soon(lambda: self._pool(place).take(exchange))

    def call_soon(self, call: Callable[[], None]) -> None:
        """Run something on the loop's thread, unless the loop has ended."""
        self._calls.append(call)
        if self._is_asleep:
            with suppress(OSError):  # enough wakes are waiting, or the loop has ended
                self._waker.send(b"\0")

    def close(self) -> None:
        """Take no more requests, and end when the last one under way is answered; returns at once."""
        self._is_closing = True
        self.call_soon(lambda: None)  # it may be asleep

    def watch(self, connection: Connection, events: int) -> None:
        """See http_connection.Owner."""
        known = self._watched.get(connection, 0)
        if events == known:
            return
        if not events:
            self._selector.unregister(connection)
            del self._watched[connection]
            return
        if known:
            self._selector.modify(connection, events, connection)
        else:
            self._selector.register(connection, events, connection)
        self._watched[connection] = events

    def hand_on(self, exchange: Exchange, end: Answer | Breakage) -> None:
        """Tell who asked; a fault there must not end the loop."""
        try:
            exchange.on_end(end)
        except Exception:
            _logger.exception("an answer broke its receiver")

    def _pool(self, place: Place) -> Pool:
        pool = self._pools.get(place)
        if pool is None:
            pool = self._pools[place] = Pool(self, place, most=self._max_connections)
        return pool

    def _serve(self) -> None:
        while not (self._is_closing and not any(pool.is_busy for pool in self._pools.values()) and not self._calls):
            self._turn()
        for connection in list(self._watched):
            connection.close()
        self._selector.close()
        self._waker.close()
        self._woken.close()

    def _turn(self) -> None:
        self._is_asleep = True
        patience_s = 0.0 if self._calls else max(0.0, self._next_look_s - monotonic())
        ready = self._selector.select(patience_s)
        self._is_asleep = False
        self.now_s = monotonic()
        for key, _ in ready:
            if isinstance(key.data, Connection):
                self._proceed(key.data)
            else:
                key.data()
        for _ in range(len(self._calls)):
            self._calls.popleft()()
        if self.now_s >= self._next_look_s:
            self._next_look_s = self.now_s + _LOOK_EVERY_S
            for pool in self._pools.values():
                pool.look(connect_timeout_s=self._connect_timeout_s, read_timeout_s=self._read_timeout_s)

    def _proceed(self, connection: Connection) -> None:
        if not connection.is_open:  # closed by what came before it in this turn
            return
        try:
            connection.proceed()
        except Exception as error:
            _logger.exception("a connection broke the engine")
            connection.fail(Breakage(FailureKind.BAD_REPLY, "EngineBroke", broke_by(error)))

    def _drain_wakes(self) -> None:
        with suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass
