"""An engine that asks before each request whether, or when, it may be sent."""

from __future__ import annotations

from collections.abc import Callable

from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import Reply, Request


class GuardedEngine:
    """An Engine; what `before_request` raises comes out of `submit` and `call`, and nothing is sent.

    As long as it takes, whoever asks waits, also in `submit`.
    """

    def __init__(self, engine: Engine, before_request: Callable[[Request], None]) -> None:
        self._engine = engine
        self._before_request = before_request

    @property
    def clock_offset_ms(self) -> int:
        return self._engine.clock_offset_ms

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        self._before_request(request)
        self._engine.submit(request, on_reply)

    def call(self, request: Request) -> Reply:
        self._before_request(request)
        return self._engine.call(request)

    def close(self) -> None:
        self._engine.close()
