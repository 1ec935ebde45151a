"""With `filters.list` a job is about exactly the keys of a file, on both sides, and the plan says which file it was."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from fakes.both_ends import listed_at_source
from fakes.folder_jobs import MIRRORS_ALL, write_files, write_folder_job
from fakes.s3server import Fault, FaultKind
from fakes.workplace import Workplace, counted

LISTED = {"list": "keys.txt"}
SIDES = {"source": {"url": "s3://source/in/"}, "destination": {"url": "s3://destination/out/"}}
LINES = b's3://source/in/new\r\nold\r\n\r\nkeep/a\nold\n"line\\nbreak"\nkeep/x.tmp\nnowhere\n\xe2\x98\x83\n'


def seeded(place: Workplace) -> None:
    place.seed("source", "in/new", "in/keep/a", "in/keep/b", "in/keep/x.tmp", "in/line\nbreak", "in/z", body="new")
    place.seed("destination", "out/old", "out/other", "out/keep/a", "out/keep/b", body="older")


@pytest.mark.parametrize("more", [0, 1100], ids=["looked-at", "listed"])
def test_a_mirror_touches_exactly_the_listed_keys(place: Workplace, more: int) -> None:
    seeded(place)
    content = LINES + b"".join(b"absent/%d\n" % number for number in range(more))
    (place.folder / "keys.txt").write_bytes(content)
    path = place.manifest(**MIRRORS_ALL, **SIDES, filters={**LISTED, "exclude": ["*.tmp"]})
    ended = place.command.run("plan", path)

    assert ended.exit_code == 0, ended.output
    missing = 3 + more
    assert f"{7 + more:,} keys of keys.txt, SHA-256 {hashlib.sha256(content).hexdigest()[:16]}..." in ended.stdout
    assert f"not in source: {missing:,} of {7 + more:,} keys" in " ".join(ended.output.split())
    job = place.plan().header.jobs[0]
    record = job.key_list
    assert record is not None
    assert listed_at_source(job).note == (None if more else "only 6 keys were looked at, those of filters.list")
    assert (record.keys, record.left_out, record.not_in_source) == (7 + more, 1, missing)
    assert place.command.run("apply", place.plan_file, "--yes").exit_code == 0
    assert place.keys("destination") == {"out/new", "out/keep/a", "out/keep/b", "out/other", "out/line\nbreak"}
    assert place.body("destination", "out/keep/a") == b"new"
    assert place.body("destination", "out/keep/b") == b"older"
    assert place.plan().header.actions == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the list cannot be read: no such file or directory"),
        (b"\n", "the list has no keys"),
        (b"a\ns3://elsewhere/a-secret\n", "line 2 of the list is a URL that lies in neither"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_with_its_place_in_the_manifest(
    place: Workplace, content: bytes | None, message: str
) -> None:
    place.buckets()
    if content is not None:
        (place.folder / "keys.txt").write_bytes(content)
    path = place.manifest(**SIDES, filters=LISTED)
    for verb in ("plan", "validate"):
        ended = place.command.run(verb, path)
        assert ended.exit_code == 65, ended.output
        assert message in " ".join(ended.output.split())
        assert "filters.list" in ended.output
        assert "a-secret" not in ended.output
        assert "Traceback" not in ended.output


def test_a_listed_key_below_a_symbolic_link_is_not_deleted_and_no_other_file_goes_up(
    place: Workplace, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    write_files(tree, "a", "b", "elsewhere/x")
    (tree / "link").symlink_to(tree / "elsewhere")
    place.seed("destination", "out/link/x", "out/gone", "out/other", body="bytes")
    (place.folder / "keys.txt").write_text("a\nlink/x\ngone\n")
    write_folder_job(place, source=str(tree), destination="s3://destination/out/", **MIRRORS_ALL, filters=LISTED)

    assert place.command.run("plan", place.folder / "job.yaml").exit_code == 0
    assert place.command.run("apply", place.plan_file, "--yes").exit_code == 0

    assert place.keys("destination") == {"out/a", "out/link/x", "out/other"}
    (place.folder / "keys.txt").write_text("a\n")
    audited = place.command.run("verify", place.folder / "job.yaml")
    assert audited.exit_code == 0, audited.output


def test_a_list_in_defaults_is_that_of_each_job_that_names_no_other(place: Workplace) -> None:
    for job in ("one", "two"):
        place.seed("source", *(f"{job}/{key}" for key in "abc"), body=f"of {job}")
    place.buckets("destination")
    (place.folder / "keys.txt").write_text("a\nnowhere\n")
    (place.folder / "others.txt").write_text("b\nc\n")
    connections = {"store": {"endpoint": place.server.endpoint, "region": "us-east-1"}}
    shared = {"source": {"connection": "store"}, "destination": {"connection": "store"}, "filters": LISTED}
    jobs = {
        name: {"source": f"s3://source/{name}/", "destination": f"s3://destination/{name}/"} for name in ("one", "two")
    }
    jobs["two"]["filters"] = {"list": "others.txt"}  # type: ignore[assignment]
    document = {"version": 1, "name": "job", "connections": connections, "defaults": shared, "jobs": jobs}
    (place.folder / "job.yaml").write_text(json.dumps(document))
    made = place.plan()
    records = {job.name: job.key_list for job in made.header.jobs}
    assert {
        name: None if record is None else (Path(record.path).name, record.keys, record.not_in_source)
        for name, record in records.items()
    } == {"one": ("keys.txt", 2, 1), "two": ("others.txt", 2, 0)}
    assert place.apply().exit_code == 0
    assert place.keys("destination") == {"one/a", "two/b", "two/c"}


@pytest.mark.parametrize("more", [0, 1100], ids=["looked-at", "listed"])
def test_a_retry_is_about_the_listed_keys_that_failed_whatever_has_become_of_the_list(
    place: Workplace, more: int
) -> None:
    seeded(place)
    path = place.folder / "keys.txt"
    path.write_bytes(b"new\nold\nkeep/a\n" + b"".join(b"absent/%d\n" % number for number in range(more)))
    place.manifest(**MIRRORS_ALL, **SIDES, filters=LISTED)
    planned = place.plan().header.jobs[0].key_list
    place.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="CopyObject", key="out/new", times=None)])
    report = place.apply()
    assert counted(report) == {"done": 1, "failed": 1, "skipped": 1}, report  # the delete was withheld
    place.server.clear_faults()
    path.write_bytes(b"keep/b\nz\n")
    retried = place.command.run("retry", place.plan_file, "--json")
    assert retried.exit_code == 0, retried.output
    retry = place.plan_file.with_name("job.retry-1.s3plan")
    shown = json.loads(place.command.run("show", retry, "--json").stdout)
    assert {action["key"]: action["kind"] for action in shown["actions"]} == {"new": "copy", "old": "delete"}
    assert planned is not None
    assert shown["header"]["jobs"][0]["key_list"]["sha256"] == planned.sha256
    ended = place.command.run("apply", retry, "--yes")
    assert ended.exit_code == 0, ended.output
    assert place.keys("destination") == {"out/new", "out/keep/a", "out/keep/b", "out/other"}
    assert place.body("destination", "out/keep/b") == b"older"
