"""Objects at known keys, as `s3plan retry` looks at them, on stores that list in orders of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import pytest
from fakes.copy_world import DESTINATION, CopyWorld
from fakes.faulty_engine import Fault
from fakes.ordered_store import ORDERS, OrderedStore
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.errors import StoreRefused
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import HeadObject, ListObjects, Reply, Request
from s3plan.storage.listing.keyed import KeyedLister

KEYS = st.text(st.sampled_from("aAbBzZ/~é\ufb00\U0001f600"), min_size=1, max_size=3)


def listed(world: CopyWorld, wanted: AbstractSet[str], *, order: str, page_keys: int = 1000) -> list[str]:
    engine = OrderedStore(world.engine, ORDERS[order], page_keys=page_keys)
    lister = KeyedLister(engine, DESTINATION, sorted(key.encode() for key in wanted), why="those of a test")
    return [row.key.decode() for page in lister.pages() for row in page]


@given(
    there=st.sets(KEYS, max_size=20),
    wanted=st.sets(KEYS, max_size=20),
    order=st.sampled_from(sorted(ORDERS)),
    page_keys=st.integers(1, 5),
)
def test_what_is_there_is_found_in_whatever_order_a_store_lists(
    there: set[str], wanted: set[str], order: str, page_keys: int
) -> None:
    world = CopyWorld()
    for key in there:
        world.put_destination(key, b"")
    found = listed(world, wanted, order=order, page_keys=page_keys)
    assert found == sorted(there & wanted, key=str.encode)


@pytest.mark.parametrize("order", ORDERS)
def test_hundreds_of_keys_are_found_whatever_the_order(order: str) -> None:
    world = CopyWorld()
    keys = {f"{letter}{number:03d}" for letter in "aBcZé" for number in range(60)}
    for key in keys:
        world.put_destination(key, b"")
    assert set(listed(world, keys | {"absent", "Zzz"}, order=order, page_keys=7)) == keys


def test_a_key_that_may_not_be_looked_at_ends_it_with_the_permission_that_may_lack() -> None:
    world = CopyWorld()
    world.put_destination("a", b"")
    world.engine.fail(Fault.DENIED, operation=HeadObject)
    world.engine.fail(Fault.DENIED, operation=ListObjects)
    with pytest.raises(StoreRefused, match="s3:GetObject"):
        listed(world, {"a"}, order="utf-16")


@dataclass(frozen=True, slots=True)
class Stalling:
    """An engine that says nothing of keys that begin so until `goes_on`."""

    engine: Engine
    beginning: str
    goes_on: threading.Event = field(default_factory=threading.Event)
    has_stalled: threading.Event = field(default_factory=threading.Event)

    @property
    def clock_offset_ms(self) -> int:
        return self.engine.clock_offset_ms

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        on_reply(self.call(request))

    def call(self, request: Request) -> Reply:
        assert isinstance(request, ListObjects)
        if request.prefix.startswith(self.beginning):
            self.has_stalled.set()
            self.goes_on.wait()
        return self.engine.call(request)

    def close(self) -> None:
        self.engine.close()


def test_who_stops_reading_does_not_wait_for_a_store_that_says_nothing() -> None:
    world = CopyWorld()
    keys = [f"{letter}{number:03d}" for letter in "ab" for number in range(100)]
    for key in keys:
        world.put_destination(key, b"")
    store = Stalling(world.engine, DESTINATION.prefix + "b")
    pages = iter(KeyedLister(store, DESTINATION, [key.encode() for key in keys], why="those of a test").pages())
    rescue = threading.Timer(10, store.goes_on.set)
    rescue.start()
    try:
        assert len(next(pages)) == 100
        store.has_stalled.wait()
        del pages
        assert not store.goes_on.is_set()
    finally:
        store.goes_on.set()
        rescue.cancel()
