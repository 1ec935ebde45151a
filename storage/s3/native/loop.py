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

from s3plan.schemas.bodies import Body
from s3plan.schemas.failures import FailureKind
from s3plan.storage.s3.native.answer import HttpAnswer, Pour
from s3plan.storage.s3.native.connection import HttpConnection
from s3plan.storage.s3.native.exchange import Breakage, Exchange, HostPort, OnEnd
from s3plan.storage.s3.native.pool import ENGINE_BROKE, Pool
from s3plan.storage.s3.wire.failures import broke_by

_BUFFER_BYTES = 256 << 10
_LOOK_EVERY_S = 1.0
_logger = logging.getLogger(__name__)


class HttpLoop:
    """Keeps connections and their answers going; see the module. `send` may be called from any thread.

    No request is ever sent twice. At most `max_connections` to each place. A fault of ours ends the requests that it
    hits, or all of them if the loop's thread cannot go on: none waits forever.
    """

    def __init__(
        self,
        *,
        max_connections: int,
        connect_timeout_s: float,
        read_timeout_s: float,
        buffer_bytes: int = _BUFFER_BYTES,
    ) -> None:
        self._max_connections = max_connections
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._selector = selectors.DefaultSelector()
        self._watched: dict[HttpConnection, int] = {}
        self._pools: dict[HostPort, Pool] = {}
        self._calls: deque[Callable[[], None] | Exchange] = deque()
        self._is_asleep = False
        self._is_closing = False
        self._ended: Breakage | None = None  # why no request is taken any more
        self._waker, self._woken = socket.socketpair()
        self._waker.settimeout(0.0)
        self._woken.settimeout(0.0)
        self._selector.register(self._woken, selectors.EVENT_READ, self._drain_wakes)
        self.buffer = memoryview(bytearray(buffer_bytes))
        self.now_s = monotonic()
        self._next_look_s = self.now_s + _LOOK_EVERY_S
        self._thread = threading.Thread(target=self._serve, name="s3plan-http", daemon=True)
        self._thread.start()

    def send(
        self,
        place: HostPort,
        message: bytes,
        *,
        is_head: bool,
        on_end: OnEnd,
        body: Body | None = None,
        pour: Pour | None = None,
    ) -> None:
        """Send an HTTP message, and the body that follows it; `on_end` is called exactly once, and must not block.

        It is called on the loop's thread, or at once if that has died; body and sink are used there. Raises
        RuntimeError after `close`.
        """
        if self._is_closing:
            raise RuntimeError("the engine is closed")
        exchange = Exchange(place, message, is_head=is_head, on_end=on_end, body=body, pour=pour)
        if self._ended is None and threading.get_ident() == self._thread.ident:
            self._take(exchange)
        else:
            self._put(exchange)

    def call_soon(self, call: Callable[[], None]) -> None:
        """Run something on the loop's thread, unless the loop has ended."""
        self._put(call)

    def close(self) -> None:
        """Take no more requests, and end when the last one under way is answered; returns at once."""
        self._is_closing = True
        self.call_soon(lambda: None)  # it may be asleep

    def watch(self, connection: HttpConnection, events: int) -> None:
        """See owner.Owner."""
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

    def hand_on(self, exchange: Exchange, end: HttpAnswer | Breakage) -> None:
        """Tell who asked, once; a fault there must not end the loop."""
        on_end, exchange.on_end = exchange.on_end, None
        if on_end is None:
            return
        try:
            on_end(end)
        except Exception:
            _logger.exception("an answer broke its receiver")

    def close_idle(self) -> bool:
        """Close the connections to one place that are not in use; False if there are none to any."""
        return any(pool.close_idle() for pool in self._pools.values())

    def _put(self, call: Callable[[], None] | Exchange) -> None:
        self._calls.append(call)
        if self._ended is not None:
            self._refuse_calls(self._ended)
        elif self._is_asleep:
            with suppress(OSError):  # enough wakes are waiting, or the loop has ended
                self._waker.send(b"\0")

    def _take(self, exchange: Exchange) -> None:
        pool = self._pools.get(exchange.place)
        if pool is None:
            pool = self._pools[exchange.place] = Pool(self, exchange.place, most=self._max_connections)
        try:
            pool.take(exchange)
        except Exception as error:
            _logger.exception("a request broke the engine")
            pool.end_all(broke_by(error))
            self.hand_on(exchange, Breakage(FailureKind.BAD_REPLY, ENGINE_BROKE, broke_by(error)))

    def _serve(self) -> None:
        why = Breakage(FailureKind.UNREACHABLE, "EngineClosed", "the engine is closed")
        try:
            while not (self._is_closing and not self._calls and not any(pool.is_busy for pool in self._pools.values())):
                self._turn()
        except BaseException as error:
            _logger.exception("the engine's thread ends")
            why = Breakage(FailureKind.INVALID, ENGINE_BROKE, f"{broke_by(error)}; the same command goes on")
        self._ended = why
        for pool in self._pools.values():
            pool.end_all(why.message)
        self._refuse_calls(why)
        for connection in list(self._watched):
            with suppress(Exception):
                connection.close()
        self._selector.close()
        self._waker.close()
        self._woken.close()

    def _refuse_calls(self, why: Breakage) -> None:
        """End the requests that nobody takes any more; any thread may come here."""
        while True:
            try:
                call = self._calls.popleft()
            except IndexError:
                return
            if isinstance(call, Exchange):
                self.hand_on(call, why)

    def _turn(self) -> None:
        self._is_asleep = True
        patience_s = 0.0 if self._calls else max(0.0, self._next_look_s - monotonic())
        ready = self._selector.select(patience_s)
        self._is_asleep = False
        self.now_s = monotonic()
        for key, _ in ready:
            if isinstance(key.data, HttpConnection):
                self._proceed(key.data)
            else:
                key.data()
        for _ in range(len(self._calls)):
            call = self._calls.popleft()
            if isinstance(call, Exchange):
                self._take(call)
            else:
                self._guard(call)
        if self.now_s >= self._next_look_s:
            self._next_look_s = self.now_s + _LOOK_EVERY_S
            self._guard(self._look)

    def _look(self) -> None:
        for pool in self._pools.values():
            pool.look(connect_timeout_s=self._connect_timeout_s, read_timeout_s=self._read_timeout_s)

    def _guard(self, call: Callable[[], None]) -> None:
        """Run what belongs to no request alone; if it breaks, nobody knows who still waits for it: all end."""
        try:
            call()
        except Exception as error:
            _logger.exception("a turn broke the engine")
            for pool in self._pools.values():
                pool.end_all(broke_by(error))

    def _proceed(self, connection: HttpConnection) -> None:
        if not connection.is_open:  # closed by what came before it in this turn
            return
        try:
            connection.proceed()
        except Exception as error:
            _logger.exception("a connection broke the engine")
            why = Breakage(FailureKind.BAD_REPLY, ENGINE_BROKE, broke_by(error))
            self._guard(lambda: connection.fail(why))

    def _drain_wakes(self) -> None:
        with suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass
