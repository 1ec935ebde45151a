"""One apply at a time for one journal."""

from __future__ import annotations

import pytest
import s3plan
from fakes.command import Started
from fakes.workplace import Workplace
from s3plan.schemas.errors import Locked


def a_slow_run(place: Workplace) -> None:
    """Requests take so long that a run goes on until the test is done with it."""
    place.seed("source", count=400, size_bytes=10)
    place.buckets("destination")
    place.manifest(run={"in_flight": 8})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.05)


def in_the_middle_of(place: Workplace, started: Started) -> None:
    """Wait for the run's first copies, and keep it at the others."""
    place.wait_for_copies(started, copies=8)
    place.server.set_mode(latency_s=1)


def test_the_second_apply_of_a_plan_exits_7_and_names_the_first(place: Workplace) -> None:
    a_slow_run(place)
    with place.command.start("apply", place.plan_file, "--yes", "--json") as first:
        in_the_middle_of(place, first)
        second = place.command.run("apply", place.plan_file, "--yes")
        assert second.exit_code == 7
        assert f"process {first.pid}" in second.stderr
        with pytest.raises(Locked, match=f"process {first.pid}"):
            place.apply()
        with pytest.raises(Locked, match="being applied"):  # nor may a new plan take its place
            s3plan.plan(place.folder / "job.yaml")
        status = place.command.run("status", place.plan_file, "--json")
        assert status.events[0]["state"] == "running"
        place.server.set_mode(latency_s=0)
        assert first.wait().exit_code == 0
    assert len(place.writes()) == 400
    assert set(place.writes().values()) == {1}
    assert place.command.run("apply", place.plan_file, "--yes").exit_code == 0
    place.assert_nothing_left()


def test_a_lock_that_was_left_behind_stops_nobody(place: Workplace) -> None:
    a_slow_run(place)
    with place.command.start("apply", place.plan_file, "--yes") as first:
        in_the_middle_of(place, first)
        first.kill()
    place.server.set_mode(latency_s=0)
    assert place.apply().exit_code == 0
    assert set(place.writes().values()) == {1}


def test_two_plans_for_one_destination_are_kept_apart_by_their_pins(place: Workplace) -> None:
    place.seed("source", count=30, size_bytes=10)
    place.buckets("destination")
    path = place.manifest()
    first = s3plan.plan(path, output=place.folder / "first.s3plan")
    second = s3plan.plan(path, output=place.folder / "second.s3plan")
    assert s3plan.apply(first.path).exit_code == 0
    report = s3plan.apply(second.path)
    assert report.exit_code == 0
    assert {kind.value: count for kind, count in report.counts.items()} == {"already-done": 30}
    assert set(place.writes().values()) == {1}
