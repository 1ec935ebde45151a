"""A TLS front on loopback that answers each copy twice and, having done so, keeps the next request to itself.

So a client that takes what lies on its connection for the answer to its next request believes that a request was done
which never reached the store.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from fakes.tls_pairs import authority, server_settings

_OF_ONE_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


class DoublingFront(ThreadingHTTPServer):
    """`kept` counts the requests that it answered before they came, and let nobody see."""

    daemon_threads = True
    upstream_port = 0
    kept = 0
    bundle = Path()

    @property
    def endpoint(self) -> str:
        return f"https://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients may hang up."""


class _Handler(BaseHTTPRequestHandler):
    server: DoublingFront
    protocol_version = "HTTP/1.1"

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if getattr(self.connection, "was_doubled", False):
            self.server.kept += 1
            self.connection.was_doubled = False
            return
        answer = self._answer_to(body)
        if self.headers.get("x-amz-copy-source") is None:
            self.connection.sendall(answer)
            return
        self.connection.was_doubled = True
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # two records that come together
        self.connection.sendall(answer)
        self.connection.sendall(answer)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _forward  # noqa: N815

    def _answer_to(self, body: bytes) -> bytes:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream_port, timeout=30)
        try:
            upstream.request(self.command, self.path, body=body or None, headers=dict(self.headers.items()))
            reply = upstream.getresponse()
            content = reply.read()
        finally:
            upstream.close()
        kept = [(name, value) for name, value in reply.getheaders() if name.lower() not in _OF_ONE_HOP]
        length = reply.headers.get("content-length", "0") if self.command == "HEAD" else str(len(content))
        lines = [f"{name}: {value}" for name, value in [*kept, ("content-length", length)]]
        return "\r\n".join([f"HTTP/1.1 {reply.status} {reply.reason}", *lines, "", ""]).encode("latin-1") + content

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the standard error is the test's."""


@contextmanager
def doubling_front(server_port: int, folder: Path) -> Iterator[DoublingFront]:
    """Run it in threads in front of a server that speaks plain HTTP; `bundle` is the file of whom to trust."""
    with DoublingFront(("127.0.0.1", 0), _Handler) as front:
        front.upstream_port = server_port
        front.bundle = folder / "authority.pem"
        authority().cert_pem.write_to_path(str(front.bundle))
        front.socket = server_settings().wrap_socket(front.socket, server_side=True)
        thread = Thread(target=front.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield front
        finally:
            front.shutdown()
            thread.join()
            with suppress(OSError):
                front.socket.close()
