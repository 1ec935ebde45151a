"""Each place has a pace of its own: what one store asks for slows down nothing that goes to another."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from fakes.scheduled import FakeClock
from hypothesis import given
from hypothesis import strategies as st
from s3plan.executors.contract_batches import ELSEWHERE, HERE, task_of
from s3plan.executors.pace.pacing import Pace, RunControl
from s3plan.executors.workers.share import pace_of_each
from s3plan.schemas.plan.places import Place, place_of
from s3plan.schemas.tasks import BatchTask

PLACES = [Place("", None, None), Place("backup", None, None), Place("", "https://store.example", None)]
places = st.sampled_from(PLACES)
steps = st.lists(
    st.tuples(places, st.booleans(), st.floats(0.001, 3.0)),  # asked, refused, and the time until the next
    max_size=60,
)


@given(steps=steps, quiet=places)
def test_whatever_others_are_refused_a_place_that_never_refuses_is_never_waited_for(
    steps: list[tuple[Place, bool, float]], quiet: Place
) -> None:
    clock = FakeClock()
    control = RunControl(in_flight=8, clock=clock)
    for place, is_refused, pause_s in steps:
        wait_s = control.reserve(place, size_bytes=10)
        assert wait_s == 0.0 or place != quiet
        if is_refused and place != quiet:
            control.slow_down(place)
            assert control.is_throttled
        assert control.pace().rate_at(quiet) is None
        clock.advance(pause_s)


@given(steps=steps)
def test_a_place_is_slowed_down_as_it_would_be_alone(steps: list[tuple[Place, bool, float]]) -> None:
    """The requests of the others change neither how far its rate falls nor when it is back."""
    clock = FakeClock()
    together = RunControl(in_flight=8, clock=clock)
    alone = {place: RunControl(in_flight=8, clock=clock) for place in PLACES}
    for place in PLACES:  # from the least rate on: what is measured before a storm depends on when it is measured
        for control in (together, alone[place]):
            control.slow_down(place)
    for place, is_refused, pause_s in steps:
        if is_refused:
            together.slow_down(place)
            alone[place].slow_down(place)
        assert together.pace().at.get(place) == pytest.approx(alone[place].pace().at.get(place))
        clock.advance(pause_s)


@given(asked=st.lists(places, min_size=1, max_size=50))
def test_the_rate_of_the_run_is_one_for_all_places(asked: list[Place]) -> None:
    control = RunControl(in_flight=8, rate_per_s=10, clock=FakeClock())
    assert [control.reserve(place, size_bytes=0) for place in asked] == [
        pytest.approx(number / 10) for number in range(len(asked))
    ]


@given(asked=st.lists(places, min_size=1, max_size=50))
def test_the_bandwidth_of_the_run_is_one_for_all_places(asked: list[Place]) -> None:
    control = RunControl(in_flight=8, bandwidth_bytes_per_s=100, clock=FakeClock())
    assert [control.reserve(place, size_bytes=10) for place in asked] == [
        pytest.approx(number / 10) for number in range(len(asked))
    ]


def test_a_refusal_is_measured_by_the_requests_of_its_place_alone() -> None:
    clock = FakeClock()
    control = RunControl(in_flight=8, clock=clock)
    busy, calm, _ = PLACES
    for _ in range(30):
        clock.advance(0.1)
        control.note_requests(busy, 90)
        control.note_requests(calm, 10)
    control.slow_down(calm)
    assert control.pace().at == {calm: pytest.approx(50, rel=0.1)}
    assert control.requests_at() == {busy: 2_700, calm: 300}


def test_a_place_that_nobody_asks_any_more_is_not_throttled_for_ever() -> None:
    clock = FakeClock()
    control = RunControl(in_flight=8, clock=clock)
    control.slow_down(PLACES[0])
    clock.advance(60)
    assert not control.is_throttled


batches = st.sampled_from(
    [task_of(1), task_of(1, source=ELSEWHERE), task_of(1, destination=ELSEWHERE), task_of(1, source=HERE)]
)


@given(workers=st.lists(st.lists(batches, max_size=3), max_size=6))
def test_all_workers_together_keep_to_the_pace_of_the_run_and_of_each_place(workers: list[list[BatchTask]]) -> None:
    clock = FakeClock()
    whole = RunControl(in_flight=8, rate_per_s=60, bandwidth_bytes_per_s=600, clock=clock)
    whole.slow_down(place_of(HERE))
    pace = whole.pace()
    each = pace_of_each(whole, workers)
    busy = [tasks for tasks in workers if tasks]
    assert each.rate_per_s == pytest.approx(60 / max(len(busy), 1))
    assert each.bandwidth_bytes_per_s == pytest.approx(600 / max(len(busy), 1))
    assert each.at.keys() == pace.at.keys() == {place_of(HERE)}
    asking = sum(any(place_of(HERE) in task.places for task in tasks) for tasks in busy)
    assert each.at[place_of(HERE)] * max(asking, 1) == pytest.approx(pace.at[place_of(HERE)])


def test_a_worker_forgets_the_share_of_a_place_that_is_limited_no_more() -> None:
    control = RunControl(in_flight=8, clock=FakeClock())
    control.keep_to(Pace(at={PLACES[0]: 2.0}))
    assert [control.reserve(PLACES[0], size_bytes=0) for _ in range(3)] == [0.0, 0.5, 1.0]
    control.keep_to(Pace())
    assert control.reserve(PLACES[0], size_bytes=0) == 0.0
    assert control.pace() == Pace()


def test_buckets_that_are_reached_the_same_way_are_one_place() -> None:
    other_bucket = replace(HERE, id=9, bucket="another", prefix="elsewhere/", url="s3://another/elsewhere/")
    assert place_of(other_bucket) == place_of(HERE)
    for difference in ({"connection": "x"}, {"endpoint": "http://127.0.0.1:9"}, {"region": "eu-north-1"}):
        assert place_of(replace(HERE, **difference)) != place_of(HERE)  # type: ignore[arg-type]
    assert Counter(task_of(1, source=other_bucket).places) == {place_of(HERE): 1}
