"""Several jobs in one manifest: one plan, one run; what waits for what, and what one job's failure holds back."""

from __future__ import annotations

import json
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import s3plan
from fakes.s3server import Fault, FaultKind
from fakes.torture import TORTURE
from fakes.workplace import BY_BOTH_ENGINES, Workplace, counted
from s3plan.schemas.errors import GuardRefused, ManifestInvalid, UsageInvalid

EXECUTORS = ("threads", "processes", "dask")


def several(place: Workplace, jobs: dict[str, dict[str, Any]], **sections: Any) -> Path:
    """Write a manifest of jobs, each in a folder of its name in the buckets `source` and `destination`."""
    made = {
        name: {"source": f"s3://source/{name}/", "destination": f"s3://destination/{name}/"} | job
        for name, job in jobs.items()
    }
    shared = {"source": {"connection": "store"}, "destination": {"connection": "store"}}
    manifest = place.folder / "job.yaml"
    store = {"endpoint": place.server.endpoint, "region": "us-east-1", "engine": place.engine}
    document = {"version": 1, "name": "job", "connections": {"store": store}, "defaults": shared, "jobs": made}
    manifest.write_text(json.dumps(document | sections))
    return manifest


def seeded(place: Workplace, *names: str, count: int = 20) -> None:
    for name in names:
        place.seed("source", *(f"{name}/{number:03}" for number in range(count)), body=f"of {name}")
    place.seed("destination", keys=[])


MIRROR = {"mode": "mirror", "delete": {"extraneous": True}, "guards": {"max_delete": "100%"}}
THREE: dict[str, dict[str, Any]] = {
    "assets": MIRROR,
    "pages": {"depends_on": "assets"},
    "logs": MIRROR,
}


def three_jobs(place: Workplace) -> None:
    """The second depends on the first, the third is a mirror by itself; two of them have something to delete."""
    seeded(place, "assets", "pages", "logs")
    place.seed("destination", "assets/old", "logs/old", body="old")
    several(place, THREE)


def refuse_to_copy(place: Workplace, key: str) -> None:
    place.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="CopyObject", key=key, times=None)])


@BY_BOTH_ENGINES
def test_all_jobs_are_planned_and_applied_together(place: Workplace) -> None:
    three_jobs(place)
    made = place.plan()
    assert [job.name for job in made.header.jobs] == ["assets", "pages", "logs"]
    assert [(job.actions, job.bytes) for job in made.header.jobs] == [(21, 180), (20, 160), (21, 140)]
    assert (made.header.actions, made.header.bytes) == (62, 480)
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": 62})
    assert place.keys("destination") == place.keys("source")
    place.assert_nothing_left()


def test_a_job_begins_when_those_that_it_depends_on_have_ended_and_their_deletes_wait_for_it(place: Workplace) -> None:
    three_jobs(place)
    place.plan()
    place.apply()
    copied = [asked.key or "" for asked in place.server.log() if asked.operation == "CopyObject"]
    at = {name: [number for number, key in enumerate(copied) if key.startswith(f"{name}/0")] for name in THREE}
    assert max(at["assets"]) < min(at["pages"])
    changes = [asked for asked in place.server.log() if asked.operation in {"CopyObject", "DeleteObjects"}]
    after_pages = changes[
        max(number for number, asked in enumerate(changes) if (asked.key or "").startswith("pages/")) :
    ]
    assert "DeleteObjects" in {asked.operation for asked in after_pages}


@BY_BOTH_ENGINES
def test_a_failed_copy_withholds_what_depends_on_it_and_nothing_else(place: Workplace) -> None:
    three_jobs(place)
    place.plan()
    refuse_to_copy(place, "assets/007")
    report = place.apply()
    assert report.exit_code == 3
    assert counted(report) == {"done": 19 + 21, "failed": 1, "skipped": 1 + 20}
    assert place.keys("destination", "pages/") == set()
    assert "assets/old" in place.keys("destination")
    assert place.keys("destination", "logs/") == place.keys("source", "logs/")
    said = " ".join(report.messages)
    assert "20 copies of job pages were withheld: job assets: the copy of 007 is failed" in said
    assert "1 delete of job assets was withheld: the copy of 007 is failed" in said


