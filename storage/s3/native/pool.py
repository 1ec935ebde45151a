"""The connections to one place: made when needed, kept while they are used, at most so many."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from math import inf
from typing import Protocol

from s3plan.schemas.failures import FailureKind
from s3plan.storage.s3.native.answer import HttpAnswer
from s3plan.storage.s3.native.connection import HttpConnection
from s3plan.storage.s3.native.exchange import Address, Breakage, Exchange, HostPort
from s3plan.storage.s3.open_files import leaves_room

_MOST_OPENING = 64  # at the same time
_IDLE_S = 20.0  # stores drop idle connections, too; a request on one that was just dropped is lost
_ADDRESSES_FRESH_S = 30.0
_IDLE_WITHOUT_ROOM_S = 1.0
_NEARLY_NO_ROOM = 8  # connections
_REST_AFTER_REFUSAL_S = 1.0
_TOO_MANY = "this process has as many files open as it may (ulimit -n), none of them to this store"
ENGINE_BROKE = "EngineBroke"
"""The code of what ended by a fault of ours; the log has its traceback."""


class Loop(Protocol):
    """What a pool asks of the loop that it lives on."""

    @property
    def now_s(self) -> float: ...
    @property
    def buffer(self) -> memoryview: ...
    def watch(self, connection: HttpConnection, events: int) -> None: ...
    def hand_on(self, exchange: Exchange, end: HttpAnswer | Breakage) -> None: ...
    def call_soon(self, call: Callable[[], None]) -> None: ...
    def close_idle(self) -> bool: ...


class Pool:
    """See the module; it is the Owner of its connections. Used by the loop's thread only."""

    def __init__(self, loop: Loop, place: HostPort, *, most: int) -> None:
        self._loop = loop
        self._place = place
        self._most = most
        self._idle: list[HttpConnection] = []
        self._busy: set[HttpConnection] = set()
        self._opening: set[HttpConnection] = set()
        self._waiting: deque[Exchange] = deque()
        self._addresses: list[Address] = []
        self._turn = 0  # which address is next
        self._resolved_s = 0.0
        self._is_resolving = False
        self._rest_until_s = 0.0
        self._starved_since_s: float | None = None  # no connection can be had since then

    @property
    def now_s(self) -> float:
        return self._loop.now_s

    @property
    def buffer(self) -> memoryview:
        return self._loop.buffer

    @property
    def is_busy(self) -> bool:
        """Whether requests are under way or wait."""
        return bool(self._busy or self._waiting)

    def watch(self, connection: HttpConnection, events: int) -> None:
        self._loop.watch(connection, events)

    def take(self, exchange: Exchange) -> None:
        """Send a request now, or when a connection is free."""
        connection = None if self._waiting else self._free()
        if connection is None:
            self._waiting.append(exchange)
            self._serve()
        else:
            self._busy.add(connection)
            connection.start(exchange)

    def look(self, *, connect_timeout_s: float, read_timeout_s: float) -> None:
        """Give up what takes too long and close what nobody needs; called about once a second."""
        now_s = self.now_s
        for connection in [one for one in self._opening if now_s - one.touched_s > connect_timeout_s]:
            connection.give_up("ConnectTimeout", f"no connection within {connect_timeout_s:g} s")
        for connection in [one for one in self._busy if now_s - one.touched_s > read_timeout_s]:
            connection.give_up("ReadTimeout", f"nothing came for {read_timeout_s:g} s")
        for connection in [one for one in self._busy if one.is_trickling(after_s=read_timeout_s)]:
            connection.give_up("TooSlow", f"after {read_timeout_s:g} s the answer still came byte by byte")
        idle_s = _IDLE_WITHOUT_ROOM_S if self._is_crowded() else _IDLE_S  # others may need them more
        stale = [one for one in self._idle if now_s - one.touched_s > idle_s]
        if stale:
            self._idle = [one for one in self._idle if one not in stale]
            for connection in stale:
                connection.close()
        if self._starved_since_s is not None and now_s - self._starved_since_s > connect_timeout_s:
            self._starved_since_s = None
            self._end_waiting(Breakage(FailureKind.UNREACHABLE, "TooManyOpenFiles", _TOO_MANY))
        self._serve()

    def close_idle(self) -> bool:
        """Close what is not in use; False if there is nothing."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        return bool(idle)

    def end_all(self, why: str) -> None:
        """Close all connections and end all requests, because of a fault of ours."""
        for connection in [*self._opening, *self._idle, *self._busy]:
            with suppress(Exception):
                connection.close()
        under_way = [connection.exchange for connection in self._busy]
        waiting = list(self._waiting)
        for holder in (self._opening, self._idle, self._busy, self._waiting):
            holder.clear()
        for exchange in under_way:
            if exchange is not None:
                self._loop.hand_on(exchange, Breakage(FailureKind.BAD_REPLY, ENGINE_BROKE, why))
        for exchange in waiting:
            self._loop.hand_on(exchange, Breakage(FailureKind.UNREACHABLE, ENGINE_BROKE, why))

    def opened(self, connection: HttpConnection) -> None:
        self._starved_since_s = None
        self._opening.discard(connection)
        self._idle.append(connection)
        self._serve()

    def failed_to_open(self, connection: HttpConnection, why: Breakage) -> None:
        connection.tries_left -= 1
        if connection.tries_left > 0 and self._addresses:
            connection.open(self._next_address())
            return
        # Later, not from here: this may be the middle of a request's own submission, or of opening many.
        self._loop.call_soon(lambda: self._refused(connection, why))

    def found_no_room(self, connection: HttpConnection) -> None:
        self._opening.discard(connection)
        self._rest_until_s = self.now_s + _REST_AFTER_REFUSAL_S
        if self._busy or self._idle or self._opening:
            return  # what there is serves those who wait
        if self._starved_since_s is None:
            self._starved_since_s = self.now_s
        if self._loop.close_idle():  # of other places
            self._rest_until_s = 0.0
            self._loop.call_soon(self._serve)

    def _is_crowded(self) -> bool:
        return bool(self._idle) and not leaves_room(max(one.fileno() for one in self._idle) + _NEARLY_NO_ROOM)

    def _end_waiting(self, why: Breakage) -> None:
        for _ in range(len(self._waiting)):
            self._loop.hand_on(self._waiting.popleft(), why)

    def _refused(self, connection: HttpConnection, why: Breakage) -> None:
        self._opening.discard(connection)
        if self._resolved_s < inf:
            self._resolved_s = 0.0  # perhaps it has moved
        if self._busy or self._idle:
            self._rest_until_s = self.now_s + _REST_AFTER_REFUSAL_S  # what is open serves those who wait
        elif self._waiting:
            self._loop.hand_on(self._waiting.popleft(), why)
        self._serve()

    def answered(self, connection: HttpConnection, exchange: Exchange, answer: HttpAnswer) -> None:
        self._busy.discard(connection)
        if connection.is_open:
            self._idle.append(connection)
        if self._waiting:
            self._serve()
        self._loop.hand_on(exchange, answer)

    def broke(self, connection: HttpConnection, exchange: Exchange | None, why: Breakage) -> None:
        self._busy.discard(connection)
        self._opening.discard(connection)
        if exchange is None:
            if connection in self._idle:
                self._idle.remove(connection)
        else:
            # Later; see failed_to_open.
            self._loop.call_soon(lambda: self._loop.hand_on(exchange, why))
        if self._waiting:
            self._serve()

    def _free(self) -> HttpConnection | None:
        """Take out a connection that can carry a request; those on which something came unasked are closed."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_quiet():
                return connection
            connection.close()
        return None

    def _serve(self) -> None:
        """Give those who wait what is free, and open what is still missing."""
        while self._waiting and (connection := self._free()) is not None:
            self._busy.add(connection)
            connection.start(self._waiting.popleft())
        if not self._waiting or self.now_s < self._rest_until_s:
            return
        if not self._resolve():
            return
        while len(self._opening) < min(len(self._waiting), _MOST_OPENING) and self._count < self._most:
            if self.now_s < self._rest_until_s:  # one of these found no room
                return
            connection = HttpConnection(self, self._place, tries_left=len(self._addresses))
            self._opening.add(connection)
            connection.open(self._next_address())

    @property
    def _count(self) -> int:
        return len(self._idle) + len(self._busy) + len(self._opening)

    def _next_address(self) -> Address:
        self._turn += 1
        return self._addresses[self._turn % len(self._addresses)]

    def _resolve(self) -> bool:
        """Return whether there are addresses; has them looked up where they are missing or old."""
        if not self._addresses and _is_literal(self._place.host):
            self._addresses = _look_up(self._place)
            self._resolved_s = inf
        if self.now_s - self._resolved_s > _ADDRESSES_FRESH_S and not self._is_resolving:
            self._is_resolving = True
            threading.Thread(target=self._look_up_elsewhere, name="s3plan-dns", daemon=True).start()
        return bool(self._addresses)

    def _look_up_elsewhere(self) -> None:
        """Ask the resolver, which blocks; on a thread of its own."""
        found: list[Address] | OSError
        try:
            found = _look_up(self._place)
        except OSError as error:
            found = error
        except UnicodeError:
            found = OSError(f"{self._place.host!r} is not a host name")
        self._loop.call_soon(lambda: self._resolved(found))

    def _resolved(self, found: list[Address] | OSError) -> None:
        self._is_resolving = False
        if not isinstance(found, OSError):
            self._addresses, self._resolved_s = found, self.now_s
        elif not self._addresses:
            words = found.strerror or str(found)
            why = Breakage(FailureKind.UNREACHABLE, "DnsFailed", f"{self._place.host} cannot be looked up: {words}")
            self._end_waiting(why)
        self._serve()


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _look_up(place: HostPort) -> list[Address]:
    found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    return [Address(family, address) for family, _, _, _, address in found]
