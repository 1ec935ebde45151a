"""A header that a store does not know is left out once it is found out; a refusal without a word is asked about."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace

import pytest
from fakes.picky_store import PickyStore
from s3plan.schemas.bodies import SinkInMemory
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.requests.objects import (
    BucketFound,
    CopyObject,
    DeleteObject,
    GetObject,
    HeadBucket,
    HeadObject,
    ListObjects,
    ObjectFound,
    ObjectRead,
    ObjectWritten,
    PutObject,
    Reply,
    Request,
)
from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import StoreQuirks
from s3plan.storage.memory_budget import MemoryBudget
from s3plan.storage.s3.store_quirks import quirks_of
from s3plan.storage.s3.tolerant_engine import TolerantEngine

HEAD, COPY = HeadObject("bucket", "there"), CopyObject("bucket", "to", "bucket", "there")
GET = GetObject("bucket", "there", with_checksums=True)
AWS, UNKNOWN, B2 = map(quirks_of, (StoreName.AWS, StoreName.UNKNOWN, StoreName.B2))
BARE = Failure(FailureKind.INVALID, "HeadObject", "HTTP400", "", 400)
Send = Callable[[TolerantEngine, Request], Reply]


def by_call(engine: TolerantEngine, request: Request) -> Reply:
    return engine.call(request)


def by_submit(engine: TolerantEngine, request: Request) -> Reply:
    replies: list[Reply] = []
    engine.submit(request, replies.append)
    (reply,) = replies
    return reply


@pytest.fixture(params=[by_call, by_submit])
def send(request: pytest.FixtureRequest) -> Send:
    found: Send = request.param
    return found


@pytest.fixture
def store() -> PickyStore:
    picky = PickyStore()
    picky.engine.call(PutObject("bucket", "there", b"bytes"))
    return picky


def refuse_headers(store: PickyStore, status: int) -> None:
    kind = FailureKind.UNSUPPORTED if status == 501 else FailureKind.INVALID

    def answer(request: Request) -> Reply | None:
        known = not (isinstance(request, HeadObject | GetObject) and request.with_checksums)
        known &= not (isinstance(request, CopyObject) and request.leaves_annotations)
        return None if known else Failure(kind, type(request).__name__, "Unknown", "", status)

    store.answer = answer


@pytest.mark.parametrize("status", [400, 501])
@pytest.mark.parametrize(("request_", "expected"), [(HEAD, ObjectFound), (GET, ObjectRead), (COPY, ObjectWritten)])
def test_a_header_that_is_not_known_is_left_out_from_then_on(
    store: PickyStore, send: Send, status: int, request_: Request, expected: type[Reply]
) -> None:
    refuse_headers(store, status)
    engine = TolerantEngine(store, UNKNOWN)
    for asked in (2, 3, 4):
        assert isinstance(send(engine, request_), expected)
        assert len(store.asked) == asked


@pytest.mark.parametrize("request_", [HEAD, GET, COPY])
def test_once_the_header_was_taken_a_refusal_is_about_something_else(
    store: PickyStore, send: Send, request_: Request
) -> None:
    engine = TolerantEngine(store, UNKNOWN)
    assert not isinstance(send(engine, request_), Failure)
    store.refuse(FailureKind.UNSUPPORTED, HeadObject, GetObject, CopyObject, status=501)
    store.asked.clear()
    assert isinstance(send(engine, request_), Failure)
    assert len(store.asked) == 1


@pytest.mark.parametrize("request_", [HEAD, GET])
@pytest.mark.parametrize("status", [None, 501])
def test_who_asks_for_no_checksums_finds_out_nothing_about_them(
    store: PickyStore, send: Send, request_: HeadObject | GetObject, status: int | None
) -> None:
    plain = replace(request_, with_checksums=False)
    engine = TolerantEngine(store, UNKNOWN)
    if status is not None:
        store.refuse(FailureKind.UNSUPPORTED, HeadObject, GetObject, status=status)
    send(engine, plain)
    assert store.asked == [plain]
    refuse_headers(store, 501)
    assert not isinstance(send(engine, request_), Failure)
    assert store.asked[1:] == [request_, plain]


@pytest.mark.parametrize("request_", [HEAD, GET, COPY])
def test_at_aws_nothing_is_left_out(store: PickyStore, send: Send, request_: Request) -> None:
    refuse_headers(store, 501)
    assert isinstance(send(TolerantEngine(store, AWS), request_), Failure)
    assert len(store.asked) == 1


@pytest.mark.parametrize("request_", [HEAD, GET, COPY])
def test_what_is_refused_without_the_header_too_is_no_reason_to_leave_it_out(
    store: PickyStore, send: Send, request_: Request
) -> None:
    engine = TolerantEngine(store, UNKNOWN)
    store.refuse(FailureKind.UNSUPPORTED, HeadObject, GetObject, CopyObject, status=501)
    assert isinstance(send(engine, request_), Failure)
    store.answer = lambda _: None
    store.asked.clear()
    assert not isinstance(send(engine, request_), Failure)
    assert store.asked == [request_]


@pytest.mark.parametrize("request_", [HEAD, GET, COPY])
def test_what_the_table_says_a_store_refuses_is_never_sent_to_it(
    store: PickyStore, send: Send, request_: Request
) -> None:
    refuse_headers(store, 400)
    assert not isinstance(send(TolerantEngine(store, B2), request_), Failure)
    assert len(store.asked) == 1


@pytest.mark.parametrize("quirks", [AWS, UNKNOWN])
def test_an_object_whose_checksums_may_not_be_seen_is_there(store: PickyStore, send: Send, quirks: StoreQuirks) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html: they need kms:Decrypt."""
    denied = Failure(FailureKind.DENIED, "HeadObject", "AccessDenied", "", 403)
    store.answer = lambda request: denied if isinstance(request, HeadObject) and request.with_checksums else None
    engine = TolerantEngine(store, quirks)
    for asked in (2, 4):
        assert isinstance(send(engine, HEAD), ObjectFound)
        assert len(store.asked) == asked
    store.answer = lambda request: denied if isinstance(request, HeadObject) else None
    assert send(engine, HEAD) == denied


