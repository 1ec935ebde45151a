"""An engine that is asked before anybody waits: questions that depend on no other answer are under way at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import Reply, Request
from s3plan.storage.waiting import OnReply, wait_for_reply


class AskingAhead:
    """Sends through another engine; a request that was asked ahead is not sent again, but gets that reply, once.

    Whoever asks does not know the difference. Only for questions: a reply that nobody fetches is dropped.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._early: list[_Early] = []
        self._lock = threading.Lock()

    @property
    def clock_offset_ms(self) -> int:
        """The other engine's."""
        return self._engine.clock_offset_ms

    def ask_ahead(self, questions: Iterable[Request]) -> None:
        """Send them now, each for whoever submits the same request next."""
        for question in questions:
            early = _Early(question)
            with self._lock:
                self._early.append(early)
            self._engine.submit(question, early.take)

    def submit(self, request: Request, on_reply: OnReply) -> None:
        """Send, unless it is under way already; `on_reply` is called exactly once, perhaps at once."""
        early = self._fetch(request) if self._early else None
        if early is None:
            self._engine.submit(request, on_reply)
        else:
            early.pass_on(on_reply)

    def call(self, request: Request) -> Reply:
        """Send, unless it is under way already, and wait for the reply."""
        return wait_for_reply(self.submit, request)

    def close(self) -> None:
        """Close the other engine."""
        self._engine.close()

    def _fetch(self, request: Request) -> _Early | None:
        with self._lock:
            for early in self._early:
                if early.request == request:
                    self._early.remove(early)
                    return early
        return None


class _Early:
    """A request under way, its reply once that has come, and who wants it once somebody does."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self._reply: Reply | None = None
        self._on_reply: OnReply | None = None
        self._lock = threading.Lock()

    def take(self, reply: Reply) -> None:
        with self._lock:
            self._reply = reply
            on_reply = self._on_reply
        if on_reply is not None:
            on_reply(reply)

    def pass_on(self, on_reply: OnReply) -> None:
        with self._lock:
            self._on_reply = on_reply
            reply = self._reply
        if reply is not None:
            on_reply(reply)
