"""`apply --root`: a plan made of one folder is applied to another one, on the same pins."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
import s3plan
from fakes.command import Started
from fakes.folder_jobs import MIRRORS_ALL, files_below, write_files, write_folder_job
from fakes.torture import TORTURE
from fakes.workplace import Workplace, counted
from s3plan.schemas.errors import PlanRefused, UsageInvalid

UP = "s3://destination/up/"
DOWN = "s3://source/up/"
_PATIENCE_S = 30


@pytest.fixture
def here(place: Workplace) -> Path:
    """The folder that plans are made of."""
    place.buckets()
    made = place.folder / "photos"
    made.mkdir()
    return made


def copied(folder: Path) -> Path:
    """Return another tree of the same files, with their times and other inodes, as on another machine."""
    other = folder.parent / "mnt" / "photos"
    shutil.copytree(folder, other)
    return other


def uploaded(place: Workplace) -> dict[str, bytes]:
    return {key.removeprefix("up/"): place.body("destination", key) for key in place.keys("destination")}


def put(place: Workplace, *keys: str) -> dict[str, bytes]:
    made = {key: os.urandom(100) for key in keys}
    for key, body in made.items():
        place.s3.put_object(Bucket="source", Key=f"up/{key}", Body=body)
    return made


def wait_for(place: Workplace, operation: str, *, answers: int, started: Started) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while place.server.stats().answered(operation) < answers:
        assert started.is_running, started.wait().output
        assert time.monotonic() < until_s
        time.sleep(0.01)


def test_files_pinned_by_inode_are_refused_elsewhere_before_anything_is_sent(place: Workplace, here: Path) -> None:
    write_files(here, "a", "b/c")
    write_folder_job(place, source="./photos", destination=UP)
    place.plan()
    other = copied(here)
    ended = place.command.run("apply", place.plan_file, "--yes", "--root", other)
    assert ended.exit_code == 4, ended.output
    assert f"{other} is another folder than {here}, and 2 files are pinned by their inodes" in ended.stderr
    assert "`stamp: size-mtime`" in ended.stderr
    assert uploaded(place) == {}
    assert place.command.run("apply", place.plan_file, "--yes").exit_code == 0  # nothing was begun there
    assert uploaded(place) == files_below(here)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("executor", ["threads", "processes", "dask"])
def test_files_pinned_by_size_and_time_go_up_from_another_tree(place: Workplace, here: Path, executor: str) -> None:
    write_files(here, "a", "b/c", "edited")
    write_folder_job(place, source={"url": "./photos", "stamp": "size-mtime"}, destination=UP)
    place.plan()
    other = copied(here)
    shutil.rmtree(here)
    write_files(other, "edited", size=200)
    words = ("apply", place.plan_file, "--yes", "--executor", executor)
    away = place.command.run(*words)
    assert away.exit_code == 4, away.output
    ended = place.command.run(*words, "--root", "mnt/photos", "--json")
    assert ended.exit_code == 3, ended.output
    assert ended.event("run-started")["root"] == str(other)
    assert ended.event("run-ended")["counts"] == {"done": 2, "stale": 1}
    expected = files_below(other)
    del expected["edited"]
    assert uploaded(place) == expected


@pytest.mark.parametrize(("stamp", "exit_code"), [("full", 4), ("size-mtime", 0)])
def test_files_are_moved_from_another_tree(place: Workplace, here: Path, stamp: str, exit_code: int) -> None:
    write_files(here, "a", "b/c")
    write_folder_job(place, source={"url": "./photos", "stamp": stamp}, destination=UP, mode="move")
    place.plan()
    other = copied(here)
    before = files_below(here)
    ended = place.command.run("apply", place.plan_file, "--yes", "--root", other)
    assert ended.exit_code == exit_code, ended.output
    if exit_code:
        assert "2 files are pinned by their inodes" in ended.stderr
    full = uploaded(place) if not exit_code else files_below(other)
    empty = files_below(other) if not exit_code else uploaded(place)
    assert (full, empty, files_below(here)) == (before, {}, before)


def test_the_same_folder_at_another_path_keeps_the_pins_of_its_inodes(place: Workplace, here: Path) -> None:
    """As a disk that is mounted somewhere else."""
    write_files(here, "a", "b/c")
    write_folder_job(place, source="./photos", destination=UP)
    place.plan()
    moved = here.rename(place.folder / "elsewhere")
    assert place.apply(root=moved).exit_code == 0
    assert uploaded(place) == files_below(moved)


def test_what_is_shown_and_told_is_the_folder_that_it_goes_to(place: Workplace, here: Path) -> None:
    write_files(here, "a", "b")
    write_folder_job(place, source={"url": "./photos", "stamp": "size-mtime"}, destination=UP)
    place.plan()
    other = copied(here)
    ended = place.command.run("apply", place.plan_file, "--yes", "--root", other, "--limit", "1")
    assert ended.exit_code == 8, ended.output
    assert f"{other}, not {here} as planned" in ended.stderr
    status = place.command.run("status", place.plan_file)
    assert f"{other}, not {here} as planned" in status.stdout
    assert f"file://{other}/" in status.stdout
    document = json.loads(place.command.run("status", place.plan_file, "--json").stdout)
    assert document["root"] == str(other)
    assert f"file://{other}/" in {location["url"] for location in document["locations"]}


def test_an_empty_folder_elsewhere_is_filled_though_the_plan_was_made_of_a_full_one(
    place: Workplace, here: Path
) -> None:
    made = put(place, "a", "b/c")
    write_files(here, "own")
    write_folder_job(place, source=DOWN, destination="./photos")
    place.plan()
    before = files_below(here)
    ended = place.command.run("apply", place.plan_file, "--yes", "--root", "not/yet/there")
    assert ended.exit_code == 0, ended.output
    assert f"made the folder {place.folder}/not/yet/there" in ended.stderr
    assert files_below(place.folder / "not/yet/there") == made
    assert files_below(here) == before


@pytest.mark.parametrize(("stamp", "exit_code"), [("full", 4), ("size-mtime", 0)])
def test_what_is_replaced_or_deleted_elsewhere_must_be_pinned_by_what_holds_there(
    place: Workplace, here: Path, stamp: str, exit_code: int
) -> None:
    write_files(here, "over", "extra", "kept")
    made = put(place, "over", "new")
    place.s3.put_object(Bucket="source", Key="up/kept", Body=(here / "kept").read_bytes())
    made["kept"] = (here / "kept").read_bytes()
    write_folder_job(place, source=DOWN, destination={"url": "./photos", "stamp": stamp}, **MIRRORS_ALL)
    place.plan()
    other = copied(here)
    before = files_below(here)
    ended = place.command.run("apply", place.plan_file, "--yes", "--root", other)
    assert ended.exit_code == exit_code, ended.output
    if exit_code:
        assert "2 files are pinned by their inodes" in ended.stderr
    assert files_below(other) == (before if exit_code else made)
    assert files_below(here) == before


@pytest.mark.parametrize("loses_journal", [False, True])
def test_a_killed_run_goes_on_where_it_was_begun_and_nowhere_else(
    place: Workplace, here: Path, *, loses_journal: bool
) -> None:
    made = put(place, *(f"{number:03}" for number in range(2_000 if TORTURE else 300)))
    write_folder_job(place, source=DOWN, destination="./photos", run={"in_flight": 4})
    place.plan()
    other = place.folder / "mnt"
    place.server.set_mode(latency_s=0.01)
    place.server.reset_stats()
    with place.command.start("apply", place.plan_file, "--yes", "--root", other) as started:
        wait_for(place, "GetObject", answers=50, started=started)
        started.kill()
    place.server.set_mode(latency_s=0)
    assert (other / ".s3plan-tmp").exists()
    if loses_journal:
        place.journal.unlink()
    for elsewhere in (place.folder / "third", here):
        refused = place.command.run("apply", place.plan_file, "--yes", "--root", elsewhere)
        assert refused.exit_code == 64, refused.output
        assert f"was begun in the folder {other} and cannot go on in {elsewhere}" in refused.stderr
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert f"goes on in the folder {other}, as it was begun there; it was planned in {here}" in ended.stderr
    assert files_below(other) == made
    assert not (other / ".s3plan-tmp").exists()
    assert (files_below(here), (place.folder / "third").exists()) == ({}, False)


def test_a_run_that_was_begun_where_it_was_planned_is_not_taken_elsewhere(place: Workplace, here: Path) -> None:
    put(place, "a", "b")
    write_folder_job(place, source=DOWN, destination="./photos")
    place.plan()
    assert place.apply(limit=1).exit_code == 8
    with pytest.raises(UsageInvalid, match=r"was begun in the folder .*/photos and cannot go on in .*/mnt"):
        place.apply(root=place.folder / "mnt")
    assert place.apply(root=here).exit_code == 0
    assert set(files_below(here)) == {"a", "b"}


def test_what_was_begun_elsewhere_does_not_go_on_in_another_directory_of_that_name(
    place: Workplace, here: Path
) -> None:
    """As when the other disk is not mounted any more."""
    made = put(place, "a", "b", "c")
    write_folder_job(place, source=DOWN, destination="./photos")
    place.plan()
    other = place.folder / "mnt"
    assert place.apply(root=other, limit=1).exit_code == 8
    mounted = other.rename(place.folder / "unmounted")
    for makes in (False, True):
        if makes:
            other.mkdir()
        with pytest.raises(PlanRefused, match="is its disk mounted"):
            place.apply()
    assert files_below(other) == {}
    other.rmdir()
    mounted.rename(other)
    assert place.apply(limit=1).exit_code == 8
    shutil.copytree(other, place.folder / "copy")
    shutil.rmtree(other)
    (place.folder / "copy").rename(other)
    assert place.apply(root=other).exit_code == 0  # named again
    assert files_below(other) == made


def test_a_plan_is_given_up_and_retried_where_it_was_applied(place: Workplace, here: Path) -> None:
    made = put(place, *(f"{number:03}" for number in range(200)))
    write_folder_job(place, source=DOWN, destination="./photos", run={"in_flight": 4})
    place.plan()
    other = place.folder / "mnt"
    place.s3.put_object(Bucket="source", Key="up/000", Body=b"changed")
    made["000"] = b"changed"
    place.server.set_mode(latency_s=0.01)
    place.server.reset_stats()
    with place.command.start("apply", place.plan_file, "--yes", "--root", other) as started:
        wait_for(place, "GetObject", answers=50, started=started)
        started.kill()
    place.server.set_mode(latency_s=0)
    assert place.command.run("apply", place.plan_file, "--yes").exit_code == 3
    failures = place.command.run("failures", place.plan_file)
    assert "000: " in failures.stdout
    retried = place.command.run("retry", place.plan_file)
    assert f"this is planned in {other}, where the first plan was applied" in retried.stderr
    retry = place.plan_file.with_name("job.retry-1.s3plan")
    assert place.command.run("apply", retry, "--yes").exit_code == 0
    assert files_below(other) == made
    assert files_below(here) == {}


def test_a_plan_that_is_given_up_leaves_nothing_half_fetched_where_it_was_applied(place: Workplace, here: Path) -> None:
    put(place, *(f"{number:03}" for number in range(200)))
    write_folder_job(place, source=DOWN, destination="./photos", run={"in_flight": 4})
    place.plan()
    other = place.folder / "mnt"
    place.server.set_mode(latency_s=0.01)
    place.server.reset_stats()
    with place.command.start("apply", place.plan_file, "--yes", "--root", other) as started:
        wait_for(place, "GetObject", answers=50, started=started)
        started.kill()
    place.server.set_mode(latency_s=0)
    assert (other / ".s3plan-tmp").exists()
    assert place.command.run("discard", place.plan_file, "--yes").exit_code == 0
    assert not (other / ".s3plan-tmp").exists()


def test_what_plans_know_of_files_is_known_of_the_folder_that_was_read(
    place: Workplace, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(here, "a", "b")
    long_ago_s = time.time() - 3600
    for name in ("a", "b"):
        os.utime(here / name, (long_ago_s, long_ago_s))
    write_folder_job(place, source={"url": "./photos", "stamp": "size-mtime"}, destination=UP)
    place.plan()
    other = copied(here)
    assert counted(place.apply(root=other)) == {"done": 2}
    monkeypatch.setattr("s3plan.storage.folder.engine.hash_file", None)  # no file is read again
    write_folder_job(place, source={"url": str(other), "stamp": "size-mtime"}, destination=UP)
    again = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
    assert {total.rule for total in again.header.jobs[0].totals} == {"neither has changed since they were the same"}


def test_a_folder_to_read_that_is_not_there_is_refused(place: Workplace, here: Path) -> None:
    write_files(here, "a")
    write_folder_job(place, source={"url": "./photos", "stamp": "size-mtime"}, destination=UP)
    place.plan()
    with pytest.raises(PlanRefused, match="there is no folder"):
        place.apply(root=place.folder / "nowhere")
    (place.folder / "file").write_bytes(b"x")
    with pytest.raises(PlanRefused, match="is no folder"):
        place.apply(root=place.folder / "file")


def test_the_trash_must_be_apart_from_the_other_folder_too(place: Workplace, here: Path) -> None:
    put(place, "a")
    write_folder_job(place, source=DOWN, destination={"url": "./photos", "trash": "./trash"})
    place.plan()
    for within in ("trash/below", "."):
        with pytest.raises(PlanRefused, match=r"the trash .* lies within .*, or around it"):
            place.apply(root=place.folder / within)
    assert files_below(here) == {}
    assert place.apply(root=place.folder / "beside").exit_code == 0


def test_a_plan_of_no_folder_or_of_several_takes_no_root(place: Workplace, here: Path) -> None:
    place.seed("source", "a", body="x")
    place.manifest()
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes", "--root", here)
    assert ended.exit_code == 64, ended.output
    assert "has no folder, so --root says nothing" in ended.stderr
    write_files(place.folder / "notes", "a")
    write_files(here, "a")
    write_folder_job(place, source="./photos", destination=UP)
    text = (place.folder / "job.yaml").read_text()
    jobs = (
        '"jobs": {"one": {"source": "./photos", "destination": {"url": "s3://destination/1/", "connection": "store"}}'
    )
    jobs += ', "two": {"source": "./notes", "destination": {"url": "s3://destination/2/", "connection": "store"}}}}'
    (place.folder / "job.yaml").write_text(text[: text.index('"source"')] + jobs)
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes", "--root", here)
    assert ended.exit_code == 64, ended.output
    assert f"has 2: {place.folder}/notes, {here}" in ended.stderr


@pytest.mark.parametrize("named", ["", "s3://destination/up/"])
def test_what_is_no_folder_of_this_machine_is_refused_and_nothing_is_made(
    place: Workplace, here: Path, named: str
) -> None:
    put(place, "a")
    write_folder_job(place, source=DOWN, destination="./photos")
    place.plan()
    before = {path.name for path in place.folder.iterdir()} | {"home"}
    ended = place.command.run("apply", place.plan_file, "--yes", "--root", named)
    assert (ended.exit_code, {path.name for path in place.folder.iterdir()} | {"home"}) == (64, before), ended.output


def test_the_folder_of_the_plan_is_not_called_another_one(place: Workplace, here: Path) -> None:
    made = put(place, "a")
    write_folder_job(place, source=DOWN, destination="./photos")
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes", "--root", "photos")
    assert (ended.exit_code, "as planned" in ended.output) == (0, False), ended.output
    assert files_below(here) == made
