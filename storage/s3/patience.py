"""Sends one request until it is answered: for plan and prepare, where no scheduler owns the retries."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import Reply, Request

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 20.0
_NOT_EXECUTED = frozenset({FailureKind.THROTTLED, FailureKind.UNREACHABLE})


def _nothing() -> None:
    return


def _ignored(_: Failure) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often to ask and how long to wait between: full jitter, doubled each time, at least what the store asks for.

    `sleep` takes seconds; `draw` gives a number from 0 up to 1. `before_each` is called before each request, and
    `before_removal` in its place where what was made for a trial is removed again; what they raise prevents it.
    """

    attempts: int = 8
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random
    before_each: Callable[[], None] = _nothing
    before_removal: Callable[[], None] = _nothing

    def for_removal(self) -> Patience:
        """Return the patience for removing what was made."""
        return replace(self, before_each=self.before_removal)

    def call(self, engine: Engine, request: Request) -> Reply:
        """Ask until the reply is final, or give the last failure. For requests that may be executed twice."""
        return self._call(engine, request, lambda kind: kind.is_retryable or kind is FailureKind.BAD_REPLY, _ignored)

    def call_once(self, engine: Engine, request: Request, *, on_retry: Callable[[Failure], None] = _ignored) -> Reply:
        """Ask again only where the store has not executed the request; `on_retry` is told each such failure."""
        return self._call(engine, request, lambda kind: kind in _NOT_EXECUTED, on_retry)

    def _call(
        self,
        engine: Engine,
        request: Request,
        is_worth_it: Callable[[FailureKind], bool],
        on_retry: Callable[[Failure], None],
    ) -> Reply:
        for attempt in range(self.attempts - 1):
            self.before_each()
            reply = engine.call(request)
            if not isinstance(reply, Failure) or not is_worth_it(reply.kind):
                return reply
            on_retry(reply)
            self.sleep(self.pause_s(attempt, retry_after_s=reply.retry_after_s))
        self.before_each()
        return engine.call(request)

    def pause_s(self, attempt: int, *, retry_after_s: float | None = None) -> float:
        """Return the wait after the attempt of that number, from 0."""
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0**attempt)
        return max(self.draw() * longest, min(retry_after_s or 0.0, _LONGEST_PAUSE_S))
