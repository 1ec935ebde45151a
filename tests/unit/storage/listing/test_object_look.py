"""What stands at a key is told by an answer about that very key, and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.copy_world import ALL_CHECKED, DESTINATION, CopyWorld
from fakes.faulty_engine import Fault
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import (
    DeleteObject,
    DeleteObjects,
    HeadObject,
    ListObjects,
    ObjectsPage,
    Reply,
    Request,
)
from s3plan.storage.listing.object_look import listing_of, told_by_listing
from s3plan.storage.listing.range_look import look_at_keys
from s3plan.storage.steps import AskMany

OF_NOBODY = Failure(FailureKind.NOT_FOUND, "HeadObject", "HTTP404", "", 404)
DENIED = Failure(FailureKind.DENIED, "HeadObject", "HTTP403", "", 403)


def gateway(request: Request, reply: Reply) -> Reply:
    """Answer HEAD as a gateway does that has lost its store: a 404 of its own, without a request id."""
    return OF_NOBODY if isinstance(request, HeadObject) else reply


def row(key: str) -> ObjectRow:
    return ObjectRow(key.encode(), 1, "etag", 0)


@pytest.mark.parametrize("keys", [("a",), ("a", "b"), tuple(f"{number:02}" for number in range(40))])
def test_no_delete_is_already_done_because_a_gateway_answers_404(keys: tuple[str, ...]) -> None:
    world = CopyWorld(capabilities=ALL_CHECKED)
    for key in keys:
        world.put_destination(key, b"body")
    actions = [world.plan_delete(key) for key in keys]
    world.engine.answer = gateway
    for operation in (DeleteObjects, DeleteObject):
        world.engine.fail(Fault.INTERNAL, operation=operation, times=99)
    kinds = world.perform(*actions).kinds
    assert set(kinds) == {OutcomeKind.UNKNOWN}
    assert len(world.store.bucket("right").objects) == len(keys)


@pytest.mark.parametrize("size_bytes", [1, 99], ids=["small", "in parts"])
def test_no_copy_goes_over_an_object_that_a_gateway_says_is_not_there(size_bytes: int) -> None:
    world = CopyWorld(capabilities=ALL_CHECKED)
    world.put_source("a", b"s" * size_bytes)
    action = world.plan_copy("a")
    world.put_destination("a", b"of somebody else")
    world.engine.answer = lambda request, reply: gateway(request, reply) if request.bucket == "right" else reply
    assert world.perform(action).only.kind is not OutcomeKind.DONE
    assert world.store.bucket("right").objects["out/a"].body == b"of somebody else"


def test_a_source_that_a_gateway_says_is_not_there_is_not_gone() -> None:
    world = CopyWorld(capabilities=ALL_CHECKED)
    world.put_source("a", b"s" * 99)
    action = world.plan_copy("a")
    world.engine.answer = gateway
    assert world.perform(action).only.kind is OutcomeKind.UNKNOWN


def test_a_404_that_the_store_has_named_is_its_word() -> None:
    world = CopyWorld(capabilities=ALL_CHECKED)
    world.put_source("a", b"body")
    assert world.perform(world.plan_copy("a")).kinds == ["done"]
    assert world.engine.asked(ListObjects) == 0


@pytest.mark.parametrize("asked", [DENIED, OF_NOBODY])
def test_a_few_rows_in_order_by_chance_do_not_show_that_a_key_is_not_there(asked: Failure) -> None:
    """A store that lists in no order, two rows a page: any two are in order half of the time."""
    page = ObjectsPage([row("a/1"), row("a/2")], (), "more", truncated=True)
    told = told_by_listing("a", listing_of(DESTINATION, "a"), page, otherwise=asked)
    assert isinstance(told, Failure)
    assert told.kind is not FailureKind.NOT_FOUND


def test_a_page_of_what_begins_like_a_key_in_order_shows_that_it_is_not_there() -> None:
    page = ObjectsPage([row(f"a/{number:03}") for number in range(100)], (), "more", truncated=True)
    told = told_by_listing("a", listing_of(DESTINATION, "a"), page, otherwise=DENIED)
    assert isinstance(told, Failure)
    assert told.kind is FailureKind.NOT_FOUND


@pytest.mark.parametrize("others", [["b"], ["a/1", "c"]])
def test_a_whole_page_of_other_objects_than_were_asked_for_says_nothing(others: list[str]) -> None:
    """A proxy may give the answer to another question: it does not know that a query is a part of one."""
    page = ObjectsPage([row(key) for key in others], (), None, truncated=False)
    told = told_by_listing("a", listing_of(DESTINATION, "a"), page, otherwise=OF_NOBODY)
    assert isinstance(told, Failure)
    assert told.kind is FailureKind.BAD_REPLY


def test_a_directory_bucket_is_asked_for_folders() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html: no other prefixes, no start-after."""
    location = replace(DESTINATION, bucket="data--use1-az4--x-s3")
    assert listing_of(location, "out/folder/key").prefix == "out/folder/"
    assert listing_of(DESTINATION, "out/folder/key").prefix == "out/folder/key"
    keys = [f"out/folder/{number}".encode() for number in range(40)]
    wish = next(look_at_keys(Side.DESTINATION, location, keys))
    assert isinstance(wish, AskMany)
    assert {type(ask.request) for ask in wish.asks} == {HeadObject}
