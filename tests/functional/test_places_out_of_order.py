"""Before its first change a run looks at all its places; one whose store does not answer holds only what needs it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from threading import Timer

import pytest
from fakes.s3server import Fault, FaultKind, ServerProcess
from fakes.workplace import PROBE, Workplace, counted
from s3plan.app.runs.preparation import all_places
from s3plan.schemas.errors import PlanRefused, StoreRefused
from s3plan.schemas.events import Event, Prepared
from s3plan.schemas.run_states import StopLevel

COUNT = 20


@pytest.fixture
def away(place: Workplace) -> Iterator[ServerProcess]:
    """A second store, and a plan of three jobs: one of each store, and one that depends on the one of `away`."""
    with ServerProcess() as server:
        place.seed("source", count=COUNT, size_bytes=10)
        place.buckets("destination")
        server.seed("source", count=COUNT, size_bytes=10)
        server.seed("destination", keys=[])
        yield server


def plan_three(place: Workplace, away: ServerProcess, **of_destination: object) -> None:
    connections: dict[str, object] = {
        name: {"endpoint": server.endpoint, "region": "us-east-1"}
        for name, server in (("here", place.server), ("away", away))
    }

    def job(store: str, folder: str, **more: object) -> dict[str, object]:
        return {
            "source": {"url": "s3://source/", "connection": store},
            "destination": {"url": f"s3://destination/{folder}/", "connection": store, **of_destination},
            **more,
        }

    jobs: dict[str, object] = {
        "away": job("away", "a"),
        "here": job("here", "b"),
        "after": job("here", "c", depends_on=["away"]),
    }
    write_jobs(place, jobs, connections)
    place.plan(probe=not of_destination)


def write_jobs(place: Workplace, jobs: dict[str, object], connections: dict[str, object]) -> None:
    manifest = {"version": 1, "name": "job", "connections": connections, "jobs": jobs}
    (place.folder / "job.yaml").write_text(json.dumps(manifest))


def written(server: ServerProcess) -> int:
    return sum(1 for key in server.snapshot("destination") if PROBE not in key)


@pytest.mark.parametrize("kind", [FaultKind.STALL, FaultKind.RESET])
def test_jobs_of_a_store_that_does_not_answer_are_withheld_and_the_others_are_done(
    place: Workplace, away: ServerProcess, monkeypatch: pytest.MonkeyPatch, kind: FaultKind
) -> None:
    plan_three(place, away)
    monkeypatch.setattr(all_places, "_TELLS_AFTER_S", 0.2)
    monkeypatch.setattr(all_places, "_LETS_GO_AFTER_S", 1.0)
    away.faults([Fault(kind=kind, times=None)])
    report = place.apply()
    where = f"the bucket source at {away.endpoint}"
    assert (report.exit_code, counted(report)) == (3, {"done": COUNT, "skipped": 2 * COUNT}), report
    assert any(message == f"{where} does not answer so far; what needs it waits" for message in place.told)
    assert f"{COUNT} copies of job away were withheld: {where} does not answer" in report.messages
    assert f"{COUNT} copies of job after were withheld: job away was withheld" in report.messages
    assert (written(place.server), written(away)) == (COUNT, 0)
    away.clear_faults()
    again = place.apply()
    assert (again.exit_code, counted(again)) == (0, {"done": 3 * COUNT}), again
    assert (written(place.server), written(away)) == (2 * COUNT, COUNT)


def test_a_run_of_which_nothing_can_begin_ends_with_what_the_store_did(place: Workplace, away: ServerProcess) -> None:
    plan_three(place, away)
    for server in (place.server, away):
        server.faults([Fault(kind=FaultKind.RESET, times=None)])
    with pytest.raises(StoreRefused, match="does not answer as it should"):
        place.apply()
    place.server.clear_faults()
    away.clear_faults()
    assert counted(place.apply()) == {"done": 3 * COUNT}


@pytest.mark.parametrize(("level", "within_s"), [(StopLevel.ABANDON, 3.0), (StopLevel.DRAIN, 8.0)])
def test_somebody_who_wants_to_stop_does_not_wait_for_a_store_that_says_nothing(
    place: Workplace, away: ServerProcess, monkeypatch: pytest.MonkeyPatch, level: StopLevel, within_s: float
) -> None:
    plan_three(place, away)
    monkeypatch.setattr(all_places, "_DRAIN_S", 2.0)
    for server in (place.server, away):
        server.faults([Fault(kind=FaultKind.STALL, operation="HeadBucket", times=None)])
    asked = [StopLevel.NONE]
    timer = Timer(1.0, lambda: asked.__setitem__(0, level))
    timer.start()
    began_s = time.monotonic()
    report = place.apply(stop_level=lambda: asked[0])
    assert time.monotonic() - began_s < 1.0 + within_s
    assert (report.state, written(place.server), written(away)) == ("interrupted", 0, 0)


def test_a_bucket_is_told_when_it_is_made_whatever_comes_then(place: Workplace, away: ServerProcess) -> None:
    for server in (place.server, away):
        server.client().delete_bucket(Bucket="destination")
    plan_three(place, away, create=True, expected_bucket_owner="999999999999")
    prepared: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Prepared):
            prepared.append(event.message)

    with pytest.raises(PlanRefused, match="is not owned by 999999999999, as the plan says"):
        place.apply(on_event=note)
    assert any(message.startswith("created the bucket destination") for message in prepared)


def test_a_bucket_that_this_run_has_made_for_one_job_is_not_taken_for_a_strangers_by_another(
    place: Workplace,
) -> None:
    place.seed("source", count=COUNT, size_bytes=10)

    def job(folder: str) -> dict[str, object]:
        to = {"url": f"s3://new-bucket/{folder}/", "connection": "here", "create": True}
        return {"source": {"url": "s3://source/", "connection": "here"}, "destination": to}

    here = {"endpoint": place.server.endpoint, "region": "us-east-1"}
    write_jobs(place, {"a": job("a"), "b": job("b")}, {"here": here})
    place.plan()
    # As stores do that know no owners.
    taken = Fault(kind=FaultKind.ERROR, code="BucketAlreadyExists", operation="CreateBucket", after=1, times=None)
    place.server.faults([taken])
    assert counted(place.apply()) == {"done": 2 * COUNT}


def test_places_that_take_long_but_answer_are_waited_for(
    place: Workplace, away: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_three(place, away)
    monkeypatch.setattr(all_places, "_LETS_GO_AFTER_S", 1.0)
    monkeypatch.setattr(all_places, "_MOST_AT_ONCE", 1)
    away.faults([Fault(kind=FaultKind.DELAY, operation="HeadBucket", delay_s=0.7, times=None)])
    assert counted(place.apply()) == {"done": 3 * COUNT}
