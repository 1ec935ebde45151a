"""A listing that cannot be trusted is never handed on as if it could."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from s3plan.schemas.errors import CredentialsUnusable, ListingUnusable, StoreRefused
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.requests.objects import ListObjects, ObjectsPage, Reply, Request
from s3plan.storage.listing.lister import S3Lister, open_listing
from s3plan.storage.listing.page_checks import MAX_EMPTY_PAGES, OutOfOrder
from s3plan.storage.places.buckets import BucketMissing
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import refusal_of
from s3plan.storage.s3.wire.failures import failure_of

LOCATION = PlanLocation(1, LocationKind.S3, "s3://bucket/p/", "", None, None, "bucket", "p/")


class ScriptedEngine:
    """Answers with what it was given, one reply after another."""

    clock_offset_ms = 90_000

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []

    def call(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.replies.pop(0)

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        on_reply(self.call(request))

    def close(self) -> None:
        """Nothing is open."""


def page(*keys: bytes, token: str | None = None, truncated: bool | None = None) -> ObjectsPage:
    rows = [ObjectRow(key, 1, "e", 0) for key in keys]
    return ObjectsPage(rows, next_token=token, truncated=token is not None if truncated is None else truncated)


def failure(kind: FailureKind, **more: object) -> Failure:
    return Failure(kind, "ListObjectsV2", str(kind), "words of the store", **more)  # type: ignore[arg-type]  # few of them


def keys_of(engine: ScriptedEngine, *, pauses: list[float] | None = None) -> list[bytes]:
    waited: list[float] = [] if pauses is None else pauses
    patience = Patience(attempts=4, sleep=waited.append, draw=lambda: 0.5)
    return [row.key for rows in S3Lister(engine, LOCATION, patience=patience).pages() for row in rows]


def refused(*replies: Reply) -> str:
    with pytest.raises(ListingUnusable) as caught:
        keys_of(ScriptedEngine(*replies))
    return str(caught.value)


def test_pages_are_asked_for_one_after_the_other_by_token() -> None:
    engine = ScriptedEngine(page(b"p/a", token="1"), page(b"p/b", token="2"), page(b"p/c"))
    assert keys_of(engine) == [b"a", b"b", b"c"]
    assert [request.token for request in engine.requests if isinstance(request, ListObjects)] == [None, "1", "2"]


def test_a_page_out_of_order_is_told_with_both_keys_and_its_number() -> None:
    with pytest.raises(OutOfOrder, match=r"on page 2, 'p/b' comes after 'p/c', but belongs before it"):
        keys_of(ScriptedEngine(page(b"p/a", token="1"), page(b"p/c", b"p/b")))


def test_order_is_verified_from_one_page_to_the_next() -> None:
    with pytest.raises(OutOfOrder, match="on page 2, 'p/a' comes after 'p/b'"):
        keys_of(ScriptedEngine(page(b"p/b", token="1"), page(b"p/a")))


def test_order_is_that_of_decoded_bytes() -> None:
    sent = page(b"p/ ", b"p/%", b"p/a b", b"p/a%", "p/\uff5e".encode(), "p/\U00010000".encode())
    assert len(keys_of(ScriptedEngine(sent))) == 6


@pytest.mark.parametrize(
    "replies",
    [[page(b"p/a", b"p/a")], [page(b"p/a", token="1"), page(b"p/a")]],
    ids=["in a page", "from page to page"],
)
def test_a_repeated_key_is_refused(replies: Sequence[Reply]) -> None:
    assert "'p/a' is listed twice" in refused(*replies)


def test_a_token_that_comes_again_is_refused() -> None:
    said = refused(page(b"p/a", token="1"), page(b"p/b", token="2"), page(b"p/c", token="1"))
    assert "on page 3, its token has come before" in said


def test_more_without_a_token_is_refused() -> None:
    assert "no token" in refused(page(b"p/a", truncated=True))


def test_empty_pages_in_between_are_allowed() -> None:
    engine = ScriptedEngine(page(token="1"), page(b"p/a", token="2"), page(token="3"), page(b"p/b"))
    assert keys_of(engine) == [b"a", b"b"]


def test_nothing_but_empty_pages_is_refused_in_the_end() -> None:
    said = refused(*(page(token=str(number)) for number in range(MAX_EMPTY_PAGES)))
    assert f"{MAX_EMPTY_PAGES} pages in a row were empty" in said


def test_a_key_outside_the_prefix_is_refused() -> None:
    assert "'q/a' lies outside the prefix" in refused(page(b"p/a", b"q/a"))


def test_a_key_that_is_not_utf_8_is_refused_and_shown_escaped() -> None:
    assert r"'p/\xff\xfe' is not UTF-8" in refused(page(b"p/a", b"p/\xff\xfe"))


def test_control_characters_of_a_key_never_reach_the_terminal() -> None:
    said = refused(page(b"p/\x1b[31m", b"p/\x1b[31m"))
    assert "\x1b" not in said
    assert "\\x1b" in said


@pytest.mark.parametrize("kind", [FailureKind.TRANSIENT, FailureKind.THROTTLED, FailureKind.UNREACHABLE])
def test_a_page_that_fails_for_now_is_asked_for_again(kind: FailureKind) -> None:
    pauses: list[float] = []
    engine = ScriptedEngine(page(b"p/a", token="1"), failure(kind), failure(kind), page(b"p/b"))
    assert keys_of(engine, pauses=pauses) == [b"a", b"b"]
    assert pauses == [0.1, 0.2]


def test_the_wait_that_the_store_asks_for_is_kept() -> None:
    pauses: list[float] = []
    keys_of(ScriptedEngine(failure(FailureKind.THROTTLED, retry_after_s=3.0), page()), pauses=pauses)
    assert pauses == [3.0]


def test_a_page_that_goes_on_failing_breaks_the_listing_off() -> None:
    said = refused(*[failure(FailureKind.TRANSIENT)] * 4)
    assert "broke off after 4 attempts" in said
    assert "words of the store" in said


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        (FailureKind.DENIED, StoreRefused, r"access is denied, while listing .*; .*s3:ListBucket"),
        (FailureKind.NO_SUCH_BUCKET, BucketMissing, "no such bucket"),
        (FailureKind.CREDENTIALS_EXPIRED, CredentialsUnusable, "expired"),
        (FailureKind.CREDENTIALS_REFUSED, CredentialsUnusable, "do not work"),
        (FailureKind.CLOCK_SKEWED, CredentialsUnusable, "clock is 90 s off"),
        (FailureKind.INVALID, StoreRefused, "does not take this request, while listing .*; check the endpoint"),
    ],
)
def test_a_final_failure_says_what_to_do(kind: FailureKind, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        keys_of(ScriptedEngine(failure(kind)))


def test_what_happened_comes_before_what_to_do() -> None:
    said = refusal_of(
        failure_of(operation="HeadBucket", status=503, code="SlowDown", message="less, please"),
        bucket="photos",
        doing="looking for the bucket",
        permission="s3:ListBucket",
    )
    assert str(said) == (
        "photos: the store does not answer as it should, while looking for the bucket "
        "(HeadBucket: SlowDown (503): less, please); try again later"
    )


def test_another_region_is_named() -> None:
    with pytest.raises(
        StoreRefused, match=r"^\S+: it is in eu-west-1, while .*; set the location's region to eu-west-1$"
    ):
        keys_of(ScriptedEngine(failure(FailureKind.WRONG_REGION, region="eu-west-1")))


def test_a_sorted_listing_refuses_a_key_that_comes_twice() -> None:
    engine = ScriptedEngine(page(b"p/b", b"p/a", token="1"), page(b"p/b"))
    with pytest.raises(ListingUnusable, match="'b' is listed twice"):
        list(open_listing(engine, LOCATION, unordered=True).pages())
