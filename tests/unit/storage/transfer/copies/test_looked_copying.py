"""Copies on a store that holds no pins: from the look that one relies on to its request are seconds at most."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from fakes.copy_world import ALL_CHECKED, CopyWorld, Steering
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.places import Place
from s3plan.schemas.requests.objects import CopyObject, HeadObject, ListObjects, Request
from s3plan.storage.listing.object_look import LOOK_HOLDS_S


@pytest.fixture
def world() -> CopyWorld:
    return CopyWorld(capabilities=ALL_CHECKED)


def planned(world: CopyWorld, count: int) -> list[Action]:
    keys = [f"{number:04d}" for number in range(count)]
    for key in keys:
        world.put_source(key, b"one")
    return [world.plan_copy(key) for key in keys]


@dataclass(slots=True)
class SlowSteering(Steering):
    """A Control whose pace makes each request of some size wait."""

    world: CopyWorld | None = None
    wait_s: float = 0.0

    def reserve(self, place: Place, *, size_bytes: int) -> float:
        if self.world is not None and size_bytes:
            self.world.clock_s += self.wait_s
        return 0.0


@pytest.mark.parametrize("request_s", [0.0, 0.005, 0.1, 0.9])
def test_no_copy_relies_on_a_look_that_is_older_than_seconds(world: CopyWorld, request_s: float) -> None:
    actions = planned(world, 600)
    looked_at_s: dict[str, float] = {}
    oldest_s = 0.0

    def watch(request: Request) -> None:
        nonlocal oldest_s
        if isinstance(request, ListObjects):
            looked_at_s[""] = world.clock_s
        elif isinstance(request, HeadObject):
            looked_at_s[request.key] = world.clock_s
        elif isinstance(request, CopyObject):
            seen_at_s = max(looked_at_s[""], looked_at_s.get(request.key, 0.0))
            oldest_s = max(oldest_s, world.clock_s - seen_at_s)
        world.clock_s += request_s

    world.engine.on_request = watch
    world.steering.in_flight = 1  # one request after the other, as the clock here goes
    assert set(world.perform(*actions).kinds) == {"done"}
    assert oldest_s <= LOOK_HOLDS_S + 2 * request_s


def test_what_changes_after_the_look_at_many_is_noticed_by_the_look_at_one(world: CopyWorld) -> None:
    actions = planned(world, 20)

    def change(request: Request) -> None:
        if isinstance(request, CopyObject):
            world.clock_s += LOOK_HOLDS_S / 5
            if request.key == "out/0003":
                world.put_destination("0015", b"theirs")
                world.put_source("0016", b"changed")

    world.engine.on_request = change
    world.steering.in_flight = 1
    attempt = world.perform(*actions)
    assert [position for position, outcome in attempt.outcomes.items() if outcome.kind.value == "stale"] == [15, 16]
    assert world.body("0015") == b"theirs"
    assert world.body("0016") is None


def test_a_copy_that_its_pace_held_back_is_looked_at_again_after_the_wait(world: CopyWorld) -> None:
    actions = planned(world, 5)
    world.steering = SlowSteering(in_flight=1, world=world, wait_s=100.0)

    def change(request: Request) -> None:
        if isinstance(request, CopyObject) and request.key == "out/0001":
            world.put_destination("0002", b"theirs")

    world.engine.on_request = change
    attempt = world.perform(*actions)
    assert attempt.kinds == ["done", "done", "stale", "done", "done"]
    assert world.body("0002") == b"theirs"


def test_what_is_new_and_little_is_looked_at_by_two_listings(world: CopyWorld) -> None:
    assert set(world.perform(*planned(world, 250)).kinds) == {"done"}
    assert (world.engine.asked(ListObjects), world.engine.asked(HeadObject)) == (2, 0)


def test_a_run_that_stops_during_its_look_has_begun_nothing(world: CopyWorld) -> None:
    for number in range(1100):  # so many that a listing is not whole, and each absent key is asked for
        world.put_destination(f"0000-{number:04d}", b"")
    actions = planned(world, 30)

    def stop(request: Request) -> None:
        if isinstance(request, HeadObject):
            world.steering.stopping = True

    world.engine.on_request = stop
    attempt = world.perform(*actions)
    assert attempt.outcomes == {}
    assert not world.engine.writes
