"""What is left of a listing by many requests: what is asked for next, what waits, and what is given up."""

from __future__ import annotations

from collections.abc import Sequence

from s3plan.schemas.requests.objects import ObjectsPage
from s3plan.storage.listing.key_range import KeyRange
from s3plan.storage.listing.page_checks import ListedPage
from s3plan.storage.listing.ranges_left import RangesLeft

PAGE_BYTES = 100


def page(*keys: bytes, truncated: bool = True) -> ListedPage:
    return ListedPage(ObjectsPage((), (), None, truncated=truncated), keys, "token", truncated, PAGE_BYTES)


def cut_into(left: RangesLeft, *points: bytes) -> Sequence[KeyRange]:
    """Cut the first range at these points, and return it and those behind it."""
    first = left.first
    made = [KeyRange(point, end) for point, end in zip(points, [*points[1:], None], strict=True)]
    first.end_before(points[0], floor=None)
    left.insert(first, made)
    return [first, *made]


def asked(left: RangesLeft, *, width: int, now_s: float = 1.0) -> list[KeyRange]:
    found = []
    for one in left.to_ask(width=width, now_s=now_s):
        one.ask(now_s=now_s)
        left.sent()
        found.append(one)
    return found


def arrive(left: RangesLeft, found: KeyRange, came: ListedPage) -> None:
    left.answered()
    found.be_answered()
    left.took(found, came)
    left.keep(found, came, None)


def test_the_nearest_ranges_are_asked_for_as_many_as_are_wanted_and_none_twice() -> None:
    left = RangesLeft(buffer_bytes=100 * PAGE_BYTES)
    ranges = cut_into(left, b"b", b"c", b"d")
    assert asked(left, width=3) == ranges[:3]
    assert asked(left, width=3) == []
    assert (left.under_way, left.requests) == (3, 3)


def test_the_first_range_is_asked_for_though_nothing_else_has_room() -> None:
    left = RangesLeft(buffer_bytes=PAGE_BYTES)
    first, second = cut_into(left, b"b")
    arrive(left, asked(left, width=1)[0], page(b"a"))
    assert asked(left, width=4) == [], "one page waits, and fills the buffer"
    left.next_page()
    assert asked(left, width=4) == [first]
    assert not second.is_asked


def test_a_range_that_was_put_off_is_asked_for_when_it_is_due() -> None:
    left = RangesLeft(buffer_bytes=PAGE_BYTES)
    left.first.fail(due_s=5.0)
    assert asked(left, width=1, now_s=4.0) == []
    assert left.next_due_s(4.0) == 5.0
    assert asked(left, width=1, now_s=5.0) == [left.first]
    assert left.next_due_s(5.0) is None


def test_a_range_takes_over_those_that_its_page_runs_into_unless_they_are_asked_for() -> None:
    left = RangesLeft(buffer_bytes=100 * PAGE_BYTES)
    first, second, third, fourth = cut_into(left, b"b", b"c", b"d")
    fourth.ask(now_s=0.0)
    assert left.absorb_passed(first, b"z") == [second, third]
    assert first.end == b"d"


def test_what_waits_in_ranges_that_are_given_up_does_not_fill_the_buffer_any_more() -> None:
    left = RangesLeft(buffer_bytes=2 * PAGE_BYTES)
    first, second = cut_into(left, b"b")
    for found in asked(left, width=2):
        arrive(left, found, page(found.after or b"a"))
    assert (left.has_room, left.most_buffered_bytes) == (False, 2 * PAGE_BYTES)
    left.keep_only_first()
    assert (left.has_room, left.is_split, first.end) == (True, False, None)
    assert second.is_dropped


def test_a_first_range_begun_again_goes_on_behind_what_was_handed_on() -> None:
    left = RangesLeft(buffer_bytes=2 * PAGE_BYTES)
    (first,) = asked(left, width=1)
    arrive(left, first, page(b"a", b"k"))
    left.begin_first_again(after=b"f", due_s=2.0)
    assert first.is_dropped
    assert (left.first.after, left.first.due_s) == (b"f", 2.0)
    assert left.has_room
    assert not left.first.waiting


def test_the_end_of_a_complete_range_that_takes_over_the_rest_is_judged_anew() -> None:
    left = RangesLeft(buffer_bytes=2 * PAGE_BYTES)
    first, _ = cut_into(left, b"b")
    arrive(left, asked(left, width=1)[0], page(b"a", b"b"))
    left.completed(first)
    left.keep_only_first()
    assert not first.is_complete, "its last page said that more follows"
