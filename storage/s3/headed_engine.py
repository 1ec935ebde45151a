"""An engine that has whatever it writes carry what a bucket's policy may demand of a job's new objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.attributes import Encryption
from s3plan.schemas.requests.objects import CopyObject, PutObject, Reply, Request
from s3plan.schemas.requests.uploads import CreateMultipartUpload


class HeadedEngine:
    """An Engine for trials, whose writes are to be refused, or taken, as those of a job are.

    A request that asks for an encryption or an ACL keeps it, and one under a key of SSE-C has no other encryption.
    """

    def __init__(self, engine: Engine, *, encryption: Encryption | None, acl: str | None) -> None:
        self._engine = engine
        self._encryption = encryption
        self._acl = acl

    @property
    def clock_offset_ms(self) -> int:
        return self._engine.clock_offset_ms

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        self._engine.submit(self._with_headers(request), on_reply)

    def call(self, request: Request) -> Reply:
        return self._engine.call(self._with_headers(request))

    def close(self) -> None:
        self._engine.close()

    def _with_headers(self, request: Request) -> Request:
        if not isinstance(request, CopyObject | PutObject | CreateMultipartUpload):
            return request
        encryption = request.encryption or (None if request.customer_key is not None else self._encryption)
        return replace(request, encryption=encryption, acl=request.acl or self._acl)
