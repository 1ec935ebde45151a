"""A body on its way through one socket."""

from __future__ import annotations

import socket
from ssl import SSLWantReadError, SSLWantWriteError

from s3plan.schemas.bodies import Body, Viewed
from s3plan.schemas.failures import FailureKind
from s3plan.storage.s3.wire.tls_alerts import words_of

LATER = (BlockingIOError, InterruptedError, SSLWantReadError, SSLWantWriteError)
"""What a socket raises that takes, or has, nothing now."""
_MOST_AT_ONCE_BYTES = 2 << 20  # then it is another connection's turn


class BodyBroken(Exception):
    """What is sent cannot be had, or is not what it was."""

    def __init__(self, kind: FailureKind, code: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code


class BodySending:
    """How far a body has been sent. What was read and not taken is read again: the buffer is everybody's."""

    __slots__ = ("_body", "_sent_bytes", "_viewed")

    def __init__(self, body: Body) -> None:
        self._body = body
        self._viewed = body if isinstance(body, Viewed) else None
        self._sent_bytes = 0

    @property
    def is_done(self) -> bool:
        """Whether the socket has taken all of it."""
        return self._sent_bytes == self._body.size_bytes

    def send_some(self, to: socket.socket, buffer: memoryview) -> int:
        """Send what the socket takes, and return how many bytes that is.

        Raises BodyBroken if the bytes cannot be had, and what the socket raises.
        """
        began_at = self._sent_bytes
        end = min(self._body.size_bytes, began_at + _MOST_AT_ONCE_BYTES)
        while self._sent_bytes < end:
            part = self._read(buffer)
            try:
                sent = to.send(part)
            except LATER:
                break
            self._sent_bytes += sent
            if sent < len(part):
                break
        return self._sent_bytes - began_at

    def _read(self, buffer: memoryview) -> memoryview:
        if self._viewed is not None:
            return self._viewed.view_at(self._sent_bytes, len(buffer))
        view = buffer[: self._body.size_bytes - self._sent_bytes]
        try:
            read = self._body.read_into(view, offset=self._sent_bytes)
        except OSError as broken:
            words = f"what is to be sent cannot be read: {words_of(broken)}"
            raise BodyBroken(FailureKind.LOCAL_IO, "BodyUnreadable", words) from broken
        if not read:
            words = "what is to be sent became shorter meanwhile"
            raise BodyBroken(FailureKind.SOURCE_CHANGED, "BodyTooShort", words)
        return view[:read]
