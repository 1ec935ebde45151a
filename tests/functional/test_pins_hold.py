"""What changed after the plan is stale: never overwritten, never deleted, never copied by mistake.

On a store that enforces conditions, and on one that ignores them, where s3plan looks, compares, then acts.
"""

from __future__ import annotations

import pytest
import s3plan
from fakes.workplace import BY_BOTH_ENGINES, MIB, MIRROR, Workplace, counted
from s3plan.schemas.errors import PlanRefused

pytestmark = BY_BOTH_ENGINES

LARGE_RUN = {"run": {"multipart_threshold": "5MiB", "part_size": "5MiB"}}
SIZES = {"small": 1000, "large": 6 * MIB}


@pytest.fixture(params=["all", "none"], ids=["enforced", "checked"])
def conditions(request: pytest.FixtureRequest, place: Workplace) -> str:
    place.server.set_mode(conditions=request.param)
    return str(request.param)


def planned(place: Workplace, size_bytes: int, **sections: object) -> None:
    """A job with one object to be made, one to be overwritten and one that nobody touches."""
    place.seed("source", "new", "changed", "calm", size_bytes=size_bytes)
    place.seed("destination", "changed", size_bytes=size_bytes - 1, modified_s=1)
    place.manifest(**LARGE_RUN, **sections)
    place.plan()


def assert_only_calm_is_done(place: Workplace, reason: str, key: str) -> None:
    """Apply through the command: exit 3, one action stale for that reason, and no key written but the others."""
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 3, ended.output
    assert ended.event("run-ended")["counts"] == {"done": 2, "stale": 1}
    told = ended.event("action-ended")
    assert (told["key"], told["outcome"]) == (key, "stale")
    assert reason in told["reason"]
    assert place.writes() == {name: 1 for name in ("new", "changed", "calm") if name != key}
    assert place.server.uploads("destination") == []
    failures = place.command.run("failures", place.plan_file)
    assert reason in failures.stdout


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("conditions")
def test_a_changed_source_is_stale_and_the_destination_keeps_its_object(place: Workplace, size: str) -> None:
    planned(place, SIZES[size])
    before = place.listed("destination")["changed"]
    place.seed("source", "changed", size_bytes=SIZES[size], seed=1)
    assert_only_calm_is_done(place, "source changed", "changed")
    assert place.listed("destination")["changed"] == before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("conditions")
def test_a_source_that_is_gone_is_stale_and_the_destination_keeps_its_object(place: Workplace, size: str) -> None:
    planned(place, SIZES[size])
    before = place.listed("destination")["changed"]
    place.s3.delete_object(Bucket="source", Key="changed")
    assert_only_calm_is_done(place, "source gone", "changed")
    assert place.listed("destination")["changed"] == before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("conditions")
def test_a_destination_changed_after_the_plan_is_kept(place: Workplace, size: str) -> None:
    planned(place, SIZES[size])
    place.seed("destination", "changed", size_bytes=77)
    before = place.listed("destination")["changed"]
    assert_only_calm_is_done(place, "destination changed", "changed")
    assert place.listed("destination")["changed"] == before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("conditions")
def test_a_destination_created_after_the_plan_is_kept(place: Workplace, size: str) -> None:
    planned(place, SIZES[size])
    place.seed("destination", "new", size_bytes=77)
    before = place.listed("destination")["new"]
    assert_only_calm_is_done(place, "destination created", "new")
    assert place.listed("destination")["new"] == before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("conditions")
def test_a_destination_of_the_same_size_created_before_the_run_is_kept(place: Workplace, size: str) -> None:
    """Size and time are evidence of an own write only if the object is younger than the run."""
    planned(place, SIZES[size])
    place.seed("destination", "new", size_bytes=SIZES[size], seed=5, modified_s=1)
    before = place.listed("destination")["new"]
    assert_only_calm_is_done(place, "destination created", "new")
    assert place.listed("destination")["new"] == before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("conditions")
def test_a_destination_that_is_gone_is_stale_and_not_made_anew(place: Workplace, size: str) -> None:
    planned(place, SIZES[size])
    place.s3.delete_object(Bucket="destination", Key="changed")
    assert_only_calm_is_done(place, "destination gone", "changed")


