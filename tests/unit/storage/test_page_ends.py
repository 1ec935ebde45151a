"""Whether a page is the last one: said in two words only, since what it leaves out may be deleted at the other side."""

from __future__ import annotations

import pytest
from s3plan.schemas.requests import UnparsedPage
from s3plan.storage.listing_page import PageUnreadable, parse_page
from s3plan.storage.page_checks import listed_page

PAGE = (
    "<ListBucketResult><Name>b</Name><Prefix/><KeyCount>1</KeyCount><MaxKeys>1</MaxKeys>{end}<Contents><Key>k</Key>"
    "<LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>1</Size>"
    "<StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>"
)


def one_bit_off(word: str) -> list[str]:
    spoilt = [
        bytes([*word[:at].encode(), ord(word[at]) ^ 1 << bit, *word[at + 1 :].encode()])
        for at in range(len(word))
        for bit in range(7)
    ]
    said = [text.decode() for text in spoilt if text.isalnum()]
    return [text for text in said if text.lower() != word]  # written otherwise it says the same


@pytest.mark.parametrize("word", ["", "yes", "1", *one_bit_off("true"), *one_bit_off("false")])
def test_a_page_that_says_neither_is_unreadable(word: str) -> None:
    body = PAGE.format(end=f"<IsTruncated>{word}</IsTruncated>").encode()
    with pytest.raises(PageUnreadable, match="IsTruncated"):
        parse_page(body)
    with pytest.raises(PageUnreadable, match="IsTruncated"):
        listed_page(UnparsedPage(body))


@pytest.mark.parametrize(("end", "truncated"), [("true", True), ("false", False), (" true ", True), ("False", False)])
def test_a_page_is_taken_at_its_word(end: str, truncated: bool) -> None:
    body = PAGE.format(end=f"<IsTruncated>{end}</IsTruncated>").encode()
    assert parse_page(body).truncated is listed_page(UnparsedPage(body)).truncated is truncated


def test_a_page_that_says_nothing_is_the_last_one() -> None:
    """Versity's gateway leaves it out there (https://github.com/versity/versitygw/issues/770)."""
    body = PAGE.format(end="").encode()
    assert parse_page(body).truncated is listed_page(UnparsedPage(body)).truncated is False


@pytest.mark.parametrize("encoding", ["UTF-0", "UTF-7", "nonsense"])
def test_a_page_in_an_encoding_that_nobody_knows_is_unreadable(encoding: str) -> None:
    body = f'<?xml version="1.0" encoding="{encoding}"?>{PAGE.format(end="")}'.encode()
    with pytest.raises(PageUnreadable, match="not XML"):
        listed_page(UnparsedPage(body))