def test_every_failure_is_told_with_its_job(place: Workplace) -> None:
    three_jobs(place)
    place.plan()
    refuse_to_copy(place, "assets/007")
    place.apply()
    lines = place.command.run("failures", place.plan_file, "--json").events
    withheld = [line for line in lines if line["job"] == "pages"]
    assert len(withheld) == 20
    assert {line["reason"] for line in withheld} == {"withheld: job assets"}
    assert {line["job"] for line in lines} == {"assets", "pages"}
    shown = place.command.run("failures", place.plan_file)
    assert "withheld: job assets  pages" in shown.stdout
    csv = place.command.run("failures", place.plan_file, "--csv").stdout.splitlines()
    assert csv[0].startswith("job,outcome,action,key,")
    status = place.command.run("status", place.plan_file, "--json").events[0]
    assert {job["name"]: job["counts"] for job in status["jobs"]} == {
        "assets": {"done": 19, "failed": 1, "skipped": 1},
        "pages": {"skipped": 20},
        "logs": {"done": 21},
    }


@BY_BOTH_ENGINES
def test_apply_again_does_what_was_withheld_once_the_copy_has_succeeded(place: Workplace) -> None:
    three_jobs(place)
    place.plan()
    refuse_to_copy(place, "assets/007")
    place.apply()
    place.server.clear_faults()
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": 62})
    assert place.keys("destination") == place.keys("source")


def test_a_retry_plans_what_was_withheld_with_what_it_waited_for(place: Workplace) -> None:
    three_jobs(place)
    place.plan()
    refuse_to_copy(place, "assets/007")
    place.apply()
    place.server.clear_faults()
    made = place.command.run("retry", place.plan_file, "-o", place.folder / "again.s3plan", "--json")
    assert made.exit_code in (0, 2), made.output
    header = made.event("plan")["header"]
    assert {job["name"]: job["actions"] for job in header["jobs"]} == {"assets": 2, "pages": 20}
    ended = place.command.run("apply", place.folder / "again.s3plan", "--yes")
    assert ended.exit_code == 0, ended.output
    assert place.keys("destination") == place.keys("source")


CHAIN: dict[str, dict[str, Any]] = {"a": MIRROR, "b": {"depends_on": "a"}, "c": {"depends_on": "b"}}


def retried(place: Workplace) -> dict[str, int]:
    """Plan a retry as `again.s3plan`, apply it, and return its actions by job."""
    made = place.command.run("retry", place.plan_file, "-o", place.folder / "again.s3plan", "--json")
    assert made.exit_code in (0, 2), made.output
    place.command.run("apply", place.folder / "again.s3plan", "--yes")
    return {job["name"]: job["actions"] for job in made.event("plan")["header"]["jobs"]}


def test_a_retry_keeps_in_mind_what_depends_on_what_through_jobs_that_are_done(place: Workplace) -> None:
    seeded(place, *CHAIN)
    place.seed("destination", "a/old", body="old")
    several(place, CHAIN)
    place.plan()
    refuse_to_copy(place, "c/007")
    place.apply()
    assert retried(place) == {"a": 1, "b": 0, "c": 1}
    assert "a/old" in place.keys("destination")


@pytest.mark.parametrize("case", ["archived", "conflict", "conflict of what depends"])
def test_a_retry_keeps_in_mind_what_no_retry_can_do(place: Workplace, case: str) -> None:
    seeded(place, "a", "b")
    place.seed("destination", "a/old", "b/old", body="old")
    if case == "archived":
        place.seed("source", "a/cold", body="x", storage_class="GLACIER")
    long = "k" * 1021
    if case == "conflict":
        place.seed("source", f"a/{long}", body="x")
    if case == "conflict of what depends":
        place.seed("source", f"b/{long}", body="x")
    further = {name: f"s3://destination/{name}/" for name in "ab"}
    jobs = {"a": MIRROR | {"destination": further["a"]}, "b": MIRROR | {"destination": further["b"], "depends_on": "a"}}
    if long in " ".join(place.keys("source")):
        owner = "a" if case == "conflict" else "b"
        jobs[owner] |= {"destination": f"s3://destination/longer/{owner}/"}
        place.seed("destination", f"longer/{owner}/old", body="old")
    several(place, jobs)
    place.plan()
    place.apply()
    before = {key for key in place.keys("destination") if key.endswith("old")}
    retried(place)
    assert {key for key in place.keys("destination") if key.endswith("old")} == before, case