@pytest.mark.usefixtures("conditions")
def test_a_destination_that_somebody_else_made_as_planned_is_already_done(place: Workplace) -> None:
    planned(place, 1000)
    place.s3.copy_object(Bucket="destination", Key="new", CopySource={"Bucket": "source", "Key": "new"})
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": 2, "already-done": 1})
    place.assert_nothing_left()


def test_an_object_changed_after_the_plan_is_not_deleted(place: Workplace, conditions: str) -> None:
    place.seed("source", "kept", size_bytes=10)
    place.seed("destination", "kept", "touched", "gone", "idle", "\x01unsafe touched", size_bytes=10)
    deletion = {"extraneous": True, "unpinned": "allow" if conditions == "none" else "refuse"}
    place.manifest(mode="mirror", delete=deletion, guards={"max_delete": "100%"})
    place.plan()
    place.seed("destination", "touched", "\x01unsafe touched", size_bytes=11)
    place.s3.delete_object(Bucket="destination", Key="gone")
    place.seed("source", "kept", size_bytes=10)
    report = place.apply()
    deleted = counted(report).get("done", 0) + counted(report).get("already-done", 0)
    assert (report.exit_code, deleted, counted(report)["stale"]) == (3, 2, 2)
    assert place.keys("destination") == {"kept", "touched", "\x01unsafe touched"}


def test_deletes_on_a_store_that_ignores_conditions_are_refused_before_any_change(place: Workplace) -> None:
    place.server.set_mode(conditions="none")
    place.seed("source", "kept", "new", size_bytes=10)
    place.seed("destination", "kept", "extraneous", size_bytes=10)
    place.manifest(**MIRROR, guards={"max_delete": "100%"})
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 4
    assert "unpinned: allow" in ended.stderr
    assert place.keys("destination") == {"kept", "extraneous"}


@pytest.fixture
def planned_on_more(place: Workplace) -> Workplace:
    """A plan that was made, and probed, when the store enforced everything; now it ignores conditions."""
    planned(place, 1000)
    ended = place.command.run("plan", place.folder / "job.yaml", "--probe")
    assert ended.exit_code == 0, ended.output
    place.server.set_mode(conditions="none")
    cache = next((place.folder / "home").rglob("capabilities.json"))
    cache.unlink()
    return place


def test_a_store_that_enforces_less_than_the_plan_states_is_refused(planned_on_more: Workplace) -> None:
    ended = planned_on_more.command.run("apply", planned_on_more.plan_file, "--yes")
    assert ended.exit_code == 4
    assert "--allow-checked" in ended.stderr
    assert planned_on_more.writes() == {}


def test_allow_checked_accepts_a_store_that_enforces_less(planned_on_more: Workplace) -> None:
    place = planned_on_more
    place.seed("destination", "new", size_bytes=77)
    ended = place.command.run("apply", place.plan_file, "--yes", "--allow-checked", "--json")
    assert ended.exit_code == 3
    assert ended.event("run-ended")["counts"] == {"done": 2, "stale": 1}
    assert place.listed("destination")["new"].size_bytes == 77


def test_the_probe_leaves_nothing_behind_and_listings_do_not_see_it(place: Workplace) -> None:
    planned(place, 1000)
    made = s3plan.plan(place.folder / "job.yaml", probe=True)
    assert {record.enforcement.value for record in made.header.places[0].capabilities} == {"enforced"}
    assert place.keys("destination") == {"changed"}
    assert place.server.uploads("destination") == []
    place.seed("destination", ".s3plan-probe-0123456789abcdef0123456789abcdef-source", size_bytes=5)
    place.seed("destination", "changed", size_bytes=1000, start=1)  # as in the source
    place.manifest(**MIRROR, guards={"max_delete": 0})
    assert s3plan.plan(place.folder / "job.yaml").header.actions == 2


def test_a_plan_for_another_endpoint_is_refused_where_the_environment_leads_elsewhere(place: Workplace) -> None:
    planned(place, 1000)
    plan = place.plan_file.read_bytes()
    elsewhere = place.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "handed-over.s3plan").write_bytes(plan)
    (place.folder / "job.yaml").unlink()
    with pytest.raises(PlanRefused, match="--expect"):
        s3plan.apply(elsewhere / "handed-over.s3plan")
    assert place.writes() == {}
