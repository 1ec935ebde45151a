"""A store that says on a socket what a test wants it to say, and how to ask it by the native engine's loop."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from queue import SimpleQueue
from ssl import SSLContext

from s3plan.storage.s3.native.answer import HttpAnswer
from s3plan.storage.s3.native.exchange import Breakage, HostPort
from s3plan.storage.s3.native.loop import HttpLoop

ASK = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"
COPY = b"PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n"
PATIENCE_S = 20.0
Serve = Callable[[socket.socket, int], None]


class Store:
    """A server whose every connection is served by `serve(socket, its number)` on a thread."""

    def __init__(self, serve: Serve, *, tls: tuple[SSLContext, SSLContext] | None = None) -> None:
        """`tls`: the server's own settings and the client's."""
        self._serve = serve
        self._tls = None if tls is None else tls[0]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.connections = 0
        self.place = HostPort("127.0.0.1", self._listener.getsockname()[1], None if tls is None else tls[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._run, args=(client, self.connections), daemon=True).start()

    def _run(self, client: socket.socket, number: int) -> None:
        with suppress(OSError), closing(client):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is None:
                self._serve(client, number)
            else:
                with closing(self._tls.wrap_socket(client, server_side=True)) as secured:
                    self._serve(secured, number)

    def close(self) -> None:
        self._listener.close()


@contextmanager
def store(serve: Serve, *, tls: tuple[SSLContext, SSLContext] | None = None) -> Iterator[Store]:
    """Give a store until the end."""
    opened = Store(serve, tls=tls)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def loop(*, most: int = 4, connect_timeout_s: float = 5.0, read_timeout_s: float = 5.0) -> Iterator[HttpLoop]:
    opened = HttpLoop(max_connections=most, connect_timeout_s=connect_timeout_s, read_timeout_s=read_timeout_s)
    try:
        yield opened
    finally:
        opened.close()


def asked(client: socket.socket) -> bool:
    """Wait for a whole request; False at the connection's end."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        got = client.recv(4096)
        if not got:
            return False
        data += got
    return True


def say(client: socket.socket, body: bytes = b"ok", *, more: bytes = b"") -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n%s\r\n" % (len(body), more) + body)


def polite(client: socket.socket, _: int) -> None:
    while asked(client):
        say(client)


def ask(loop: HttpLoop, place: HostPort, *, times: int = 1, message: bytes = ASK) -> list[HttpAnswer | Breakage]:
    ends: SimpleQueue[HttpAnswer | Breakage] = SimpleQueue()
    for _ in range(times):
        loop.send(place, message, is_head=False, on_end=ends.put)
    return [ends.get(timeout=PATIENCE_S) for _ in range(times)]


def bodies(ends: list[HttpAnswer | Breakage]) -> list[bytes | Breakage]:
    return [end.body if isinstance(end, HttpAnswer) else end for end in ends]


def broken(end: HttpAnswer | Breakage) -> Breakage:
    assert isinstance(end, Breakage), end
    return end
