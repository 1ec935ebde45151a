"""AWS's hosts of S3 as far as addresses go: TLS, buckets in host names, a region that each host and signature is for.

What is asked in the right way goes on to a server that speaks plain HTTP and knows buckets by their path alone.
"""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import trustme

DOMAIN = "amazonaws.com"
_HOST = re.compile(
    r"(?:(?P<bucket>[a-z0-9.-]+)\.)?(?:s3(?P<fips>-fips)?(?:\.dualstack)?\.(?P<region>[a-z0-9-]+)"
    r"|(?P<accelerated>s3-accelerate)(?:\.dualstack)?)\.amazonaws\.com"
)
_SCOPE = re.compile(r"Credential=[^/]+/[0-9]{8}/([^/]+)/s3/aws4_request")
_OF_ONE_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: the host of its head and that of its TLS handshake, its method, the region it is signed for."""

    host: str
    tls_name: str | None
    method: str
    region: str
    user_agent: str


class _Front(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, server_port: int, region: str, others: Sequence[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream_port = server_port
        self.region = region
        self.regions = frozenset({region, *others})
        self.names: dict[object, str | None] = {}
        self.asked: list[Asked] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that end in the middle: the standard error is the test's."""


class _Handler(BaseHTTPRequestHandler):
    server: _Front
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        host = self.headers["host"]
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        scope = _SCOPE.search(self.headers.get("authorization", ""))
        signed_for = scope[1] if scope else ""
        name = self.server.names.get(self.connection)
        self.server.asked.append(Asked(host, name, self.command, signed_for, self.headers.get("user-agent", "")))
        place = _HOST.fullmatch(host)
        is_known_region = place is not None and place["region"] in self.server.regions
        accelerated = place is not None and place["accelerated"] is not None
        if place is None or not (is_known_region or accelerated):
            self._refuse(301, "PermanentRedirect")
        elif signed_for not in (self.server.regions if accelerated else {place["region"]}):
            self._refuse(400, "AuthorizationHeaderMalformed")
        else:
            self._pass_on(f"/{place['bucket']}{self.path}" if place["bucket"] else self.path, body)

    def _refuse(self, status: int, code: str) -> None:
        region = self.server.region
        said = f"<Error><Code>{code}</Code><Message>elsewhere</Message><Region>{region}</Region></Error>".encode()
        self._send(status, [("x-amz-bucket-region", region)], said)

    def _pass_on(self, path: str, body: bytes) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream_port, timeout=30)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_HOP}
            upstream.request(self.command, path, body=body or None, headers=headers)
            reply = upstream.getresponse()
            content = reply.read()
        finally:
            upstream.close()
        kept = [(name, value) for name, value in reply.getheaders() if name.lower() not in _OF_ONE_HOP]
        self._send(reply.status, kept, content)

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the standard error is the test's."""


@contextmanager
def aws_front(
    server_port: int, folder: Path, *, region: str, others: Sequence[str] = ()
) -> Iterator[tuple[_Front, Path]]:
    """Give (the front, which lists what was `asked`, the authority's file to trust); all buckets are in `region`.

    Those of `others` are answered for, too, but not told from them.
    """
    authority = trustme.CA()
    bundle = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    places = (region, *others, "us-east-1")
    hosts = [f"{start}.{DOMAIN}" for place in places for start in (f"s3.{place}", f"s3.dualstack.{place}")]
    hosts += [f"{start}.{DOMAIN}" for start in ("s3-accelerate", "s3-accelerate.dualstack")]
    authority.issue_cert(*hosts, *(f"*.{host}" for host in hosts)).configure_cert(context)
    with _Front(server_port, region, others) as front:

        def note_name(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
            front.names[connection] = name

        context.sni_callback = note_name
        front.socket = context.wrap_socket(front.socket, server_side=True, do_handshake_on_connect=False)
        thread = Thread(target=front.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield front, bundle
        finally:
            front.shutdown()
            thread.join()
