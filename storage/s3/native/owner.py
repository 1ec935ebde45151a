"""Whom a connection belongs to, and what it tells its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from s3plan.storage.s3.native.answer import HttpAnswer
from s3plan.storage.s3.native.exchange import Breakage, Exchange

if TYPE_CHECKING:
    from s3plan.storage.s3.native.connection import HttpConnection


class Owner(Protocol):
    """Who keeps connections: told what becomes of each."""

    @property
    def now_s(self) -> float:
        """The time of this round, monotonic."""

    @property
    def buffer(self) -> memoryview:
        """Where to receive into; its content is nobody's between two calls."""

    def watch(self, connection: HttpConnection, events: int) -> None:
        """Call `connection.proceed` when its socket is ready; 0 to stop."""

    def opened(self, connection: HttpConnection) -> None:
        """The connection can be used."""

    def failed_to_open(self, connection: HttpConnection, why: Breakage) -> None:
        """It could not be made."""

    def found_no_room(self, connection: HttpConnection) -> None:
        """It could not be made because this process has as many files open as it may."""

    def answered(self, connection: HttpConnection, exchange: Exchange, answer: HttpAnswer) -> None:
        """An exchange has ended well; the connection is free, or closed if the answer says so."""

    def broke(self, connection: HttpConnection, exchange: Exchange | None, why: Breakage) -> None:
        """The connection is closed; `exchange` has no answer."""
