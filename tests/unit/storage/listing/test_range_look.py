"""Many keys looked at by listing their range: the answer must be that of a HeadObject for each key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from fakes.copy_world import DESTINATION, CopyWorld
from fakes.faulty_engine import Fault
from fakes.odd_keys import ODD_KEYS
from fakes.ordered_store import ORDERS, OrderedStore
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import ObjectRow, Oddity, odd_row
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import HeadObject, ListObjects, ObjectsPage, Reply, Request
from s3plan.storage.listing.range_look import Found, look_at_keys
from s3plan.storage.steps import NEXT, Answered, Ask, AskMany

PREFIX = DESTINATION.prefix


def look(world: CopyWorld, keys: Sequence[str], engine: Engine | None = None) -> Found | Failure | None:
    """Look at keys (relative), answering as the performer would."""
    asked = engine or world.engine
    asking = look_at_keys(Side.DESTINATION, DESTINATION, [(PREFIX + key).encode() for key in keys])
    try:
        wish = next(asking)
        while True:
            if isinstance(wish, AskMany):
                for ask in wish.asks:
                    assert asking.send(Answered(ask.request, asked.call(ask.request))) == NEXT
                wish = asking.send(None)
            else:
                assert isinstance(wish, Ask)
                wish = asking.send(asked.call(wish.request))
    except StopIteration as end:
        result: Found | Failure | None = end.value
        return result


def found_keys(world: CopyWorld, keys: Sequence[str], engine: Engine | None = None) -> set[str]:
    found = look(world, keys, engine)
    assert isinstance(found, dict)
    return {key.decode().removeprefix(PREFIX) for key in found}


def small_pages(world: CopyWorld, rows: int) -> None:
    """Let the store answer with at most so many rows a page."""

    def answer(request: Request, reply: Reply) -> Reply:
        if isinstance(reply, ObjectsPage) and len(reply.rows) > rows:
            return ObjectsPage(reply.rows[:rows], (), "more", truncated=True)
        return reply

    world.engine.answer = answer


KEYS = st.text(st.sampled_from("ab/0z~\x01é\U0001f600 "), min_size=1, max_size=4)


@given(there=st.sets(KEYS, max_size=30), wanted=st.sets(KEYS, max_size=20), rows=st.integers(1, 5))
def test_it_finds_exactly_what_is_there(there: set[str], wanted: set[str], rows: int) -> None:
    world = CopyWorld()
    for key in there:
        world.put_destination(key, key.encode())
    small_pages(world, rows)
    assert found_keys(world, sorted(wanted, key=str.encode)) == there & wanted
    assert len(world.engine.requests) <= 2 * len(wanted) + 1


CROWDED_KEYS = st.text(st.sampled_from("ab0"), min_size=1, max_size=4)


@given(there=st.sets(CROWDED_KEYS, max_size=60), wanted=st.sets(CROWDED_KEYS, min_size=20), rows=st.integers(2, 12))
def test_it_finds_exactly_what_is_there_among_many_that_begin_alike(
    there: set[str], wanted: set[str], rows: int
) -> None:
    world = CopyWorld()
    for key in there:
        world.put_destination(key, key.encode())
    small_pages(world, rows)
    assert found_keys(world, sorted(wanted, key=str.encode)) == there & wanted


def test_absent_keys_among_many_others_are_not_asked_for_one_by_one() -> None:
    world = CopyWorld()
    days = [f"2024-{month:02}/{day:02}" for month in range(1, 13) for day in range(1, 29)]
    for day in days:
        for number in range(6):
            world.put_destination(f"{day}/there-{number}", b"")
    wanted = [f"{day}/{number:04}" for day in days[20:62] for number in range(6)]
    small_pages(world, 300)
    assert found_keys(world, wanted) == set()
    assert len(world.engine.requests) <= 12
    assert not [request for request in world.engine.requests if isinstance(request, HeadObject)]


@given(there=st.sets(KEYS, max_size=12), wanted=st.sets(KEYS, min_size=1, max_size=12), rows=st.integers(2, 4))
def test_a_store_that_lists_out_of_order_hides_nothing(there: set[str], wanted: set[str], rows: int) -> None:
    world = CopyWorld()
    for key in there:
        world.put_destination(key, key.encode())

    def answer(_: Request, reply: Reply) -> Reply:
        if isinstance(reply, ObjectsPage):
            return ObjectsPage(reply.rows[::-1][:rows], (), None, truncated=len(reply.rows) > rows)
        return reply

    world.engine.answer = answer
    assert found_keys(world, sorted(wanted, key=str.encode)) == there & wanted


def test_a_dense_range_costs_one_request_for_a_thousand_objects() -> None:
    world = CopyWorld()
    keys = [f"k{number:05d}" for number in range(2500)]
    for key in keys:
        world.put_destination(key, b"")
    assert found_keys(world, keys) == set(keys)
    assert len(world.engine.requests) <= 4


def test_odd_keys_are_found() -> None:
    world = CopyWorld()
    keys = sorted((key for key in ODD_KEYS if len((PREFIX + key).encode()) <= 1024), key=str.encode)
    for key in keys:
        world.put_destination(key, b"")
    assert found_keys(world, keys) == set(keys)
    small_pages(world, 1)
    assert found_keys(world, keys) == set(keys)


def test_no_start_after_is_longer_than_a_key_may_be() -> None:
    world = CopyWorld()
    longest = ["k" * (1023 - len(PREFIX)) + end for end in "xy"]
    for key in [*longest, longest[0][:-1] + "0", longest[0][:-1] + "1"]:
        world.put_destination(key, b"")
    small_pages(world, 1)
    assert found_keys(world, longest) == set(longest)
    after = [request.start_after for request in world.engine.requests if isinstance(request, ListObjects)]
    assert any(after)
    assert max(len((key or "").encode()) for key in after) <= 1024


def test_an_empty_page_that_says_there_is_more_hides_nothing() -> None:
    world = CopyWorld()
    world.put_destination("a", b"")
    world.engine.answer = lambda request, reply: (
        ObjectsPage([], (), "more", truncated=True) if isinstance(request, ListObjects) else reply
    )
    assert found_keys(world, ["a", "b"]) == {"a"}


def test_a_store_that_ignores_start_after_hides_nothing() -> None:
    world = CopyWorld()
    for number in range(9):
        world.put_destination(f"{number}", b"")
    first_page = ObjectsPage(
        [row for row in _rows(world) if row.key < f"{PREFIX}3".encode()], (), "more", truncated=True
    )
    world.engine.answer = lambda request, reply: first_page if isinstance(request, ListObjects) else reply
    assert found_keys(world, ["1", "5", "8", "9"]) == {"1", "5", "8"}


def _rows(world: CopyWorld) -> list[ObjectRow]:
    page = world.engine.call(ListObjects("right", PREFIX))
    assert isinstance(page, ObjectsPage)
    return list(page.rows)


@pytest.mark.parametrize("operation", [ListObjects, HeadObject])
@pytest.mark.parametrize("fault", [Fault.INTERNAL, Fault.DENIED, Fault.SLOW_DOWN])
def test_a_request_that_fails_ends_the_look(operation: type, fault: Fault) -> None:
    world = CopyWorld()
    for key in ("a ", "a!", "a-", "a/"):  # pages of one row do not show `a-`, so that is asked for
        world.put_destination(key, b"")
    small_pages(world, 1)
    world.engine.fail(fault, operation=operation)
    if fault is Fault.DENIED and operation is HeadObject:  # a listing of that key has to be refused as well
        world.engine.fail(fault, operation=ListObjects, number=3, times=9)
    failure = look(world, ["a ", "a-"])
    assert isinstance(failure, Failure)
    assert failure.kind is not FailureKind.NOT_FOUND


def test_a_look_that_is_cut_short_says_nothing() -> None:
    """None: those keys were not asked for, which is not that nothing stands there."""
    world = CopyWorld()
    asking = look_at_keys(Side.DESTINATION, DESTINATION, [b"out/a"])
    wish = next(asking)
    assert isinstance(wish, AskMany)
    with pytest.raises(StopIteration) as end:
        asking.send(None)
    assert end.value.value is None
    assert not world.engine.requests


ORDER_KEYS = st.text(st.sampled_from("aAbB_~\ufb00\U0001f600"), min_size=1, max_size=3)


@given(
    there=st.sets(ORDER_KEYS, max_size=20),
    wanted=st.sets(ORDER_KEYS, max_size=12),
    order=st.sampled_from(sorted(ORDERS)),
    rows=st.integers(1, 5),
)
def test_a_store_that_lists_in_an_order_of_its_own_hides_nothing(
    there: set[str], wanted: set[str], order: str, rows: int
) -> None:
    world = CopyWorld()
    for key in there:
        world.put_destination(key, key.encode())
    for page_keys in (rows, 1000):
        engine = OrderedStore(world.engine, ORDERS[order], page_keys=page_keys)
        assert found_keys(world, sorted(wanted, key=str.encode), engine) == there & wanted


def test_where_head_may_not_say_that_there_is_nothing_each_key_is_listed() -> None:
    """A 403 to HEAD of an absent key: credentials without s3:ListBucket, or with it for a prefix only."""
    world = CopyWorld()
    keys = [f"{number}" for number in range(5)]
    for key in keys[:2]:
        world.put_destination(key, b"")
    small_pages(world, 1)
    denied = Failure(FailureKind.DENIED, "HeadObject", "HTTP403", "", 403)

    def answer(request: Request, reply: Reply) -> Reply:
        return denied if isinstance(request, HeadObject) and isinstance(reply, Failure) else reply

    world.engine.answer = answer
    assert found_keys(world, keys) == set(keys[:2])


def test_what_is_whole_is_known_by_one_listing() -> None:
    world = CopyWorld()
    for number in range(900):
        world.put_destination(f"{number:04d}", b"")
    wanted = [f"{number:04d}" for number in range(0, 1800, 3)]
    assert found_keys(world, wanted) == {key for key in wanted if key < "0900"}
    assert len(world.engine.requests) == 1


def test_a_row_that_says_too_little_is_followed_by_a_look_at_that_key_alone() -> None:
    world = CopyWorld()
    for key in ("a", "b", "c"):
        world.put_destination(key, b"body")

    def answer(_: Request, reply: Reply) -> Reply:
        if not isinstance(reply, ObjectsPage):
            return reply
        whole = (PREFIX + "b").encode()
        return replace(
            reply, rows=[odd_row(row.key, Oddity.NO_TIME) if row.key == whole else row for row in reply.rows]
        )

    world.engine.answer = answer
    found = look(world, ["a", "b", "c", "d"])
    assert isinstance(found, dict)
    assert sorted((row.size_bytes, bool(row.etag)) for row in found.values()) == [(4, True)] * 3
    assert [type(request) for request in world.engine.requests] == [ListObjects, HeadObject]
