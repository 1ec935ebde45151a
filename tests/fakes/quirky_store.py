"""A store that answers in its own way: it passes every request on to a good one, and rewrites what comes back."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

_OF_ONE_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_listing(self) -> bool:
        return "list-type" in self.query

    @property
    def is_copy(self) -> bool:
        return "x-amz-copy-source" in self.headers

    @property
    def is_part(self) -> bool:
        return "partNumber" in self.query

    @property
    def is_batch_delete(self) -> bool:
        return self.method == "POST" and "delete" in self.query

    @property
    def is_complete(self) -> bool:
        return self.method == "POST" and "uploadId" in self.query


@dataclass(frozen=True, slots=True)
class Said:
    """One answer; header names are in lower case. `length` is that of the body for HEAD, which has none."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    length: str | None = None

    def with_body(self, body: bytes) -> Said:
        return replace(self, body=body)


Quirk = Callable[[Asked, Said], Said]
Before = Callable[[Asked], "Asked | Said"]
"""Gives what is passed on instead of a request, or the answer to one that is not passed on."""


class QuirkyStore(ThreadingHTTPServer):
    """See the module. `quirk` and `before` may be changed while it runs; without, it answers as the good store does."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str, quirk: Quirk) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.quirk = quirk
        self.before: Before = lambda asked: asked

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: QuirkyStore
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        parts = urlsplit(self.path)
        asked = Asked(self.command, parts.path, parse_qs(parts.query, keep_blank_values=True), headers, body)
        sent = self.server.before(asked)
        said = sent if isinstance(sent, Said) else self.server.quirk(asked, self._passed_on(sent))
        self.send_response_only(said.status)
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", said.length or str(len(said.body)))
        self.end_headers()
        self.wfile.write(said.body)

    def _passed_on(self, asked: Asked) -> Said:
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=30)
        try:
            query = urlsplit(self.path).query
            target = f"{asked.path}?{query}" if query else asked.path
            upstream.request(asked.method, target, body=asked.body or None, headers=dict(asked.headers))
            reply = upstream.getresponse()
            body = reply.read()
        finally:
            upstream.close()
        told = {name.lower(): value for name, value in reply.getheaders()}
        length = told.get("content-length") if asked.method == "HEAD" else None
        return Said(
            reply.status, {name: value for name, value in told.items() if name not in _OF_ONE_HOP}, body, length
        )

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the standard error is the test's."""


@contextmanager
def quirky_store(upstream: str, quirk: Quirk = lambda _, said: said) -> Iterator[QuirkyStore]:
    """Run it in threads."""
    with QuirkyStore(upstream, quirk) as store:
        thread = Thread(target=store.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield store
        finally:
            store.shutdown()
            thread.join()
