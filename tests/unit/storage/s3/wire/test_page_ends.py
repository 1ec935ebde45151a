"""Whether a page is the last one: said in two words only, since what it leaves out may be deleted at the other side."""

from __future__ import annotations

from itertools import product

import pytest
from s3plan.schemas.errors import ListingUnusable
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.requests.objects import UnparsedPage
from s3plan.storage.listing.page_checks import PageChecker, listed_page
from s3plan.storage.s3.wire.listing_page import parse_page
from s3plan.storage.s3.wire.page_ends import PageContradicts, PageUnreadable

PAGE = (
    "<ListBucketResult><Name>b</Name><Prefix/><MaxKeys>1</MaxKeys>{end}<Contents><Key>k</Key>"
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


@pytest.mark.parametrize("word", ["true", " true ", "True", "false", " false\n", "False"])
def test_a_page_is_taken_at_its_word(word: str) -> None:
    truncated = word.strip().lower() == "true"
    token = "<NextContinuationToken>t</NextContinuationToken>" if truncated else ""
    body = PAGE.format(end=f"<IsTruncated>{word}</IsTruncated>{token}").encode()
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


TRUNCATED = {"": None, "<IsTruncated>true</IsTruncated>": True, "<IsTruncated>false</IsTruncated>": False}
TOKENS = {"": False, "<NextContinuationToken/>": False, "<NextContinuationToken>t</NextContinuationToken>": True}
COUNTS = {"": True, "<KeyCount/>": True, "<KeyCount>1</KeyCount>": True, "<KeyCount>2</KeyCount>": False}
LOCATION = PlanLocation(1, LocationKind.S3, "s3://b/", "", None, None, "b", "")


@pytest.mark.parametrize(("truncated", "token", "count"), list(product(TRUNCATED, TOKENS, COUNTS)))
def test_every_combination_goes_together_or_is_refused(truncated: str, token: str, count: str) -> None:
    """A page without IsTruncated is the last one only if nothing else says that more follows."""
    body = PAGE.format(end=truncated + token + count).encode()
    checker = PageChecker(LOCATION)
    if COUNTS[count] and (TRUNCATED[truncated] or False) is TOKENS[token]:
        page = listed_page(UnparsedPage(body))
        assert (page.truncated, page.next_token) == (TOKENS[token], "t" if TOKENS[token] else None)
        assert checker.rows(page) == list(parse_page(body).rows) == [ObjectRow(b"k", 1, "e", 1_704_067_200_000)]
        return
    with pytest.raises(PageContradicts):
        parse_page(body)
    with pytest.raises((PageContradicts, ListingUnusable), match=r"follow|KeyCount"):
        checker.rows(listed_page(UnparsedPage(body)))


@pytest.mark.parametrize("count", ["-1", "one", "1.0", "9999999999", "\u0661"])
def test_a_count_that_is_no_number_makes_a_page_unreadable(count: str) -> None:
    body = PAGE.format(end=f"<KeyCount>{count}</KeyCount>").encode()
    with pytest.raises(PageUnreadable, match="KeyCount"):
        listed_page(UnparsedPage(body))


@pytest.mark.parametrize(
    "twice",
    [
        "<IsTruncated>true</IsTruncated><IsTruncated>false</IsTruncated>",
        "<IsTruncated>false</IsTruncated><IsTruncated>true</IsTruncated>",
        "<KeyCount>1</KeyCount><KeyCount>2</KeyCount>",
        "<NextContinuationToken>a</NextContinuationToken><NextContinuationToken>b</NextContinuationToken>",
    ],
)
def test_what_is_said_twice_and_not_the_same_is_refused(twice: str) -> None:
    with pytest.raises(PageContradicts, match="twice"):
        listed_page(UnparsedPage(PAGE.format(end=twice).encode()))


def test_an_empty_page_that_counts_keys_is_refused() -> None:
    body = b"<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>3</KeyCount></ListBucketResult>"
    with pytest.raises(ListingUnusable, match=r"on page 1, it counts 3 keys \(KeyCount\), but holds 0"):
        PageChecker(LOCATION).rows(listed_page(UnparsedPage(body)))


def _encoded(*keys: str) -> bytes:
    rows = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified>"
        "<ETag>&quot;e&quot;</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for key in keys
    )
    return f"<ListBucketResult><EncodingType>url</EncodingType>{rows}</ListBucketResult>".encode()


@pytest.mark.parametrize(
    ("keys", "raw"),
    [(("a b", "a+b"), "a b"), (("100%", "a+b"), "100%"), (("a b", "a%41"), "a b"), (("5% off",), "5% off")],
)
def test_keys_that_are_said_to_be_encoded_and_are_not_are_refused_if_they_could_be_others(
    keys: tuple[str, ...], raw: str
) -> None:
    """Decoded, `a+b` would be `a b`, another object."""
    with pytest.raises((PageContradicts, ListingUnusable), match=f"URL-encoded, but sends '{raw}' as it is"):
        PageChecker(LOCATION).rows(listed_page(UnparsedPage(_encoded(*keys))))


@pytest.mark.parametrize("keys", [("a b", "c d"), ("\u00e4", "\u00f6 x"), ("a", "b~*'()!")])
def test_keys_that_are_the_same_encoded_or_not_are_taken(keys: tuple[str, ...]) -> None:
    rows = PageChecker(LOCATION).rows(listed_page(UnparsedPage(_encoded(*keys))))
    assert [row.key.decode() for row in rows] == list(keys)
