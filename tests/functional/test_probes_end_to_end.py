"""What apply finds out of its store before the first change, on stores that stumble and on such as have changed."""

from __future__ import annotations

from typing import Any

from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, MIRROR, Workplace


@BY_BOTH_ENGINES
def test_a_store_that_throttles_and_breaks_off_is_probed_to_the_end(place: Workplace) -> None:
    place.seed("source", count=20, size_bytes=100)
    place.buckets("destination")
    place.manifest()
    place.plan()
    of_probe: dict[str, Any] = {"prefix": ".s3plan-probe-", "times": None}
    place.server.faults(
        [
            Fault(kind=FaultKind.SLOW_DOWN, share=0.04, seed=3, **of_probe),
            Fault(kind=FaultKind.RESET, share=0.02, seed=4, **of_probe),
            Fault(kind=FaultKind.RESET, share=0.02, seed=5, after_commit=True, **of_probe),
        ]
    )
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    place.server.faults([])
    place.assert_same_content()


def planned_where_all_is_enforced(place: Workplace) -> None:
    """A mirror with one copy, one overwrite and one delete, planned when the store had been probed."""
    place.seed("source", "new", "changed", size_bytes=10)
    place.seed("destination", "changed", "old", size_bytes=9, modified_s=1)
    place.manifest(**MIRROR)
    place.plan(probe=True)


def test_a_store_that_has_stopped_refusing_wrong_conditions_is_found_out_before_any_change(place: Workplace) -> None:
    planned_where_all_is_enforced(place)
    place.server.set_mode(conditions="none")
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 4, ended.output
    assert "enforces less than the plan states" in ended.stderr
    assert place.writes() == {}
    assert place.keys("destination") == {"changed", "old"}


def test_a_store_that_still_refuses_them_is_asked_a_few_times_only(place: Workplace) -> None:
    planned_where_all_is_enforced(place)
    place.server.reset_stats()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    asked = [request for request in place.server.log() if ".s3plan-probe-" in request.key]
    assert len(asked) <= 5
    assert place.keys("destination") == {"changed", "new"}


def planned_where_no_bucket_is(place: Workplace, **destination: object) -> None:
    place.seed("source", "a", "b", size_bytes=10)
    place.manifest(destination={"create": True, **destination})
    place.plan()


def test_a_bucket_of_somebody_else_that_came_to_be_after_the_plan_gets_nothing(place: Workplace) -> None:
    planned_where_no_bucket_is(place)
    place.buckets("destination")
    place.server.set_mode(foreign=["destination"])
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 4, ended.output
    assert "not known to be yours" in ended.stderr
    place.server.set_mode(foreign=[])
    assert place.writes() == {}


def test_a_bucket_of_ours_that_came_to_be_after_the_plan_is_taken(place: Workplace) -> None:
    planned_where_no_bucket_is(place)
    place.buckets("destination")
    assert place.apply(limit=1).exit_code == 8
    assert place.apply().exit_code == 0
    assert place.server.stats().requested("CreateBucket") == 1  # none once a run has begun
    assert place.keys("destination") == {"a", "b"}
