"""`mode: move`: each object is copied, and its source removed once that copy is proved; from bucket to bucket."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import s3plan
from fakes.command import Ended
from fakes.manifests import STORE
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, Workplace, counted
from s3plan.app.plans.retrying import make_retry_plan
from s3plan.planfile.reader import open_plan

KEPT = "the copy is not known to have the bytes of its source"
UNPROVED = {"encryption": {"type": "aws:kms"}}  # whose ETags are no MD5 sums, so that a copy shows nothing


def seeded(place: Workplace, *keys: str) -> dict[str, bytes]:
    """Objects of different bytes to be moved; what they are."""
    for key in keys:
        place.seed("source", key, body=f"bytes of {key}")
    place.buckets("destination")
    return {key: f"bytes of {key}".encode() for key in keys}


def stands(place: Workplace, bucket: str) -> dict[str, bytes]:
    return {key: place.body(bucket, key) for key in place.keys(bucket)}


def run(place: Workplace, *words: str, exit_code: int = 0) -> Ended:
    ended = place.command.run(*words)
    assert ended.exit_code == exit_code, ended.output
    return ended


@BY_BOTH_ENGINES
def test_what_is_moved_stands_at_the_destination_and_nowhere_else(place: Workplace) -> None:
    before = seeded(place, "a", "b/c", "ü \t")
    place.seed("destination", "b/c", body="older", modified_s=1)
    place.manifest(mode="move")
    made = place.plan(probe=True)
    assert made.header.actions == 6
    report = place.apply()
    assert (report.state, counted(report)) == ("completed", {"done": 6}), report
    assert (stands(place, "source"), stands(place, "destination")) == ({}, before)
    assert not place.plan().has_changes


@pytest.mark.sampled(2)
@pytest.mark.parametrize("executor", ["serial", "threads", "processes", "dask"])
def test_every_executor_moves(place: Workplace, executor: str) -> None:
    before = seeded(place, *(f"{number:02}" for number in range(30)))
    place.manifest(mode="move")
    place.plan(probe=True)
    assert counted(place.apply(executor=executor)) == {"done": 60}
    assert (stands(place, "source"), stands(place, "destination")) == ({}, before)


def test_large_objects_are_removed_once_their_parts_are_proved(place: Workplace) -> None:
    place.seed("source", "big", size_bytes=11 << 20, parts=3)
    place.seed("source", "small", size_bytes=10)
    place.buckets("destination")
    before = stands(place, "source")
    place.manifest(mode="move", run={"multipart_threshold": "5MiB"})
    place.plan(probe=True)
    place.apply()
    after = stands(place, "source") | stands(place, "destination")
    assert after == before
    assert "small" not in place.keys("source")


def test_an_object_that_changes_between_its_copy_and_its_removal_is_stale_and_the_edit_stands(place: Workplace) -> None:
    before = seeded(place, "a", "b", "c")
    place.manifest(mode="move")
    place.plan(probe=True)
    assert place.apply(limit=3).exit_code == 8
    assert stands(place, "source") == before
    place.seed("source", "b", body="edited")
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 5, "stale": 1})
    assert stands(place, "source") == {"b": b"edited"}
    assert stands(place, "destination") == before
    (line,) = (json.loads(run(place, "failures", "--json").stdout.splitlines()[-1]),)
    assert (line["action"], line["key"], line["outcome"]) == ("remove", "b", "stale")
    assert line["reason"].startswith("source changed: etag ")


def test_an_object_that_is_gone_already_is_as_good_as_removed(place: Workplace) -> None:
    before = seeded(place, "a", "b")
    place.manifest(mode="move")
    place.plan(probe=True)
    place.apply(limit=2)
    place.s3.delete_object(Bucket="source", Key="a")
    report = place.apply()
    assert report.state == "completed"
    assert (stands(place, "source"), stands(place, "destination")) == ({}, before)


def test_a_source_whose_copy_is_not_proved_is_kept_and_it_is_told(place: Workplace) -> None:
    before = seeded(place, "a", "b")
    place.manifest(mode="move", destination=UNPROVED)
    place.plan(probe=True)
    ended = run(place, "apply", "--yes", exit_code=3)
    assert f"2 removals were withheld: {KEPT}" in " ".join(ended.output.split())
    assert (stands(place, "source"), stands(place, "destination")) == (before, before)
    status = json.loads(run(place, "status", "--json").stdout.splitlines()[-1])
    assert (status["state"], status["counts"]) == ("partial", {"done": 2, "skipped": 2})
    lines = [json.loads(line) for line in run(place, "failures", "--json").stdout.splitlines()]
    told = [(line["action"], line["key"], line["outcome"]) for line in lines if "action" in line]
    assert told == [("remove", "a", "skipped"), ("remove", "b", "skipped")]
    assert KEPT in run(place, "failures", "--csv").stdout


def test_what_was_kept_goes_with_the_next_plan_once_that_may_read_the_bytes(place: Workplace) -> None:
    before = seeded(place, "a", "b")
    place.manifest(mode="move", destination=UNPROVED)
    place.plan(probe=True)
    assert counted(place.apply()) == {"done": 2, "skipped": 2}
    place.manifest(mode="move", destination=UNPROVED, run={"verify": "checksum"})
    made = place.plan()
    assert {total.kind.value: total.objects for total in made.header.jobs[0].totals} == {"same": 2}
    report = place.apply()
    assert (report.state, counted(report)) == ("completed", {"already-done": 2, "done": 2}), report
    assert (stands(place, "source"), stands(place, "destination")) == ({}, before)


def test_a_source_stays_whose_store_has_made_other_bytes_of_its_copy(place: Workplace) -> None:
    before = seeded(place, "a", "b")
    place.manifest(mode="move", run={"verify": "checksum"}, destination=UNPROVED)
    place.plan(probe=True)
    place.server.set_mode(ignores_checksums=True, flips_keys=["b"])
    report = place.apply()
    assert stands(place, "source") == {"b": before["b"]}, report
    assert report.exit_code == 9
    assert place.body("destination", "a") == before["a"]


def test_of_a_batch_only_what_ended_well_is_removed(place: Workplace) -> None:
    before = seeded(place, "a", "b", "c")
    place.manifest(mode="move")
    place.plan(probe=True)
    place.seed("source", "b", body="edited")
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 4, "stale": 1, "skipped": 1})
    assert stands(place, "source") == {"b": b"edited"}
    assert stands(place, "destination") == {key: before[key] for key in "ac"}


def test_a_source_that_may_not_be_deleted_stays_and_its_side_is_told(place: Workplace) -> None:
    before = seeded(place, "a", "b")
    place.manifest(mode="move")
    place.plan(probe=True)
    refused = Fault(kind=FaultKind.KEYS_REFUSED, bucket="source", keys=["a", "b"], code="AccessDenied", times=None)
    place.server.faults([refused])
    report = place.apply()
    assert counted(report) == {"done": 2, "failed": 2}, report
    assert (stands(place, "source"), stands(place, "destination")) == (before, before)
    lines = [json.loads(line) for line in run(place, "failures", "--json").stdout.splitlines()]
    assert [(line["action"], line["side"]) for line in lines if "action" in line] == [("remove", "source")] * 2
    place.server.clear_faults()
    assert place.apply().state == "completed"
    assert (stands(place, "source"), stands(place, "destination")) == ({}, before)


def test_what_filters_policies_and_conflicts_leave_stays_where_it_is(place: Workplace) -> None:
    seeded(place, "a.jpg", "a.txt", "kept.jpg")
    place.seed("destination", "kept.jpg", body="another")
    place.manifest(mode="move", overwrite="never", filters={"include": ["*.jpg"]})
    place.plan(probe=True)
    assert counted(place.apply()) == {"done": 2}
    assert place.keys("source") == {"a.txt", "kept.jpg"}
    assert place.body("destination", "kept.jpg") == b"another"


def test_what_is_at_the_destination_already_is_proved_and_then_removed_without_a_copy(place: Workplace) -> None:
    before = seeded(place, "a", "b", "c")
    place.seed("destination", "b", body="bytes of b")
    place.manifest(mode="move")
    made = place.plan(probe=True)
    assert {total.kind.value: total.objects for total in made.header.jobs[0].totals} == {"copy": 2, "same": 1}
    assert (made.header.removals, made.header.bytes) == (3, 20)
    place.server.reset_stats()
    report = place.apply()
    assert (report.state, counted(report)) == ("completed", {"done": 5, "already-done": 1}), report
    assert (stands(place, "source"), stands(place, "destination")) == ({}, before)
    assert "b" not in place.writes()


def test_a_pair_that_only_looks_the_same_is_kept_and_it_is_told(place: Workplace) -> None:
    seeded(place, "a", "b")
    place.seed("destination", "a", body="other byte")  # of the same size, and newer
    place.manifest(mode="move", compare=["size"])
    made = place.plan(probe=True)
    assert {total.kind.value: total.objects for total in made.header.jobs[0].totals} == {"copy": 1, "same": 1}
    ended = run(place, "apply", "--yes", exit_code=3)
    assert "1 removal was withheld" in " ".join(ended.output.split())
    assert "not the same: the MD5 of the source is" in run(place, "failures").stdout
    assert stands(place, "source") == {"a": b"bytes of a"}
    assert place.body("destination", "a") == b"other byte"


def test_a_pair_that_changes_after_the_plan_is_stale_on_whichever_side(place: Workplace) -> None:
    keys = ("a", "b", "c", "d")
    before = seeded(place, *keys)
    for key in keys:
        place.seed("destination", key, body=f"bytes of {key}")
    place.manifest(mode="move")
    place.plan(probe=True)
    place.seed("source", "a", body="edited")
    place.seed("destination", "b", body="edited")
    place.s3.delete_object(Bucket="destination", Key="c")
    report = place.apply()
    assert report.exit_code == 3
    assert stands(place, "source") == {"a": b"edited", "b": before["b"], "c": before["c"]}
    assert stands(place, "destination") == {"a": before["a"], "b": b"edited", "d": before["d"]}


def test_a_retry_takes_up_what_was_copied_and_not_removed(place: Workplace) -> None:
    before = seeded(place, "a", "b", "c")
    place.manifest(mode="move")
    place.plan(probe=True)
    assert place.apply(limit=3).exit_code == 8
    place.seed("source", "b", body="edited")
    assert counted(place.apply()) == {"done": 5, "stale": 1}
    retried = make_retry_plan(place.plan_file)
    assert retried is not None
    report = s3plan.apply(retried.path)
    assert counted(report) == {"done": 2}
    assert (stands(place, "source"), stands(place, "destination")) == ({}, before | {"b": b"edited"})


def test_a_move_whose_plan_is_lost_is_planned_again_and_ends(place: Workplace) -> None:
    before = seeded(place, "a", "b", "c")
    place.manifest(mode="move")
    place.plan(probe=True)
    place.apply(limit=2)
    for path in place.plan_file.parent.iterdir():
        path.unlink() if path.is_file() else None
    place.plan()
    report = place.apply()
    assert counted(report) == {"done": 4, "already-done": 2}
    assert (stands(place, "source"), stands(place, "destination")) == ({}, before)


def test_a_store_that_holds_no_pins_of_deletes_is_refused_unless_the_manifest_allows_it(place: Workplace) -> None:
    place.server.set_mode(conditions="none")
    before = seeded(place, "a", "b")
    place.manifest(mode="move")
    told = run(place, "plan", "job.yaml", "--probe").output
    assert "s3://source/" in told
    assert "enforces no condition on deletes" in told
    assert "unpinned: allow" in run(place, "apply", "--yes", exit_code=4).output
    assert (stands(place, "source"), stands(place, "destination")) == (before, {})
    place.manifest(mode="move", delete={"unpinned": "allow"})
    run(place, "plan", "job.yaml")
    run(place, "apply", "--yes")
    assert (stands(place, "source"), stands(place, "destination")) == ({}, before)


@pytest.mark.parametrize(("limit", "exit_code"), [("50%", 0), ("25%", 5), (2, 0), (1, 5)])
def test_a_guard_counts_what_is_removed_as_deletes_against_the_source(
    place: Workplace, limit: object, exit_code: int
) -> None:
    seeded(place, "a", "b", "c", "d")
    place.seed("destination", *(f"other-{number}" for number in range(50)))
    place.manifest(mode="move", filters={"size": {"max": "10B"}}, guards={"max_delete": limit})
    place.seed("source", "c", "d", size_bytes=100)
    run(place, "plan", "job.yaml", "--probe", exit_code=exit_code)
    assert len(place.keys("source")) == 4


def test_a_job_that_depends_on_a_move_begins_once_that_has_removed_what_it_moved(place: Workplace) -> None:
    seeded(place, "in/a")
    place.seed("other", "b")

    def a_job(source: str, destination: str, **more: object) -> dict[str, object]:
        sides = {"source": source, "destination": destination}
        return {side: {"url": f"s3://{url}/", "connection": STORE} for side, url in sides.items()} | more

    jobs = {
        "first": a_job("source/in", "destination/out", mode="move"),
        "then": a_job("other", "destination/other", depends_on="first"),
    }
    write_jobs(place, jobs)
    place.plan(probe=True)
    assert place.apply(limit=1).exit_code == 8
    place.seed("source", "in/a", body="edited")
    report = place.apply()
    assert counted(report) == {"done": 1, "stale": 1, "skipped": 1}
    assert any("the removal of a is stale" in message for message in report.messages), report.messages
    assert place.keys("destination") == {"out/a"}
    place.plan()
    assert place.apply().state == "completed"
    assert place.keys("destination") == {"out/a", "other/b"}
    assert place.keys("source") == set()


def write_jobs(place: Workplace, jobs: object) -> Path:
    connections = {STORE: {"endpoint": place.server.endpoint, "region": "us-east-1"}}
    path = place.folder / "job.yaml"
    path.write_text(json.dumps({"version": 1, "name": "job", "connections": connections, "jobs": jobs}))
    return path


@pytest.mark.parametrize("modes", [("move", "copy"), ("copy", "move"), ("move", "move")])
def test_two_jobs_are_refused_of_which_one_moves_what_the_other_reads(place: Workplace, modes: tuple[str, str]) -> None:
    seeded(place, "in/a")
    jobs = {
        name: {
            "source": {"url": f"s3://source/{folder}", "connection": STORE},
            "destination": {"url": f"s3://destination/{name}/", "connection": STORE},
            "mode": mode,
        }
        for name, folder, mode in zip(("x", "y"), ("", "in/"), modes, strict=True)
    }
    write_jobs(place, jobs)
    assert "moves away what is yet to be read" in run(place, "plan", "job.yaml", exit_code=65).output


def test_what_was_copied_elsewhere_first_may_be_moved_by_a_job_that_depends_on_it(place: Workplace) -> None:
    before = seeded(place, "a", "b")
    sides = {"source": {"url": "s3://source/", "connection": STORE}}
    keep = sides | {"destination": {"url": "s3://destination/kept/", "connection": STORE}}
    move = sides | {"destination": {"url": "s3://destination/moved/", "connection": STORE}, "mode": "move"}
    write_jobs(place, {"keep": keep, "go": move | {"depends_on": "keep"}})
    place.plan(probe=True)
    assert place.apply().state == "completed"
    assert stands(place, "source") == {}
    expected = {f"{folder}/{key}": body for key, body in before.items() for folder in ("kept", "moved")}
    assert stands(place, "destination") == expected


def test_the_screens_speak_of_what_is_moved_and_removed(place: Workplace) -> None:
    seeded(place, "a", "b", "c")
    place.seed("destination", "b", body="older", modified_s=1)
    place.manifest(mode="move", guards={"max_delete": "100%"})
    planned = run(place, "plan", "job.yaml", "--probe").stdout
    assert "of job job (move, overwrite if-different)\n" in planned
    assert "\n- 3 objects to remove from the source, 30 B\n" in planned
    assert "\nPlan: 3 to move, 1 of them overwrites (" in planned
    assert "Pins of what is removed from the source\n" in planned
    assert "max_delete  ok  3 found, at most 3 allowed (100%)" in planned
    assert "phase2 -->|each batch, what is proved| phase3" in run(place, "graph").stdout
    listed = run(place, "show", "--list").stdout
    assert len(listed.splitlines()) == 3
    document = json.loads(run(place, "show", "--json").stdout)
    assert [batch.get("of_batch") for batch in document["batches"]] == [None, 1]
    assert len(document["actions"]) == 3
    applied = run(place, "apply", "--yes").output
    assert "\n  does     3 to move, 1 of them overwrites (" in applied
    assert "\n  removes  3 objects of the source, each once its copy is proved\n" in applied
    assert "Done: 6 done, in " in applied
    assert "6 of 6 ended" in run(place, "status").stdout


def test_a_move_planned_by_the_library_says_what_it_removes(place: Workplace) -> None:
    seeded(place, "a")
    place.manifest(mode="move")
    made = s3plan.plan(place.folder / "job.yaml")
    assert made.header.removals == 1
    with open_plan(made.path) as plan:
        assert [batch.of_batch for batch in plan.batches] == [None, 1]
