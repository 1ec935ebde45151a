"""A listing that cannot be trusted makes no plan: nothing is ever deleted because a store left it out."""

from __future__ import annotations

import pytest
import s3plan
from fakes.both_ends import listed_at_source
from fakes.manifests import write_manifest
from fakes.quirky_store import Asked, Said, quirky_store
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, MIRROR, Workplace
from s3plan.schemas.errors import ListingUnusable, StoreRefused

FAULTS = {
    "repeated key": Fault(kind=FaultKind.LIST_REPEATED_KEY, operation="ListObjectsV2", after=1),
    "looping token": Fault(kind=FaultKind.LIST_LOOPING_TOKEN, operation="ListObjectsV2", after=1, times=None),
    "truncated without token": Fault(kind=FaultKind.LIST_NO_TOKEN, operation="ListObjectsV2", after=1),
    "denied on page 2": Fault(kind=FaultKind.ACCESS_DENIED, operation="ListObjectsV2", after=1),
}


@pytest.mark.parametrize("side", ["source", "destination"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_listing_is_refused_and_leaves_no_plan(place: Workplace, name: str, side: str) -> None:
    fault = FAULTS[name]
    place.seed("source", count=1500, size_bytes=10)
    place.seed("destination", count=1800, size_bytes=10)
    place.manifest(**MIRROR)
    place.server.faults([Fault(kind=fault.kind, operation=fault.operation, bucket=side, after=1, times=fault.times)])
    with pytest.raises((ListingUnusable, StoreRefused), match=rf"s3://{side}/|page 2"):
        place.plan()
    assert list(place.plan_file.parent.glob("*")) == []
    place.server.clear_faults()
    assert place.plan().header.actions == 300


def test_a_faulty_listing_ends_the_command_with_1(place: Workplace) -> None:
    place.seed("source", count=1500, size_bytes=10)
    place.buckets("destination")
    path = place.manifest(**MIRROR)
    place.server.faults([Fault(kind=FaultKind.LIST_NO_TOKEN, operation="ListObjectsV2", bucket="source", after=1)])
    ended = place.command.run("plan", path)
    assert ended.exit_code == 1
    assert "page 2" in ended.stderr
    assert not place.plan_file.exists()


def test_a_page_that_fails_for_a_while_is_asked_for_again(place: Workplace) -> None:
    place.seed("source", count=1500, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    kinds = (FaultKind.INTERNAL_ERROR, FaultKind.SLOW_DOWN, FaultKind.RESET)
    place.server.faults([Fault(kind=kind, operation="ListObjectsV2", after=1) for kind in kinds])
    assert place.plan().header.actions == 1500


def test_empty_pages_in_between_lose_nothing(place: Workplace) -> None:
    place.seed("source", count=1500, size_bytes=10)
    place.seed("destination", count=1500, size_bytes=10)
    place.manifest(**MIRROR)
    place.server.faults([Fault(kind=FaultKind.LIST_EMPTY_PAGE, operation="ListObjectsV2", times=3)])
    assert place.plan().header.actions == 0


def test_a_store_that_lists_out_of_order_goes_through_the_sort(place: Workplace) -> None:
    place.seed("source", count=1300, size_bytes=10)
    place.seed("destination", count=1300, size_bytes=10, start=100)
    path = place.manifest(**MIRROR)
    place.server.set_mode(order="unsorted")
    events: list[object] = []
    made = s3plan.plan(path, on_event=events.append)
    assert made.header.actions == 200
    assert listed_at_source(made.header.jobs[0]).note is not None
    assert any("sort" in getattr(event, "message", "") for event in events)
    assert place.apply().exit_code == 0
    assert place.keys("destination") == place.keys("source")
    place.assert_nothing_left()


@BY_BOTH_ENGINES
def test_a_page_with_a_token_that_does_not_say_that_more_follows_makes_no_mirror(place: Workplace) -> None:
    """Taken for the last one, it would make the mirror delete what the pages after it hold."""

    def leave_out(asked: Asked, said: Said) -> Said:
        is_source = asked.is_listing and asked.path.startswith("/source")
        return said.with_body(said.body.replace(b"<IsTruncated>true</IsTruncated>", b"")) if is_source else said

    place.seed("source", count=1500, size_bytes=10)
    place.seed("destination", count=1500, size_bytes=10)
    with quirky_store(place.server.endpoint, leave_out) as store:
        path = write_manifest(place.folder, endpoint=store.endpoint, engine=place.engine, **MIRROR)
        ended = place.command.run("plan", path)
    assert ended.exit_code == 1, ended.output
    assert "on page 1, it has a token for more, but does not say that more follows" in ended.stderr
    assert not place.plan_file.exists()
