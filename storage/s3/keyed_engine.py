"""An engine that has every request carry the key of SSE-C that its objects are under."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.requests.objects import CopyObject, GetObject, HeadObject, PutObject, Reply, Request
from s3plan.schemas.requests.uploads import (
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListParts,
    UploadPart,
    UploadPartCopy,
)

_REFUSED = frozenset({FailureKind.DENIED, FailureKind.INVALID})
_WHY = "sent with a key of SSE-C: the object may be under another key or none, or the bucket may block SSE-C"


class KeyedEngine:
    """An Engine; `own` is the key of what it reads and makes, `source` that of what its copies read.

    So no procedure knows of keys, and none can forget one. A request that has a key keeps it.
    """

    def __init__(self, engine: Engine, *, own: CustomerKey | None = None, source: CustomerKey | None = None) -> None:
        self._engine = engine
        self._own = own
        self._source = source

    @property
    def clock_offset_ms(self) -> int:
        return self._engine.clock_offset_ms

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        keyed = self._with_keys(request)
        self._engine.submit(keyed, on_reply if keyed is request else lambda reply: on_reply(_explained(reply)))

    def call(self, request: Request) -> Reply:
        keyed = self._with_keys(request)
        reply = self._engine.call(keyed)
        return reply if keyed is request else _explained(reply)

    def close(self) -> None:
        self._engine.close()

    def _with_keys(self, request: Request) -> Request:
        match request:
            case CopyObject() | UploadPartCopy():
                return replace(
                    request,
                    customer_key=request.customer_key or self._own,
                    source_customer_key=request.source_customer_key or self._source,
                )
            case (
                HeadObject()
                | GetObject()
                | PutObject()
                | CreateMultipartUpload()
                | UploadPart()
                | CompleteMultipartUpload()
                | ListParts()
            ) if self._own is not None:
                return replace(request, customer_key=request.customer_key or self._own)
            case _:
                return request


def _explained(reply: Reply) -> Reply:
    """Return a refusal with what may be the reason; stores say no more than 403, and of a HEAD than 400."""
    if not isinstance(reply, Failure) or reply.kind not in _REFUSED or reply.message.endswith(_WHY):
        return reply
    return replace(reply, message=f"{reply.message}; {_WHY}" if reply.message else _WHY)
