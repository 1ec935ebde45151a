"""A proxy on loopback that passes plain HTTP requests on, one for each connection."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

_OF_ONE_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding"})


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True
    forwarded = 0


class _Handler(BaseHTTPRequestHandler):
    server: _Proxy

    def _forward(self) -> None:
        target = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_HOP}
        upstream = http.client.HTTPConnection(target.netloc, timeout=30)
        try:
            path = target._replace(scheme="", netloc="").geturl() or "/"
            upstream.request(self.command, path, body=body or None, headers=headers)
            reply = upstream.getresponse()
            content = reply.read()
        finally:
            upstream.close()
        self.server.forwarded += 1
        self.send_response_only(reply.status, reply.reason)
        for name, value in reply.getheaders():
            if name.lower() not in _OF_ONE_HOP:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _forward  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the standard error is the test's."""


@contextmanager
def forward_proxy() -> Iterator[_Proxy]:
    """Run it in threads; `forwarded` counts the requests that it passed on, `server_port` is where."""
    with _Proxy(("127.0.0.1", 0), _Handler) as proxy:
        thread = Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
