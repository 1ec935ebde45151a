"""Many requests at once give what one after another gives: the same keys in the same order, and the same refusals."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from fakes.listing_engine import Fault, ListingEngine, page_body, relative_keys
from fakes.odd_keys import ODD_KEYS
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.errors import CredentialsUnusable, ListingUnusable, StoreRefused
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.requests.objects import ListObjects, ObjectsPage, Reply, UnparsedPage
from s3plan.storage.listing.page_checks import OutOfOrder
from s3plan.storage.listing.parallel import ParallelLister
from s3plan.storage.s3.patience import Patience

LATENCY_S = 0.004
PAGE_KEYS = 20
AT_ONCE = Patience(attempts=3, draw=lambda: 0.0)
SOON = Patience(draw=lambda: 0.02)
NUMBERS = [f"p/{number:06d}" for number in range(3000)]


def location(prefix: str) -> PlanLocation:
    return PlanLocation(1, LocationKind.S3, f"s3://bucket/{prefix}", "", None, None, "bucket", prefix)


def slow(keys: list[str], *, seed: int = 0, fault: Fault | None = None) -> ListingEngine:
    return ListingEngine(keys, latency_s=LATENCY_S, page_keys=PAGE_KEYS, seed=seed, fault=fault)


def parallel(
    engine: ListingEngine, *, prefix: str = "p/", buffer_bytes: int = 1 << 20, patience: Patience = AT_ONCE
) -> ParallelLister:
    return ParallelLister(engine, location(prefix), concurrency=16, buffer_bytes=buffer_bytes, patience=patience)


def listed(lister: ParallelLister) -> list[bytes]:
    return [row.key for page in lister.pages() for row in page]


def assert_within_bounds(lister: ParallelLister, engine: ListingEngine, *, keys: int, page_keys: int) -> None:
    assert lister.requests == len(engine.requests)
    assert lister.requests <= keys / page_keys + 4 * max(1, lister.ranges)


TREE = [f"p/{a}/{b}/{name}" for a in "abcdef" for b in range(30) for name in range(b % 7 * 5)]
HOT = [f"p/{place}" for place in ("a/1", "b/1", "z/1")] + [f"p/hot/{number:05d}" for number in range(2500)]
SHAPES = {
    "numbers": NUMBERS,
    "numbers not padded": [f"p/{number}.txt" for number in range(3000)],
    "hex": [f"p/{random.Random(number).getrandbits(128):032x}" for number in range(3000)],
    "a tree": TREE,
    "a hot folder": HOT,
    "large folders": [f"p/{folder}/{number:04d}" for folder in range(12) for number in range(250)],
    "small folders": [f"p/{folder:04d}/{number}" for folder in range(700) for number in range(4)],
    "deep": [f"p/a/b/c/{one}/d/{two}/e/{three}" for one in range(10) for two in range(10) for three in range(30)],
    "odd": [f"p/{odd[:60]}{number:03d}" for odd in ODD_KEYS for number in range(50)],
    "emoji": [f"p/\U0001f600{chr(0x1F600 + number // 60)}{chr(0x1F300 + number % 60)}" for number in range(2400)],
    "control characters": [f"p/{chr(1 + number // 25)}%+{chr(1 + number % 25)}" for number in range(625)],
    "the longest keys": [f"p/{'k' * 1016}{number:06d}" for number in range(1500)],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_key_comes_once_and_in_order_whatever_the_keys_are_like(shape: str) -> None:
    keys = sorted(set(SHAPES[shape]))
    engine = slow(["o", *keys, "q"])
    lister = parallel(engine)
    assert listed(lister) == relative_keys(keys, prefix="p/")
    assert lister.note is None
    assert lister.ranges > 1
    assert 1 < engine.most_in_flight <= 16
    assert_within_bounds(lister, engine, keys=len(keys), page_keys=PAGE_KEYS)


KEYS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6),
    st.sampled_from(ODD_KEYS),
    st.text("ab/01", min_size=1, max_size=8),
    st.integers(0, 400).map("n/{:03d}".format),
)


@given(
    st.lists(KEYS, max_size=120, unique=True),
    st.integers(1, 7),
    st.sampled_from(["", "a", "n/", "p q/"]),
    st.integers(),
)
def test_any_keys_are_listed_as_they_are(keys: list[str], page_keys: int, prefix: str, seed: int) -> None:
    keys = [*keys, *(f"p q/{key}"[:500] for key in keys)]
    keys = list(dict.fromkeys(key for key in keys if len(key.encode()) <= 1024))
    engine = ListingEngine(keys, latency_s=0.0003, page_keys=page_keys, seed=seed)
    lister = parallel(engine, prefix=prefix)
    wanted = relative_keys(keys, prefix=prefix)
    assert listed(lister) == wanted
    assert_within_bounds(lister, engine, keys=len(wanted), page_keys=page_keys)


@pytest.mark.parametrize("count", [0, 1, PAGE_KEYS])
def test_what_fits_one_page_costs_one_request(count: int) -> None:
    engine = slow(NUMBERS[:count])
    assert len(listed(parallel(engine))) == count
    assert len(engine.requests) == 1


def test_a_few_pages_are_asked_for_at_once_behind_the_first() -> None:
    engine = slow(NUMBERS[: 4 * PAGE_KEYS])
    assert len(listed(parallel(engine))) == 4 * PAGE_KEYS
    assert engine.most_in_flight > 1
    assert len(engine.requests) <= 4 + 4


def test_a_store_that_answers_at_once_is_asked_one_thing_after_another() -> None:
    engine = ListingEngine(NUMBERS, page_keys=PAGE_KEYS)
    assert len(listed(parallel(engine))) == 3000
    assert len(engine.requests) <= 1.1 * 3000 / PAGE_KEYS  # a busy machine may hold a page up for a moment


def test_pages_that_wait_never_take_more_than_the_buffer() -> None:
    engine = slow(NUMBERS)
    page_bytes = 4000
    lister = parallel(engine, buffer_bytes=10 * page_bytes)
    keys = 0
    for page in lister.pages():
        keys += len(page)
        time.sleep(0.001)
    assert keys == 3000
    assert lister.ranges > 1
    assert 2 * page_bytes < lister.most_buffered_bytes <= 11 * page_bytes


def test_it_can_be_narrowed_below_the_location() -> None:
    keys = ["p/a/1", "p/ab", "p/b", *(f"p/ab/{number}" for number in range(500))]
    engine = slow(keys)
    lister = ParallelLister(engine, location("p/"), below=b"ab", patience=AT_ONCE)
    assert listed(lister) == relative_keys([key for key in keys if key.startswith("p/ab")], prefix="p/")
    assert all(request.prefix.startswith("p/ab") for request in engine.requests)


def test_a_reader_that_stops_early_leaves_nothing_behind() -> None:
    engine = slow(NUMBERS)
    pages = parallel(engine).pages()
    for _ in range(40):
        next(pages)
    assert engine.in_flight > 1
    pages.close()  # type: ignore[attr-defined]  # a generator
    sent = len(engine.requests)
    deadline_s = time.monotonic() + 5
    while engine.in_flight and time.monotonic() < deadline_s:
        time.sleep(0.001)
    assert (engine.in_flight, len(engine.requests)) == (0, sent)


def failure(kind: FailureKind, *, code: str = "Broken") -> Failure:
    return Failure(kind, "ListObjectsV2", code, "words of the store")


@pytest.mark.parametrize("kind", [FailureKind.TRANSIENT, FailureKind.THROTTLED, FailureKind.UNREACHABLE])
def test_requests_that_fail_for_now_are_sent_again_and_nothing_is_lost(kind: FailureKind) -> None:
    def fail_some(number: int, request: ListObjects, page: ObjectsPage) -> Reply:
        return failure(kind) if number % 5 == 3 else page

    engine = slow(NUMBERS, fault=fail_some)
    lister = parallel(engine, patience=SOON)
    assert listed(lister) == relative_keys(NUMBERS, prefix="p/")
    assert lister.note is None


def test_a_store_that_asks_for_less_gets_less() -> None:
    def throttle(number: int, request: ListObjects, page: ObjectsPage) -> Reply:
        return failure(FailureKind.THROTTLED) if engine.in_flight > 5 else page

    engine = slow(NUMBERS)
    engine.fault = throttle
    assert listed(parallel(engine, patience=SOON)) == relative_keys(NUMBERS, prefix="p/")


def test_a_page_that_goes_on_failing_breaks_the_listing_off() -> None:
    def fail_late(number: int, request: ListObjects, page: ObjectsPage) -> Reply:
        return failure(FailureKind.TRANSIENT) if number > 20 else page

    with pytest.raises(ListingUnusable, match=r"broke off after 3 attempts .*words of the store"):
        listed(parallel(slow(NUMBERS, fault=fail_late)))


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FailureKind.DENIED, StoreRefused),
        (FailureKind.CREDENTIALS_EXPIRED, CredentialsUnusable),
        (FailureKind.NO_SUCH_BUCKET, StoreRefused),
    ],
)
@pytest.mark.parametrize("after", [0, 3, 40])
def test_a_refusal_ends_the_listing_wherever_it_comes(kind: FailureKind, error: type[Exception], after: int) -> None:
    def refuse(number: int, request: ListObjects, page: ObjectsPage) -> Reply:
        return failure(kind) if number >= after else page

    with pytest.raises(error):
        listed(parallel(slow(NUMBERS, fault=refuse)))


def ignore_start_after(number: int, request: ListObjects, page: ObjectsPage) -> Reply:
    if request.start_after is None or request.delimiter is not None:
        return page
    return ListingEngine(NUMBERS, page_keys=PAGE_KEYS).call(replace(request, start_after=None, unparsed=False))


def refuse_start_after(number: int, request: ListObjects, page: ObjectsPage) -> Reply:
    return page if request.start_after is None else failure(FailureKind.INVALID, code="NotImplemented")


FROM_THE_START_ONLY = pytest.mark.parametrize("fault", [ignore_start_after, refuse_start_after])


@FROM_THE_START_ONLY
def test_a_store_that_cannot_list_from_a_key_on_and_says_so_late_is_to_be_sorted(fault: Fault) -> None:
    """What lies before that key is handed on by then, and there is no other way to what comes after it."""

    engine = slow(NUMBERS, fault=fault)
    engine.later_s = lambda request: 0.0 if request.start_after is None else 0.3
    with pytest.raises(OutOfOrder):
        listed(parallel(engine))


@FROM_THE_START_ONLY
def test_a_store_that_cannot_list_from_a_key_on_is_listed_serially_and_the_note_says_so(fault: Fault) -> None:
    few = NUMBERS[:800]
    engine = slow(few, fault=fault)
    engine.later_s = lambda request: 0.05 if request.start_after is None else 0.0  # so the first range is not through
    lister = parallel(engine)
    assert listed(lister) == relative_keys(few, prefix="p/")
    assert lister.note is not None
    assert lister.note.startswith("listed by one request after another, since ")


def once_in_a_range(change: Callable[[ObjectsPage], Reply]) -> Fault:
    """Return a fault of the first page of one range far from the first one."""
    changed: list[str] = []

    def fault(number: int, request: ListObjects, page: ObjectsPage) -> Reply:
        if request.start_after is None or request.delimiter or len(page.rows) < PAGE_KEYS or number < 25 or changed:
            return page
        changed.append(request.start_after)
        return change(page)

    return fault


ONCE: dict[str, Callable[[ObjectsPage], Reply]] = {
    "unsorted": lambda page: replace(page, rows=[page.rows[0], *page.rows[-2:0:-1], page.rows[-1]]),
    "backwards": lambda page: replace(page, rows=page.rows[::-1]),
    "a repeated key": lambda page: replace(page, rows=[page.rows[0], *page.rows]),
    "no token": lambda page: replace(page, next_token=None, truncated=True),
}


@pytest.mark.parametrize("name", ONCE)
def test_pages_that_do_not_fit_together_are_listed_again_serially(name: str) -> None:
    engine = slow(NUMBERS, fault=once_in_a_range(ONCE[name]))
    lister = parallel(engine)
    assert listed(lister) == relative_keys(NUMBERS, prefix="p/")
    assert lister.note is not None


def test_tokens_that_run_in_a_circle_are_not_followed() -> None:
    def loop(number: int, request: ListObjects, page: ObjectsPage) -> Reply:
        return replace(page, next_token=NUMBERS[4 * PAGE_KEYS]) if page.truncated and number > 30 else page

    engine = slow(NUMBERS, fault=loop)
    with pytest.raises(ListingUnusable):
        listed(parallel(engine))
    assert len(engine.requests) < 200


def test_disorder_that_stays_is_told_as_such() -> None:
    def turn(number: int, request: ListObjects, page: ObjectsPage) -> Reply:
        return replace(page, rows=page.rows[::-1]) if number > 25 else page

    with pytest.raises(OutOfOrder, match="the store lists out of order"):
        listed(parallel(slow(NUMBERS, fault=turn)))


def test_disorder_from_the_first_page_on_is_told_before_any_row_is_handed_on() -> None:
    def turn(number: int, request: ListObjects, page: ObjectsPage) -> Reply:
        return replace(page, rows=page.rows[::-1])

    pages: Iterator[object] = parallel(slow(NUMBERS, fault=turn)).pages()
    with pytest.raises(OutOfOrder, match="on page 1,"):
        next(pages)


@pytest.mark.parametrize("broken", [b"", b"<ListBucketResult><Contents>", b"<Error/>"])
def test_a_page_that_comes_broken_is_asked_for_again(broken: bytes) -> None:
    def spoil(number: int, request: ListObjects, page: ObjectsPage) -> Reply:
        return UnparsedPage(broken) if number % 7 == 2 and request.unparsed else page

    assert listed(parallel(slow(NUMBERS, fault=spoil), patience=SOON)) == relative_keys(NUMBERS, prefix="p/")


def without_a_key(page: ObjectsPage) -> UnparsedPage:
    """A page whose second row has none, which shows only when its rows are read."""
    body = page_body(page)
    at = body.index(b"<Contents>", body.index(b"<Contents>") + 1)
    return UnparsedPage(body[:at] + body[at:].replace(b"<Key>", b"<Kay>", 1).replace(b"</Key>", b"</Kay>", 1))


def test_a_page_whose_rows_turn_out_unreadable_is_asked_for_again() -> None:
    spoilt: list[int] = []

    def spoil(number: int, request: ListObjects, page: ObjectsPage) -> Reply:
        if number % 9 or not request.unparsed or len(spoilt) > 5:
            return page
        spoilt.append(number)
        return without_a_key(page)

    assert listed(parallel(slow(NUMBERS, fault=spoil), patience=SOON)) == relative_keys(NUMBERS, prefix="p/")
    assert spoilt


def test_rows_that_are_never_readable_break_the_listing_off() -> None:
    def spoil(number: int, request: ListObjects, page: ObjectsPage) -> Reply:
        return without_a_key(page) if request.unparsed else page

    with pytest.raises(ListingUnusable, match="a row cannot be read"):
        listed(parallel(slow(NUMBERS, fault=spoil)))


def test_empty_pages_in_between_lose_nothing() -> None:
    def empty(number: int, request: ListObjects, page: ObjectsPage) -> Reply:
        if number % 6 or request.delimiter is not None or not page.rows:
            return page
        before = request.token or request.start_after
        return ObjectsPage([], next_token=f"{before or 'p/'}%01", truncated=True)

    assert listed(parallel(slow(NUMBERS, fault=empty))) == relative_keys(NUMBERS, prefix="p/")


def test_it_can_be_listed_again() -> None:
    lister = parallel(slow(NUMBERS))
    assert listed(lister) == listed(lister)