@pytest.mark.parametrize("kind", [FailureKind.THROTTLED, FailureKind.TRANSIENT, FailureKind.NOT_FOUND])
def test_whatever_is_said_without_checksums_is_the_answer_where_they_may_not_be_seen(
    store: PickyStore, send: Send, kind: FailureKind
) -> None:
    denied = Failure(FailureKind.DENIED, "HeadObject", "AccessDenied", "", 403)
    passing = Failure(kind, "HeadObject", "Said", "", 503)
    store.answer = lambda request: denied if isinstance(request, HeadObject) and request.with_checksums else passing
    assert send(TolerantEngine(store, AWS), HEAD) == passing


def answer_heads_by_400(store: PickyStore, listing: Reply | None) -> None:
    store.answer = lambda request: (
        BARE if isinstance(request, HeadObject | HeadBucket) else listing if isinstance(request, ListObjects) else None
    )


@pytest.mark.parametrize("quirks", [AWS, UNKNOWN])
@pytest.mark.parametrize("request_", [HEAD, HeadBucket("bucket")])
@pytest.mark.parametrize(
    "kind",
    [FailureKind.CREDENTIALS_EXPIRED, FailureKind.WRONG_REGION, FailureKind.CLOCK_SKEWED, FailureKind.UNREACHABLE],
)
def test_a_bare_400_is_what_a_listing_is_refused_for(
    store: PickyStore, send: Send, request_: Request, quirks: StoreQuirks, kind: FailureKind
) -> None:
    answer_heads_by_400(store, Failure(kind, "ListObjectsV2", "Why", "words", 400, region="eu-west-1"))
    reply = send(TolerantEngine(store, quirks), request_)
    assert reply == Failure(kind, "HeadObject", "Why", "words", 400, region="eu-west-1")


def test_a_bare_400_stays_one_if_nothing_else_is_said(store: PickyStore, send: Send) -> None:
    answer_heads_by_400(store, None)
    assert send(TolerantEngine(store, AWS), HEAD) == BARE
    answer_heads_by_400(store, Failure(FailureKind.DENIED, "ListObjectsV2", "AccessDenied", "", 403))
    assert send(TolerantEngine(store, AWS), HEAD) == BARE


def test_a_bucket_that_can_be_listed_is_there(store: PickyStore, send: Send) -> None:
    answer_heads_by_400(store, None)
    assert send(TolerantEngine(store, UNKNOWN), HeadBucket("bucket")) == BucketFound(None)


def test_other_requests_go_as_they_are(store: PickyStore, send: Send) -> None:
    store.refuse(FailureKind.UNSUPPORTED, DeleteObject, status=501)
    request = DeleteObject("bucket", "there", owner="123456789012")
    assert isinstance(send(TolerantEngine(store, UNKNOWN), request), Failure)
    assert store.asked == [request]


def test_an_engine_that_is_closed_between_two_questions_gives_the_first_answer(store: PickyStore) -> None:
    class Closing(PickyStore):
        def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
            if request != HEAD:
                raise RuntimeError("the engine is closed")
            on_reply(BARE)

    assert by_submit(TolerantEngine(Closing(), AWS), HEAD) == BARE


class Reading:
    """An engine that keeps nothing of what it is asked, and answers each GET with no bytes."""

    clock_offset_ms = 0

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        on_reply(self.call(request))

    def call(self, request: Request) -> Reply:
        assert isinstance(request, GetObject)
        return ObjectRead("etag", b"")

    def close(self) -> None:
        """Nothing is open."""


def ask_and_forget(engine: TolerantEngine, request: Request) -> None:
    """Ask as a batch does, which knows by its request what a reply is for."""
    replies: list[tuple[Request, Reply]] = []
    engine.submit(request, lambda reply: replies.append((request, reply)))
    assert len(replies) == 1


@pytest.mark.parametrize("quirks", [AWS, UNKNOWN, B2])
def test_the_room_for_an_answer_is_free_as_soon_as_nobody_has_it_without_the_collector(quirks: StoreQuirks) -> None:
    memory, engine = MemoryBudget(1), TolerantEngine(Reading(), quirks)
    gc.disable()
    try:
        for _ in range(3):
            ask_and_forget(engine, replace(GET, into=SinkInMemory(1, into=memory.buffer(1))))
            assert memory.buffer(1) is not None
    finally:
        gc.enable()
