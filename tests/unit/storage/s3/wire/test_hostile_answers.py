"""Answers made to keep whoever reads them busy, or to fill the memory: read as quickly as any of their length.

None of these would end within a day if it took time by the square of its length.
"""

from __future__ import annotations

import pytest
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.redaction import redact
from s3plan.schemas.requests.objects import CopyObject, HeadObject, ObjectFound, Reply, UnparsedPage
from s3plan.storage.listing.page_checks import listed_page
from s3plan.storage.s3.wire.failures import failure_of
from s3plan.storage.s3.wire.listing_page import milliseconds_of, parse_page
from s3plan.storage.s3.wire.page_ends import PageUnreadable
from s3plan.storage.s3.wire.page_scan import PageScanner, glance
from s3plan.storage.s3.wire.replies import failure_of_answer, holds_an_error, reply_of
from s3plan.storage.s3.wire.store_clock import StoreClock
from s3plan.storage.transfer.settlement import moved_destination, moved_source

LONG = 1 << 20
SPACE = b" " * LONG


def copied(body: bytes) -> Reply:
    return reply_of(CopyObject("b", "k", "b", "s"), operation="CopyObject", headers={}, body=body)


@pytest.mark.parametrize(
    "body",
    [
        b"<CopyObjectResult><ETag>" + SPACE + b"<",
        b"<CopyObjectResult><ETag>" + SPACE + b"&quot;" + SPACE + b"<",
        b"<CopyObjectResult><ETag>" * (LONG // 24),
        b"<CopyPartResult" * (LONG // 15),
        SPACE + b"<CopyObjectResult",
        b"<?xml" * (LONG // 5),
    ],
)
def test_a_copy_is_answered_by_what_looks_like_a_result_again_and_again(body: bytes) -> None:
    reply = copied(body)
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.TRANSIENT
    assert not holds_an_error(body)


@pytest.mark.parametrize(
    "body",
    [
        SPACE + b"<x><Contents></Contents>",
        b"<ListBucketResult><Name>" + SPACE + b"<Contents></Contents>",
        b"<ListBucketResult>" + (b"<Name/>" + b" " * 100) * (LONG // 107) + b"<x/><Contents></Contents>",
    ],
)
def test_a_page_is_much_that_is_none(body: bytes) -> None:
    with pytest.raises(PageUnreadable):
        listed_page(UnparsedPage(body))


def test_a_page_has_rows_that_begin_and_do_not_end() -> None:
    seen = glance(b"<ListBucketResult>" + b"<Contents><Key>" * (LONG // 15) + b"</Contents></ListBucketResult>")
    assert seen is not None
    assert PageScanner(b"", in_order=True).rows_of(seen) is None


def test_a_document_of_entities_that_grow_is_no_page() -> None:
    entities = "".join(f'<!ENTITY e{number} "{f"&e{number - 1};" * 10}">' for number in range(1, 20))
    document = "<ListBucketResult><Name>&e19;</Name></ListBucketResult>"
    bomb = f'<!DOCTYPE x [<!ENTITY e0 "{"x" * 1000}">{entities}]>{document}'
    with pytest.raises(PageUnreadable):
        listed_page(UnparsedPage(bomb.encode()))
    failure = failure_of_answer("CopyObject", status=400, headers={}, body=bomb.encode())
    assert len(str(failure)) < 1000


@pytest.mark.parametrize("words", ["authorization:" + '"' * LONG + "<", "token" * (LONG // 5), "token:" + " " * LONG])
def test_an_error_says_much_that_looks_like_a_secret(words: str) -> None:
    failure = failure_of(operation="CopyObject", status=400, code="Words", message=words)
    assert len(failure.message) <= 500


@pytest.mark.parametrize(
    ("text", "secret"),
    [("authorization: b'AWS4 abc'", "AWS4"), ('token=": \\"abcdef', "abcdef"), ("authorization: bearer x", "earer")],
)
def test_what_is_a_secret_is_still_taken_out(text: str, secret: str) -> None:
    assert redact(text).startswith(text[:5])
    assert secret not in redact(text)


ODD_DATES = [
    "Mon, 01 Jan 2024 00:00:00 +" + "9" * 30,
    "Mon, 01 Jan 2024 00:00:00 +9999999999",
    "Mon, 01 Jan " + "9" * 20 + " 00:00:00 GMT",
    "Mon, 01 Jan 2024 " + "9" * 5000 + ":00:00 GMT",
    "\x00",
    "",
]


@pytest.mark.parametrize("text", ODD_DATES)
def test_a_date_that_no_calendar_has_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        milliseconds_of(text)
    clock = StoreClock()
    clock.note(text)
    assert clock.offset_ms == 0


@pytest.mark.parametrize(
    "said",
    [
        "",
        '<x:IsTruncated xmlns:x="urn:x">true</x:IsTruncated><Name>b</Name>',
        '<IsTruncated xmlns="urn:x">true</IsTruncated><Name>b</Name>',
        '<Contents xmlns="urn:x"><Key>k</Key></Contents><Name>b</Name>',
        '<NextContinuationToken xmlns="">t</NextContinuationToken><Name>b</Name>',
    ],
)
def test_a_page_of_which_something_could_be_passed_over_is_none(said: str) -> None:
    """What is not read would be missing: more pages, keys. A mirror deletes what is missing."""
    body = f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{said}</ListBucketResult>'.encode()
    with pytest.raises(PageUnreadable):
        parse_page(body)
    with pytest.raises(PageUnreadable):
        listed_page(UnparsedPage(body))


def test_what_a_store_says_is_quoted_in_part_only() -> None:
    """It goes into messages and journals, once for each action."""
    much = "A" * LONG
    failure = failure_of(operation="CopyObject", status=400, code=much, message=much, region=much)
    assert (len(str(failure)) < 1_000, failure.region) == (True, None)
    unreadable = [
        f"<ListBucketResult><IsTruncated>{much}</IsTruncated></ListBucketResult>",
        f"<ListBucketResult><KeyCount>{much}</KeyCount></ListBucketResult>",
        f"<{much}/>",
    ]
    for body in unreadable:
        with pytest.raises(PageUnreadable) as caught:
            parse_page(body.encode())
        assert len(str(caught.value)) <= 500
    head = reply_of(
        HeadObject("b", "k"), operation="HeadObject", headers={"etag": "e", "content-length": "1"}, body=b""
    )
    dated = {"etag": "e", "content-length": "1", "last-modified": much}
    for reply in (
        head,
        reply_of(HeadObject("b", "k"), operation="HeadObject", headers=dated, body=b""),
        copied(f"<CopyObjectResult><ETag>{much}</ETag></CopyObjectResult>".encode()),
    ):
        assert len(repr(reply)) < 1_000


def test_an_etag_that_is_much_too_long_is_not_kept_with_every_action() -> None:
    found = ObjectFound("e" * LONG, 1, 0)
    action = Action(ActionKind.COPY, b"k", 1, "planned", source_pin="s", destination_pin="d")
    for reason in (moved_destination(action, found), moved_source(action, found)):
        assert reason is not None
        assert len(reason) < 1_000
