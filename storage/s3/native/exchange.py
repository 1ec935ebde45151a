"""What passes between who asks and the connection that asks for it: a request, where to, and its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

from s3plan.schemas.bodies import Body
from s3plan.schemas.failures import FailureKind
from s3plan.storage.s3.native.answer import HttpAnswer, Pour


@dataclass(frozen=True, slots=True)
class Breakage:
    """Why a request has no answer."""

    kind: FailureKind
    code: str
    message: str


OnEnd = Callable[[HttpAnswer | Breakage], None]


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect to; as getaddrinfo tells it."""

    family: int
    socket_address: Any


@dataclass(frozen=True, slots=True)
class HostPort:
    """A host and port, and the TLS settings to reach it with; None for plain HTTP."""

    host: str
    port: int
    tls: SSLContext | None = None

    def __str__(self) -> str:
        """For messages."""
        return f"{self.host}:{self.port}"


class Exchange:
    """One request to be sent and what to call with its answer; None once it was called.

    `body` follows the message; `pour` takes the answer's, if it is what was asked for.
    """

    __slots__ = ("body", "is_head", "message", "on_end", "place", "pour")

    def __init__(
        self,
        place: HostPort,
        message: bytes,
        *,
        is_head: bool,
        on_end: OnEnd,
        body: Body | None = None,
        pour: Pour | None = None,
    ) -> None:
        self.place = place
        self.message = message
        self.is_head = is_head
        self.on_end: OnEnd | None = on_end
        self.body = body
        self.pour = pour
