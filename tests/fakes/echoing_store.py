"""A store that repeats in its refusals all that it was sent, as S3 does, in front of one that answers; and its STS."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

_OF_ONE_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_SIGNATURE = re.compile(r"Signature=([0-9a-f]{64})")
_OF_PROBES = ".s3plan-probe-"
# Status and code of the refusals, one after the other; the last is what an unknown parameter would get.
REFUSALS = (
    (403, "SignatureDoesNotMatch"),
    (403, "AccessDenied"),
    (400, "InvalidRequest"),
    (500, "InternalError"),
    (400, "ExpiredToken"),
)


class EchoingStore(ThreadingHTTPServer):
    """See the module. `signatures` and `tokens` are those that it was sent; `role` is what STS hands out.

    Copies are refused once `passes` of them went through, but for those of a probe or a confirmation, from keys of its
    own or to them: the store behind answers these, which enforces conditions, so that an apply gets to its own actions.
    With `refuses_all`, a status and a code, every request is refused but those for a role.
    """

    daemon_threads = True

    def __init__(self, upstream: str, *, role: Mapping[str, str], passes: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.role = role
        self.passes = passes
        self.refuses_all: tuple[int, str] | None = None
        self.signatures: set[str] = set()
        self.tokens: set[str] = set()
        self.refused: set[str] = set()
        self._copies = 0
        self._lock = Lock()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def refusal(self, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Take note of a request and return how it is refused, if it is."""
        with self._lock:
            self.signatures.update(_SIGNATURE.findall(headers.get("authorization", "")))
            if token := headers.get("x-amz-security-token"):
                self.tokens.add(token)
            if self.refuses_all is not None:
                return self.refuses_all
            source = headers.get("x-amz-copy-source")
            if source is None or _OF_PROBES in source or _OF_PROBES in path:
                return None
            self._copies += 1
            if self._copies <= self.passes:
                return None
            refusal = REFUSALS[(self._copies - self.passes - 1) % len(REFUSALS)]
            self.refused.add(refusal[1])
            return refusal


class _Handler(BaseHTTPRequestHandler):
    server: EchoingStore
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if b"Action=AssumeRole" in body:
            self._say(200, _role_document(self.server.role))
            return
        refusal = self.server.refusal(self.path, headers)
        if refusal is not None:
            self._say(refusal[0], _echo(refusal[1], f"{self.command} {self.path}", headers))
            return
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=30)
        try:
            upstream.request(self.command, self.path, body=body or None, headers=headers)
            reply = upstream.getresponse()
            content = reply.read()
        finally:
            upstream.close()
        told = {name: value for name, value in reply.getheaders() if name.lower() not in _OF_ONE_HOP}
        length = reply.getheader("content-length", "0") if self.command == "HEAD" else str(len(content))
        self._send(reply.status, told | {"content-length": length}, content)

    def _say(self, status: int, document: str) -> None:
        content = document.encode()
        self._send(status, {"content-type": "application/xml", "content-length": str(len(content))}, content)

    def _send(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the standard error is the test's."""


def _echo(code: str, request: str, headers: Mapping[str, str]) -> str:
    """Return an error document with the elements that S3's have, and a message that is worse."""
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    canonical = f"{request}\n{lines}"
    authorization = headers.get("authorization", "")
    signature = (*_SIGNATURE.findall(authorization), "")[0]
    token = headers.get("x-amz-security-token", "")
    elements = {
        "Code": code,
        "Message": f"We were sent Authorization: {authorization} and x-amz-security-token={token}",
        "AWSAccessKeyId": "AKIDECHO",
        "StringToSign": f"AWS4-HMAC-SHA256\n{canonical}",
        "SignatureProvided": signature,
        "StringToSignBytes": canonical.encode().hex(" "),
        "CanonicalRequest": canonical,
        "CanonicalRequestBytes": canonical.encode().hex(" "),
        "Token-0": token,
    }
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in elements.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'


def _role_document(role: Mapping[str, str]) -> str:
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in role.items())
    return (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
        f"<Credentials>{inner}<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>"
        "<AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/copy/s3plan</Arn>"
        "<AssumedRoleId>AROA:s3plan</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
    )


@contextmanager
def echoing_store(upstream: str, *, role: Mapping[str, str], passes: int) -> Iterator[EchoingStore]:
    """Run it in threads."""
    with EchoingStore(upstream, role=role, passes=passes) as store:
        thread = Thread(target=store.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield store
        finally:
            store.shutdown()
            thread.join()
