"""The number of requests under way climbs while that pays, and no further."""

from __future__ import annotations

from s3plan.executors.pace.tuning import InFlightTuner


def rate_behind_latency(in_flight: int, *, most_per_s: float) -> float:
    return min(in_flight / 0.05, most_per_s)


def climb(tuner: InFlightTuner, *, most_per_s: float, observations: int) -> list[int]:
    return [tuner.observe(rate_behind_latency(tuner.in_flight, most_per_s=most_per_s)) for _ in range(observations)]


def test_it_doubles_as_long_as_latency_is_what_limits() -> None:
    tuner = InFlightTuner(start=16, most=256)
    assert climb(tuner, most_per_s=1e9, observations=5) == [32, 64, 128, 256, 256]


def test_a_doubling_that_brings_nothing_is_taken_back_and_not_tried_again_soon() -> None:
    tuner = InFlightTuner(start=64, most=1024)
    assert climb(tuner, most_per_s=1000, observations=2) == [128, 64]
    assert set(climb(tuner, most_per_s=1000, observations=20)) == {64}
    assert climb(tuner, most_per_s=1000, observations=1) == [128]


def test_it_never_exceeds_the_most() -> None:
    tuner = InFlightTuner(start=300, most=256)
    assert tuner.in_flight == 256
    assert set(climb(tuner, most_per_s=1e9, observations=30)) == {256}
