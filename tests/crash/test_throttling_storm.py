"""A store that refuses half of all requests for a while: the run slows down, loses nothing and ends well.

How fast it follows and how soon it is back is measured by benchmarks/storm.py.
"""

from __future__ import annotations

import time

import pytest
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, Workplace

pytestmark = [BY_BOTH_ENGINES, pytest.mark.slow]

OBJECTS = 400
BEFORE = 100  # copies that pass before the storm, so that there is a rate to fall from
RATE_PER_S = 200
LASTS_S = 4.0
_PATIENCE_S = 60


def test_a_run_slows_down_in_a_storm_and_no_action_fails(place: Workplace) -> None:
    plan_copies(place)
    place.server.faults(
        [Fault(kind=FaultKind.SLOW_DOWN, bucket="destination", share=0.5, times=None, after=BEFORE, lasts_s=LASTS_S)]
    )
    with place.command.start("apply", place.plan_file, "--yes", "--json") as started:
        requests = requests_in_the_storm(place)
        ended = started.wait(timeout_s=_PATIENCE_S)
    assert ended.exit_code == 0, ended.output
    assert ended.event("run-ended")["counts"] == {"done": OBJECTS}
    assert sum(place.server.fired()) > OBJECTS / 20, "a run that hardly met the storm shows nothing"
    assert requests < RATE_PER_S * LASTS_S / 2
    assert place.keys("destination") == place.keys("source")
    assert place.writes() == dict.fromkeys(place.keys("source"), 1)
    place.assert_nothing_left()


def plan_copies(place: Workplace) -> None:
    place.seed("source", count=OBJECTS, size_bytes=10)
    place.buckets("destination")
    place.manifest(run={"rate": f"{RATE_PER_S}/s"})
    place.plan(probe=True)
    place.server.reset_stats()


def requests_in_the_storm(place: Workplace) -> int:
    """Wait for the storm and for its end; return how many requests came in between, whatever became of them."""
    until_s = time.monotonic() + _PATIENCE_S
    while not sum(place.server.fired()):
        assert time.monotonic() < until_s, "the storm never came"
        time.sleep(0.02)
    at_begin = requests_so_far(place)
    time.sleep(LASTS_S)
    return requests_so_far(place) - at_begin


def requests_so_far(place: Workplace) -> int:
    return sum(place.server.stats().requests.values())
