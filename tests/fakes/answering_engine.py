"""A store in memory that answers some requests by itself, or as if they were others."""

from __future__ import annotations

from collections.abc import Callable

from s3plan.schemas.failures import Failure
from s3plan.schemas.requests.objects import Reply, Request
from s3plan.storage.memory.engine import MemoryEngine

Answer = Callable[[Request], Reply | Request | None]
"""Gives the reply, or the request that is performed instead; None: the request as it is."""


class AnsweringEngine(MemoryEngine):
    """Has one bucket, `bucket`."""

    def __init__(self, answer: Answer = lambda _: None) -> None:
        super().__init__()
        self.store.create_bucket("bucket")
        self._answer = answer

    def call(self, request: Request) -> Reply:
        answered = self._answer(request)
        if answered is None:
            return super().call(request)
        return answered if isinstance(answered, Failure) else super().call(answered)  # type: ignore[arg-type]

    @property
    def left(self) -> int:
        """How many objects and uploads there are."""
        bucket = self.store.bucket("bucket")
        return len(bucket.objects) + len(bucket.uploads)
