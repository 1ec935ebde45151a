"""A store in memory that answers some requests in its own way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.requests.objects import DeleteObjects, Reply, Request
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.memory.store import MemoryStore

Answer = Callable[[Request], Reply | None]


class PickyStore:
    """An engine; `answer` gives its own reply to a request, or None for the usual one."""

    clock_offset_ms = 0

    def __init__(self, *buckets: str, answer: Answer = lambda _: None) -> None:
        self.engine = MemoryEngine()
        for bucket in buckets or ("bucket",):
            self.engine.store.create_bucket(bucket)
        self.answer = answer
        self.asked: list[Request] = []

    @property
    def store(self) -> MemoryStore:
        return self.engine.store

    def call(self, request: Request) -> Reply:
        self.asked.append(request)
        return self.answer(request) or self.engine.call(request)

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        on_reply(self.call(request))

    def close(self) -> None:
        """Nothing is open."""

    def ignore_conditions(self, *kinds: type[Request]) -> None:
        """Perform requests of these kinds without their conditions, or all."""
        self.answer = lambda request: (
            self.engine.call(unconditional(request)) if not kinds or isinstance(request, kinds) else None
        )

    def refuse(self, kind: FailureKind, *kinds: type[Request], status: int | None = None) -> None:
        """Answer requests of these kinds so."""
        self.answer = lambda request: (
            Failure(kind, type(request).__name__, "Refused", "", status) if isinstance(request, kinds) else None
        )

    @property
    def kinds_asked(self) -> list[str]:
        return [type(request).__name__ for request in self.asked]


def unconditional(request: Request) -> Request:
    """Return the request without any condition."""
    if isinstance(request, DeleteObjects):
        return replace(request, keys=[(key, None) for key, _ in request.keys])
    names = {field.name for field in fields(request)} & {"if_match", "if_absent", "source_if_match"}
    none: dict[str, Any] = {name: False if name == "if_absent" else None for name in names}
    return replace(request, **none)