def test_jobs_that_an_environment_leads_to_one_store_are_held_apart_as_if_the_manifest_said_so(
    place: Workplace,
) -> None:
    seeded(place, "a", "a/inner")
    document = json.loads(several(place, {"a": MIRROR, "b": {"destination": "s3://destination/a/inner/"}}).read_text())
    del document["defaults"]
    for side in ("source", "destination"):
        document["jobs"]["b"][side] = {"url": document["jobs"]["b"][side], "connection": "store"}
    (place.folder / "job.yaml").write_text(json.dumps(document))
    command = replace(place.command, variables=place.server.environment())
    ended = command.run("plan", "job.yaml")
    assert ended.exit_code == 65, ended.output
    assert "lies within the destination of job a" in ended.stderr


def test_a_run_that_ends_in_the_middle_says_nothing_of_what_it_did_not_come_to(place: Workplace) -> None:
    three_jobs(place)
    place.plan()
    refuse_to_copy(place, "assets/007")
    place.apply()
    place.server.clear_faults()
    report = place.apply(limit=1)
    assert report.exit_code == 8
    status = place.command.run("status", place.plan_file, "--json").events[0]
    assert status["remaining"] == 21
    assert place.apply().exit_code == 0
    assert place.keys("destination") == place.keys("source")


def test_a_conflict_or_an_archived_object_holds_back_jobs_that_depend_on_it(place: Workplace) -> None:
    seeded(place, "assets", "pages")
    place.seed("source", "assets/cold", body="x", storage_class="GLACIER")
    several(place, {"assets": {}, "pages": {"depends_on": ["assets"]}})
    place.plan()
    report = place.apply()
    assert report.exit_code == 3
    assert place.keys("destination", "pages/") == set()
    assert "job assets: 1 archived object is left out" in " ".join(report.messages)


def test_the_screen_shows_each_job_with_its_deletes(place: Workplace) -> None:
    three_jobs(place)
    shown = place.command.run("plan", "job.yaml").stdout
    assert "of job: 3 jobs" in shown
    for name in THREE:
        assert f"Job {name} (" in shown
    assert "begins after  assets" in shown
    assert "assets  20 to copy, 0 to overwrite, 1 to delete (180 B)" in shown
    assert "Plan: 60 to copy, 0 to overwrite, 2 to delete (480 B)." in shown
    one = place.command.run("show", "--job", "logs").stdout
    assert "Job logs (" in one
    assert "Job pages (" not in one
    listed = place.command.run("show", "--list", "--job", "logs", "--kind", "delete").stdout
    assert listed.splitlines() == ["- delete            3 B  old  (not in source)  logs"]
    drawn = place.command.run("graph").stdout
    assert "-->|complete|" in drawn
    assert "pages: copy" in drawn


def test_only_the_selected_jobs_are_planned_with_what_they_depend_on(place: Workplace) -> None:
    three_jobs(place)
    manifest = place.folder / "job.yaml"
    made = s3plan.plan(manifest, select=["pages"])
    assert [job.name for job in made.header.jobs] == ["assets", "pages"]
    assert (made.header.not_selected, made.header.without_dependencies) == (("logs",), False)
    alone = place.command.run("plan", "job.yaml", "--select", "pages", "--no-dependencies")
    assert "Not in this plan: assets, logs. Jobs of this plan depend on some of them" in alone.stdout
    ended = place.command.run("apply", "--yes")
    assert ended.exit_code == 0, ended.output
    assert place.keys("destination") == {f"pages/{number:03}" for number in range(20)} | {"assets/old", "logs/old"}


