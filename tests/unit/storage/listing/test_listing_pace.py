"""How many requests of a listing are under way: as many as its reader works through while one page comes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from s3plan.storage.listing.pace import ListingPace, ReaderWaits

LIMIT = 32


@dataclass
class Clock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


class Listing:
    """A listing whose pages take `page_s` to come, and its reader, which takes `work_s` for each."""

    def __init__(self, *, page_s: float, work_s: float, reader: ReaderWaits | None = None) -> None:
        self.clock = Clock()
        self.page_s, self.work_s = page_s, work_s
        self.pace = ListingPace(LIMIT, reader=reader or ReaderWaits(), clock=self.clock)

    def read(self, pages: int) -> int:
        """Read so many pages, each of which is waited for; return how many requests are wanted then."""
        for _ in range(pages):
            self.clock.now_s += self.page_s
            self.pace.waited(self.page_s)
            self.pace.arrived(after_s=self.page_s)
            self.clock.now_s += self.work_s
            self.pace.handed_on()
        return self.pace.width


def test_a_listing_begins_with_one_request() -> None:
    assert Listing(page_s=0.1, work_s=0.01).pace.width == 1


@pytest.mark.parametrize(("page_s", "work_s", "width"), [(0.1, 0.01, 20), (0.1, 0.05, 4), (0.05, 0.025, 4)])
def test_twice_as_many_are_wanted_as_the_reader_works_through_while_one_comes(
    page_s: float, work_s: float, width: int
) -> None:
    assert Listing(page_s=page_s, work_s=work_s).read(3) in (width, width + 1)  # fractions of floats


@pytest.mark.parametrize("page_s", [0.002, 0.0079])
def test_a_store_that_answers_faster_than_the_reader_works_is_asked_by_one(page_s: float) -> None:
    assert Listing(page_s=page_s, work_s=0.008).read(20) == 1


def test_a_page_that_was_held_up_says_nothing_of_the_others() -> None:
    listing = Listing(page_s=0.001, work_s=0.001)
    listing.read(3)
    listing.pace.arrived(after_s=1.0)

    assert listing.pace.width <= 3


def test_pages_that_come_at_once_now_and_then_do_not_speak_for_the_others() -> None:
    listing = Listing(page_s=0.1, work_s=0.01)
    for page_s in (0.002, 0.1) * 4:
        listing.page_s = page_s
        listing.read(1)

    assert listing.pace.width >= 5


def test_no_more_than_the_limit_are_wanted() -> None:
    assert Listing(page_s=1.0, work_s=0.0).read(3) == LIMIT


def test_the_first_page_says_nothing_if_somebody_had_asked_for_it_before() -> None:
    listing = Listing(page_s=0.1, work_s=0.01)
    listing.pace.arrived(after_s=0.0)
    listing.clock.now_s += 0.01
    listing.pace.handed_on()
    assert listing.pace.width == 1

    listing.pace.arrived(after_s=0.1)

    assert listing.pace.width >= 20


def test_waiting_for_the_other_listing_is_no_work() -> None:
    reader = ReaderWaits()
    ours = Listing(page_s=0.1, work_s=0.01, reader=reader)
    other = ListingPace(LIMIT, reader=reader, clock=ours.clock)
    ours.read(1)
    for _ in range(3):
        ours.clock.now_s += 0.5
        other.waited(0.5)
        ours.read(1)

    assert ours.pace.width >= 20


def test_a_throttled_listing_halves_once_for_many_refusals_and_grows_by_one_a_round() -> None:
    listing = Listing(page_s=0.1, work_s=0.001)
    assert listing.read(3) == LIMIT

    for _ in range(10):
        listing.pace.throttled()
    assert listing.pace.width == LIMIT // 2

    listing.read(LIMIT // 2)
    assert listing.pace.width == LIMIT // 2 + 1
    listing.read(LIMIT * LIMIT)
    assert listing.pace.width == LIMIT


def test_a_listing_that_stays_serial_has_one_request_whatever_comes() -> None:
    listing = Listing(page_s=0.1, work_s=0.001)
    listing.pace.stay_serial()
    listing.pace.throttled()

    assert listing.read(50) == 1
