"""Many keys looked at by listing their range: the answer must be that of a HeadObject for each key."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import pytest
from fakes.copy_world import DESTINATION, CopyWorld
from fakes.faulty_engine import Fault
from fakes.odd_keys import ODD_KEYS
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import ObjectRow, Oddity, odd_row
from s3plan.schemas.requests import HeadObject, ListObjects, ObjectsPage, Reply, Request
from s3plan.storage.range_look import Found, look_at_keys
from s3plan.storage.steps import Ask, Side

PREFIX = DESTINATION.prefix


def look(world: CopyWorld, keys: Sequence[str]) -> Found | Failure:
    """Look at keys (relative), answering as the performer would."""
    asking = look_at_keys(Side.DESTINATION, DESTINATION, [(PREFIX + key).encode() for key in keys])
    assert isinstance(asking, Generator)
    reply: Reply | None = None
    while True:
        try:
            wish = asking.send(reply)
        except StopIteration as end:
            result: Found | Failure = end.value
            return result
        assert isinstance(wish, Ask)
        reply = world.engine.call(wish.request)


def found_keys(world: CopyWorld, keys: Sequence[str]) -> set[str]:
    found = look(world, keys)
    assert not isinstance(found, Failure)
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
    assert len(world.engine.requests) <= max(2 * len(wanted), 1)


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
    assert len(world.engine.requests) == 3


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
    longest = "k" * (1024 - len(PREFIX))
    world.put_destination(longest, b"")
    assert found_keys(world, [longest]) == {longest}
    (request,) = world.engine.requests
    assert isinstance(request, ListObjects)
    assert len((request.start_after or "").encode()) <= 1024


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
    for key in ("a ", "a!", "a-"):  # the page from `a` on says nothing of `a-`, so that is asked for
        world.put_destination(key, b"")
    small_pages(world, 1)
    world.engine.fail(fault, operation=operation)
    failure = look(world, ["a-"])
    assert isinstance(failure, Failure)
    assert failure.kind is not FailureKind.NOT_FOUND


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
    assert not isinstance(found, Failure)
    assert [(row.size_bytes, bool(row.etag)) for row in found.values()] == [(4, True)] * 3
    assert [type(request) for request in world.engine.requests] == [ListObjects, HeadObject]