def test_a_job_that_there_is_not_is_no_selection(place: Workplace) -> None:
    three_jobs(place)
    with pytest.raises(UsageInvalid, match="has no job page; did you mean pages"):
        s3plan.plan(place.folder / "job.yaml", select=["page"])
    ended = place.command.run("plan", "job.yaml", "--no-dependencies")
    assert (ended.exit_code, ended.stderr.count("\n")) == (64, 1)


def test_a_job_does_not_read_what_another_writes_in_the_same_plan(place: Workplace) -> None:
    seeded(place, "a")
    several(place, {"a": {}, "b": {"source": "s3://destination/a/", "destination": "s3://destination/b/"}})
    with pytest.raises(ManifestInvalid, match=r"jobs\.b\.source: overlaps the destination of job a"):
        place.plan()
    assert not place.plan_file.exists()
    s3plan.plan(place.folder / "job.yaml", select=["a"])
    place.apply()
    s3plan.plan(place.folder / "job.yaml", select=["b"])
    assert place.apply().exit_code == 0
    assert len(place.keys("destination", "b/")) == 20


def test_a_key_that_two_jobs_write_is_an_error_that_names_both(place: Workplace) -> None:
    seeded(place, "a", "b")
    same = {"destination": "s3://destination/x/"}
    several(place, {"a": same, "b": same})
    with pytest.raises(ManifestInvalid, match="the jobs a and b both write or delete the key x/000"):
        place.plan()
    assert not place.plan_file.exists()
    several(
        place, {"a": same | {"filters": {"include": ["0[0-9]0"]}}, "b": same | {"filters": {"exclude": ["0[0-9]0"]}}}
    )
    place.plan()
    assert place.apply().exit_code == 0
    assert {place.body("destination", "x/010"), place.body("destination", "x/011")} == {b"of a", b"of b"}


def test_guards_hold_for_each_job_and_for_the_sum(place: Workplace) -> None:
    seeded(place, "a", "b", count=10)
    place.seed("destination", *(f"{name}/{number}" for name in "ab" for number in range(6)), body="old")
    loose = {"mode": "mirror", "delete": {"extraneous": True}}
    several(
        place,
        {"a": loose | {"guards": {"max_delete": 8}}, "b": loose | {"guards": {"max_delete": 5}}},
        guards={"max_delete": 10},
    )
    made = place.plan()
    held = {words: (guard.allowed, guard.found) for words, guard in made.header.named_held_guards}
    assert held == {"b.max_delete": (5, 6), "max_delete": (10, 12)}
    with pytest.raises(GuardRefused, match=r"--allow b\.max_delete=6 --allow max_delete=12"):
        place.apply()
    ended = place.command.run("plan", "job.yaml", "--allow", "b.max_delete=6")
    assert ended.exit_code == 5
    place.plan(allow={"b.max_delete": 6, "max_delete": 12})
    assert place.apply().exit_code == 0
    with pytest.raises(UsageInvalid, match=r"this guard is not in force; in force: a\.max_delete"):
        place.plan(allow={"c.max_delete": 6})


def _killed_until_done(place: Workplace, executor: str, *, seed: int, kills: int) -> None:
    chance = random.Random(seed)
    for _ in range(kills):
        words = ("apply", place.plan_file, "--yes", "--executor", executor, "--rate", "400/s")
        with place.command.start(*words) as started:
            time.sleep(chance.uniform(0.3, 1.6))
            started.kill()
    ended = place.command.run("apply", place.plan_file, "--yes", "--executor", executor, timeout_s=120)
    assert ended.exit_code == 0, ended.output


@pytest.mark.sampled(1)
@pytest.mark.slow
@pytest.mark.parametrize("executor", EXECUTORS)
def test_jobs_killed_at_random_moments_end_as_if_nothing_had_happened(place: Workplace, executor: str) -> None:
    seeded(place, "assets", "pages", "logs", count=150)
    place.seed("destination", "assets/old", "logs/old", body="old")
    several(place, THREE)
    place.plan(probe=True)
    _killed_until_done(place, executor, seed=7, kills=10 if TORTURE else 3)
    assert place.keys("destination") == place.keys("source")
    assert {place.body("destination", f"{name}/007") for name in THREE} == {b"of assets", b"of pages", b"of logs"}
    place.assert_nothing_left()


