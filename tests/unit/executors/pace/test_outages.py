"""An outage is one of its place: others neither see it nor end it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fakes.scheduled import FakeClock
from s3plan.executors.pace.outages import Outages
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.plan.places import Place

HERE, THERE = Place("", None, None), Place("there", None, None)


class Stores:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.probed: list[Place] = []
        self.answer = False
        probes = {place: partial(self.probe, place) for place in (HERE, THERE)}
        self.outages = Outages(probes, clock=self.clock)

    def probe(self, place: Place, tell: Callable[[bool], None]) -> None:
        self.probed.append(place)
        tell(self.answer)

    def fail(self, place: Place, times: int) -> None:
        for _ in range(times):
            self.outages.note_failure(place, FailureKind.UNREACHABLE)


def test_ten_failures_in_a_row_at_one_place_are_an_outage_there() -> None:
    stores = Stores()
    for _ in range(9):
        stores.fail(THERE, 1)
        stores.outages.note_answers([HERE])
        stores.fail(HERE, 1)
        stores.outages.note_answers([HERE])
    assert stores.outages.down == frozenset()
    stores.fail(THERE, 1)
    assert stores.outages.down == {THERE}
    assert (stores.outages.is_down(THERE), stores.outages.is_down(HERE)) == (True, False)
    stores.outages.look()
    assert stores.probed == [THERE]


def test_an_action_that_ended_well_shows_that_all_the_places_that_it_needed_are_there() -> None:
    stores = Stores()
    for place in (HERE, THERE):
        stores.fail(place, 9)
    stores.outages.note_answers([HERE, THERE])
    for place in (HERE, THERE):
        stores.fail(place, 9)
    assert stores.outages.down == frozenset()


def test_a_refusal_shows_that_its_place_answers() -> None:
    stores = Stores()
    stores.fail(HERE, 9)
    stores.outages.note_failure(HERE, FailureKind.DENIED)
    stores.fail(HERE, 9)
    assert stores.outages.down == frozenset()


def test_they_have_lasted_too_long_once_the_last_of_them_has() -> None:
    stores = Stores()
    assert not stores.outages.have_lasted_too_long
    stores.fail(HERE, 10)
    stores.clock.advance(300)
    stores.fail(THERE, 10)
    stores.clock.advance(400)
    assert stores.outages.outage_s(HERE) == 700
    assert not stores.outages.have_lasted_too_long, "the other one may be back in time"
    stores.clock.advance(300)
    assert stores.outages.have_lasted_too_long


def test_a_place_whose_probe_is_answered_is_asked_again() -> None:
    stores = Stores()
    stores.answer = True
    stores.fail(HERE, 10)
    stores.outages.look()
    stores.outages.look()
    assert stores.outages.down == frozenset()
    assert stores.outages.outage_s(HERE) == 0.0
