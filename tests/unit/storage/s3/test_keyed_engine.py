"""An engine adds keys of SSE-C to what reads and makes objects, and to nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.requests import objects as r
from s3plan.schemas.requests import uploads as u
from s3plan.schemas.requests.attributes import NO_ATTRIBUTES
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.storage.s3.keyed_engine import KeyedEngine

OWN, SOURCE = CustomerKey(b"o" * 32), CustomerKey(b"s" * 32)
KEYED: tuple[r.Request, ...] = (
    r.HeadObject("b", "k"),
    r.GetObject("b", "k"),
    r.PutObject("b", "k", b""),
    u.CreateMultipartUpload("b", "k", NO_ATTRIBUTES),
    u.UploadPart("b", "k", "id", 1, b""),
    u.CompleteMultipartUpload("b", "k", "id", ()),
    u.ListParts("b", "k", "id"),
)
COPIES: tuple[r.Request, ...] = (
    r.CopyObject("b", "k", "c", "j"),
    u.UploadPartCopy("b", "k", "id", 1, "c", "j", None, None),
)
OTHERS: tuple[r.Request, ...] = (
    r.HeadBucket("b"),
    r.ListObjects("b"),
    r.GetObjectTags("b", "k"),
    r.DeleteObject("b", "k"),
    r.DeleteObjects("b", ()),
    u.AbortMultipartUpload("b", "k", "id"),
)


_DONE = r.Acknowledged()


@dataclass
class Recording:
    reply: r.Reply = _DONE
    sent: list[r.Request] = field(default_factory=list)
    clock_offset_ms: int = 0

    def submit(self, request: r.Request, on_reply: Callable[[r.Reply], None]) -> None:
        on_reply(self.call(request))

    def call(self, request: r.Request) -> r.Reply:
        self.sent.append(request)
        return self.reply

    def close(self) -> None: ...


def keys_of(request: r.Request, *, own: CustomerKey | None, source: CustomerKey | None) -> tuple[object, object]:
    inner = Recording()
    KeyedEngine(KeyedEngine(inner, own=own), source=source).submit(request, lambda _: None)
    (sent,) = inner.sent
    return getattr(sent, "customer_key", None), getattr(sent, "source_customer_key", None)


@pytest.mark.parametrize("request_", KEYED, ids=lambda each: type(each).__name__)
def test_what_reads_or_makes_an_object_has_its_key(request_: r.Request) -> None:
    assert keys_of(request_, own=OWN, source=SOURCE) == (OWN, None)


@pytest.mark.parametrize("request_", COPIES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("own", [None, OWN])
@pytest.mark.parametrize("source", [None, SOURCE])
def test_a_copy_has_the_key_of_each_side_that_has_one(
    request_: r.Request, own: CustomerKey | None, source: CustomerKey | None
) -> None:
    assert keys_of(request_, own=own, source=source) == (own, source)


@pytest.mark.parametrize("request_", OTHERS, ids=lambda each: type(each).__name__)
def test_nothing_else_has_one(request_: r.Request) -> None:
    inner = Recording()
    KeyedEngine(inner, own=OWN, source=SOURCE).call(request_)
    assert inner.sent[0] is request_


@pytest.mark.parametrize(
    ("kind", "is_explained"),
    [(FailureKind.DENIED, True), (FailureKind.INVALID, True), (FailureKind.NOT_FOUND, False)],
)
def test_a_refusal_of_what_has_a_key_says_what_may_be_the_reason_once(kind: FailureKind, *, is_explained: bool) -> None:
    engine = KeyedEngine(Recording(Failure(kind, "HeadObject", "403", "no", 403)), own=OWN)
    reply = KeyedEngine(engine, own=OWN).call(r.HeadObject("b", "k"))
    assert isinstance(reply, Failure)
    assert reply.message.count("the bucket may block SSE-C") == is_explained
    assert reply.message.startswith("no")