def test_the_plan_goes_by_what_the_manifest_was_whatever_it_says_now(place: Workplace) -> None:
    three_jobs(place)
    made = place.plan()
    (place.folder / "job.yaml").write_text("version: 1\nname: [broken\n")
    assert place.apply(expect=made.digest).exit_code == 0


def written(folder: Path, name: str, place: Workplace, *, job: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    several(place, {job: {}}, name=job)
    (place.folder / "job.yaml").rename(path)
    return path


def test_a_folder_of_manifests_is_planned_one_after_the_other(place: Workplace) -> None:
    seeded(place, "a", "b")
    folder = place.folder / "jobs"
    written(folder, "x/s3plan.yaml", place, job="a")
    written(folder, "y/b.s3plan.yaml", place, job="b")
    written(folder, ".hidden/s3plan.yaml", place, job="c")
    (folder / "z.s3plan.yaml").write_text("version: 1\n")
    ended = place.command.run("plan", "jobs")
    assert ended.exit_code == 65
    assert "z.s3plan.yaml:1:1: error: name: is missing" in ended.stderr
    rows = ended.stdout[ended.stdout.index("Plans") :].splitlines()
    assert " ".join(rows[1].split()) == "jobs/x/s3plan.yaml 20 to copy, 0 to overwrite, 0 to delete (80 B)."
    assert (folder / "x" / ".s3plan" / "a.s3plan").exists()
    assert (folder / "y" / ".s3plan" / "b.s3plan").exists()
    (folder / "z.s3plan.yaml").unlink()
    assert place.command.run("plan", "jobs", "--detailed-exitcode").exit_code == 2
    assert place.command.run("validate", "jobs").stdout.count("valid") == 2
    shown = place.command.run("show", "jobs/x/.s3plan/a.s3plan", "jobs/y/.s3plan/b.s3plan").stdout
    assert shown.count("Plan: 20 to copy") == 2


def test_two_manifests_whose_plans_would_have_one_place_are_refused(place: Workplace) -> None:
    seeded(place, "a")
    written(place.folder, "one.s3plan.yaml", place, job="a")
    written(place.folder, "two.s3plan.yaml", place, job="a")
    ended = place.command.run("plan", "one.s3plan.yaml", "two.s3plan.yaml")
    assert ended.exit_code == 64
    assert "have one name, so their plans would have one place" in ended.stderr
    assert place.command.run("plan", "one.s3plan.yaml", "job.yaml", "--select", "a").exit_code == 64


def test_a_folder_without_manifests_is_no_manifest(place: Workplace) -> None:
    (place.folder / "empty").mkdir()
    ended = place.command.run("plan", "empty")
    assert (ended.exit_code, "there is no s3plan.yaml" in ended.stderr) == (64, True)


@pytest.mark.parametrize("select", ["", ",", " , "])
def test_a_selection_of_no_name_is_no_selection_of_all(place: Workplace, select: str) -> None:
    three_jobs(place)
    ended = place.command.run("plan", "job.yaml", "--select", select)
    assert ended.exit_code == 64, ended.output
    assert "--select takes names of jobs" in ended.stderr
    assert not place.plan_file.exists()


def test_jobs_that_wait_for_each_other_more_than_a_plan_can_hold_are_refused_at_once(place: Workplace) -> None:
    def chained(count: int) -> None:
        jobs = {f"job-{number}": {"depends_on": f"job-{number - 1}"} if number else {} for number in range(count)}
        several(place, jobs)

    chained(200)
    assert place.command.run("validate", "job.yaml").exit_code == 0
    chained(220)
    ended = place.command.run("validate", "job.yaml")
    assert ended.exit_code == 65
    assert "has 24,090 pairs of jobs of which one depends on the other" in " ".join(ended.stderr.split())
