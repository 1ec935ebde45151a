"""AWS Signature Version 4 for one region, with what does not change from request to request kept ready.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from hashlib import sha256
from time import gmtime, strftime, time
from typing import Protocol

from s3plan.storage.failures import RequestUnsendable

_ALGORITHM = "AWS4-HMAC-SHA256"
_NO_BODY = sha256(b"").hexdigest()

Headers = Sequence[tuple[str, str]]


class FrozenCredentials(Protocol):
    """What botocore's get_frozen_credentials gives."""

    access_key: str
    secret_key: str
    token: str | None


class Signer:
    """Turns a request into the bytes of an HTTP/1.1 message, signed with the credentials of that moment.

    `credentials` is asked at every request; None for unsigned ones. Not thread-safe.
    """

    def __init__(self, *, region: str, credentials: Callable[[], FrozenCredentials] | None) -> None:
        self._region = region
        self._credentials = credentials
        self._second = -1
        self._stamp = ""
        self._scope = ""
        self._key_of: tuple[str, str] | None = None  # the secret and the day that `_keyed` is for
        self._keyed = hmac.new(b"", b"", sha256)

    def message(self, method: str, target: str, headers: Headers, body: bytes | None) -> bytes:
        """Return head and body; `target` is encoded as S3 wants it, header names are in lower case and host is there.

        Raises RequestUnsendable for a header that HTTP cannot carry.
        """
        lines = [*headers]
        if self._credentials is None:
            return _assembled(method, target, lines, body)
        frozen = self._credentials()
        self._turn_clock()
        digest = _NO_BODY if not body else sha256(body).hexdigest()
        lines += [("x-amz-content-sha256", digest), ("x-amz-date", self._stamp)]
        if frozen.token:
            lines.append(("x-amz-security-token", frozen.token))
        lines.sort()
        names = ";".join([name for name, _ in lines])
        path, _, query = target.partition("?")
        text = "\n".join([f"{name}:{value}" for name, value in lines])
        if "  " in text:
            text = "\n".join([f"{name}:{' '.join(value.split())}" for name, value in lines])
        canonical = f"{method}\n{path}\n{query}\n{text}\n\n{names}\n{digest}"
        signature = self._signature(frozen.secret_key, canonical)
        credential = f"{frozen.access_key}/{self._scope}"
        lines.append(
            ("authorization", f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}")
        )
        return _assembled(method, target, lines, body)

    def _turn_clock(self) -> None:
        second = int(time())
        if second != self._second:
            self._second = second
            self._stamp = strftime("%Y%m%dT%H%M%SZ", gmtime(second))
            self._scope = f"{self._stamp[:8]}/{self._region}/s3/aws4_request"

    def _signature(self, secret: str, canonical: str) -> str:
        day = self._stamp[:8]
        if self._key_of != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, "s3", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._keyed, self._key_of = hmac.new(key, digestmod=sha256), (secret, day)
        keyed = self._keyed.copy()
        digest = sha256(canonical.encode()).hexdigest()
        keyed.update(f"{_ALGORITHM}\n{self._stamp}\n{self._scope}\n{digest}".encode())
        return keyed.hexdigest()


def _assembled(method: str, target: str, headers: Headers, body: bytes | None) -> bytes:
    lines = "\r\n".join([f"{name}: {value}" for name, value in headers])
    # One line end for each header but the last, or a value would have made a header of its own.
    if lines.count("\n") != len(headers) - 1 or lines.count("\r") != len(headers) - 1:
        raise RequestUnsendable("a header's value is one line")
    try:
        head = f"{method} {target} HTTP/1.1\r\n{lines}\r\n\r\n".encode("ascii")
    except UnicodeEncodeError as error:
        raise RequestUnsendable("a header's value is ASCII text") from error
    return head if not body else head + body
