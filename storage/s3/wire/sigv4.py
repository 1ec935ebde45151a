"""AWS Signature Version 4 for one region, with what does not change from request to request kept ready.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from time import gmtime, strftime, time
from typing import Protocol

from s3plan.storage.s3.wire.failures import RequestUnsendable

_ALGORITHM = "AWS4-HMAC-SHA256"
_NO_BODY = sha256(b"").hexdigest()
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
"""Only where TLS protects the body."""
_PADS = (0x36, 0x5C)
# All but those that have their own say: tab, which is white space, and line ends.
_has_control_characters = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]").search


class FrozenCredentials(Protocol):
    """What botocore's get_frozen_credentials gives."""

    access_key: str
    secret_key: str
    token: str | None


class Signer:
    """Turns a request into the bytes of an HTTP/1.1 message, signed with the credentials of that moment.

    `credentials` is asked at every request; None for unsigned ones. Not thread-safe.
    """

    def __init__(
        self, *, region: str, credentials: Callable[[], FrozenCredentials] | None, user_agent: str | None = None
    ) -> None:
        self._region = region
        self._credentials = credentials
        # Never signed, since proxies may change it.
        self._unsigned = "" if user_agent is None else f"user-agent:{user_agent}\r\n"
        self._second = -1
        self._stamp = ""
        self._scope = ""
        self._key_of: tuple[str, str] | None = None  # the secret and the day that the two hashes are for
        self._inner = self._outer = sha256()
        self.used: FrozenCredentials | None = None
        """What the last message was signed with."""

    def has_others_than(self, used: FrozenCredentials | None) -> bool:
        """Return whether the next message will be signed with other credentials than these."""
        return self._credentials is not None and self._credentials() != used

    def message(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[str, str]],
        body: bytes | None,
        *,
        payload: str | None = None,
        unsigned: str = "",
    ) -> bytes:
        """Return head and body; `target` is encoded as S3 wants it, header names are in lower case and host is there.

        `payload` says what is signed for the body: its SHA-256 in hex, or UNSIGNED_PAYLOAD; None: it is computed. A
        body that follows by itself needs it. `unsigned` are lines of headers that the signature leaves out. Raises
        RequestUnsendable for a header that HTTP cannot carry.
        """
        if self._credentials is None:
            return _assembled(method, target, header_lines(headers), f"{self._unsigned}{unsigned}", body)
        frozen = self.used = self._credentials()
        self._turn_clock()
        digest = payload or (sha256(body).hexdigest() if body else _NO_BODY)
        signed = [*headers, ("x-amz-content-sha256", digest), ("x-amz-date", self._stamp)]
        if frozen.token:
            signed.append(("x-amz-security-token", frozen.token))
        signed.sort()
        names = ";".join([name for name, _ in signed])
        text = said = header_lines(signed)
        if "  " in text:  # the store folds white space before it signs
            said = "\n".join([f"{name}:{' '.join(value.split())}" for name, value in signed])
        path, _, query = target.partition("?")
        signature = self._signature(frozen.secret_key, f"{method}\n{path}\n{query}\n{said}\n\n{names}\n{digest}")
        credential = f"{frozen.access_key}/{self._scope}"
        vouches = f"{_ALGORITHM} Credential={credential},SignedHeaders={names},Signature={signature}"
        return _assembled(method, target, text, f"{self._unsigned}{unsigned}authorization:{vouches}\r\n", body)

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
            self._inner, self._outer = (sha256(bytes(byte ^ pad for byte in key.ljust(64, b"\0"))) for pad in _PADS)
            self._key_of = (secret, day)
        digest = sha256(canonical.encode()).hexdigest()
        # HMAC (RFC 2104) from the two hashes that depend on the key alone: a third of what hmac.digest takes.
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(f"{_ALGORITHM}\n{self._stamp}\n{self._scope}\n{digest}".encode())
        outer.update(inner.digest())
        return outer.hexdigest()


def header_lines(headers: Sequence[tuple[str, str]]) -> str:
    """Return headers as lines; raise RequestUnsendable for a value that would make another header, or that none has.

    What a store says of an object may hold anything. A store that leaves out a control character, or takes it for white
    space, finds another signature than ours, which looks like wrong credentials and ends a run.
    """
    text = "\n".join([f"{name}:{value}" for name, value in headers])
    # One line end for each header but the last, or a value would have made a header of its own.
    if (headers and text.count("\n") != len(headers) - 1) or "\r" in text:
        raise RequestUnsendable("a header's value is one line")
    if _has_control_characters(text):
        raise RequestUnsendable("a header's value has no control characters")
    return text


def _assembled(method: str, target: str, headers: str, last: str, body: bytes | None) -> bytes:
    lines = headers.replace("\n", "\r\n")
    try:
        head = f"{method} {target} HTTP/1.1\r\n{lines}\r\n{last}\r\n".encode("ascii")
    except UnicodeEncodeError as error:
        raise RequestUnsendable("a header's value is ASCII text") from error
    return head + body if body else head
