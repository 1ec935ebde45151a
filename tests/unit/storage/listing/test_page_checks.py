"""Order, repeats and prefix across pages, however a page is read: quickly, by the reference, or by an engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes.listing_engine import page_body
from s3plan.schemas.errors import ListingUnusable
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.requests.objects import ObjectsPage, UnparsedPage
from s3plan.storage.listing.page_checks import OutOfOrder, PageChecker, listed_page
from s3plan.storage.s3.wire.page_scan import PageGlance

LOCATION = PlanLocation(1, LocationKind.S3, "s3://bucket/p/", "", None, None, "bucket", "p/")
Sent = ObjectsPage | UnparsedPage
WAYS: dict[str, Callable[[ObjectsPage], Sent]] = {
    "scanned": lambda page: UnparsedPage(page_body(page)),
    "by the reference": lambda page: UnparsedPage(page_body(page).replace(b"<Contents>", b"<!-- --><Contents>", 1)),
    "parsed by the engine": lambda page: page,
}


def page(*keys: str) -> ObjectsPage:
    return ObjectsPage([ObjectRow(f"p/{key}".encode(), 1, "e", 0) for key in keys], next_token="t", truncated=True)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def read(checker: PageChecker, way: str, *keys: str) -> list[bytes]:
    listed = listed_page(WAYS[way](page(*keys)))
    assert isinstance(listed.content, PageGlance) is (way == "scanned")
    return [row.key for row in checker.rows(listed)]


def test_pages_that_follow_one_another_are_handed_on(way: str) -> None:
    checker = PageChecker(LOCATION)
    assert read(checker, way, "a", "b") + read(checker, way, "c") == [b"a", b"b", b"c"]
    assert (checker.last_key, checker.pages) == (b"p/c", 2)


@pytest.mark.parametrize("second", [("a",), ("a", "c"), ("0", "b0")])
def test_a_page_that_begins_before_the_end_of_the_last_one_is_out_of_order(way: str, second: tuple[str, ...]) -> None:
    checker = PageChecker(LOCATION)
    read(checker, way, "a", "b")
    with pytest.raises(OutOfOrder, match=f"on page 2, 'p/{second[0]}' comes after 'p/b', but belongs before it"):
        read(checker, way, *second)


def test_a_key_that_ends_one_page_and_begins_the_next_is_listed_twice(way: str) -> None:
    checker = PageChecker(LOCATION)
    read(checker, way, "a", "b")
    with pytest.raises(ListingUnusable, match="on page 2, 'p/b' is listed twice"):
        read(checker, way, "b", "c")


def test_order_is_kept_across_empty_pages(way: str) -> None:
    checker = PageChecker(LOCATION)
    read(checker, way, "b")
    checker.rows(listed_page(ObjectsPage([], next_token="t", truncated=True)))
    with pytest.raises(OutOfOrder, match="on page 3"):
        read(checker, way, "a")


def test_what_was_cut_off_does_not_count_as_read(way: str) -> None:
    """A range ends within a page; the range behind it begins with what was cut off."""
    checker = PageChecker(LOCATION)
    rows = checker.rows(listed_page(WAYS[way](page("a", "b", "c"))), up_to=b"p/b")
    assert [row.key for row in rows] == [b"a", b"b"]
    assert read(checker, way, "c") == [b"c"]


def test_keys_outside_the_narrowed_part_are_refused(way: str) -> None:
    checker = PageChecker(LOCATION, below=b"x")
    assert read(checker, way, "x1") == [b"x1"]
    with pytest.raises(ListingUnusable, match="'p/y' lies outside the prefix"):
        read(checker, way, "x2", "y")
