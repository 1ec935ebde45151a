"""`symlinks:` and `stamp:` of a folder: what listing followed is what goes up, and what pins a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import s3plan
from fakes.folder_jobs import files_below, write_files, write_folder_job
from fakes.workplace import BY_BOTH_ENGINES, Workplace, counted

UP = "s3://destination/up/"

pytestmark = BY_BOTH_ENGINES


@pytest.fixture
def folder(place: Workplace) -> Path:
    place.buckets("destination")
    write_files(place.folder / "elsewhere", "dir/a", "dir/deep/b", "file")
    photos = place.folder / "photos"
    write_files(photos, "own")
    (photos / "to-file").symlink_to(place.folder / "elsewhere/file")
    (photos / "to-dir").symlink_to("../elsewhere/dir")
    return photos


def test_links_count_as_what_they_lead_to_if_they_are_followed(place: Workplace, folder: Path) -> None:
    write_folder_job(place, source={"url": "./photos", "symlinks": "follow"}, destination=UP)
    made = place.plan()
    assert "symbolic links are followed" in place.command.run("show", place.plan_file).stdout
    assert made.header.jobs[0].actions == 4
    assert place.apply().exit_code == 0
    elsewhere = files_below(place.folder / "elsewhere")
    expected = {
        "own": (folder / "own").read_bytes(),
        "to-file": elsewhere["file"],
        "to-dir/a": elsewhere["dir/a"],
        "to-dir/deep/b": elsewhere["dir/deep/b"],
    }
    assert {key: place.body("destination", f"up/{key}") for key in expected} == expected
    assert not s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan").has_changes


def test_they_are_left_out_otherwise(place: Workplace) -> None:
    write_files(place.folder / "photos", "own")
    place.buckets("destination")
    (place.folder / "photos" / "link").symlink_to("own")
    write_folder_job(place, source={"url": "./photos", "symlinks": "skip"}, destination=UP)
    place.plan()
    assert place.apply().exit_code == 0
    assert place.keys("destination") == {"up/own"}


def test_a_link_that_leads_to_another_file_by_now_is_stale(place: Workplace, folder: Path) -> None:
    write_folder_job(place, source={"url": "./photos", "symlinks": "follow"}, destination=UP)
    place.plan()
    (folder / "to-file").unlink()
    (folder / "to-file").symlink_to(place.folder / "elsewhere/dir/a")
    assert counted(place.apply()) == {"done": 3, "stale": 1}
    assert "up/to-file" not in place.keys("destination")


def test_links_that_lead_nowhere_or_in_a_circle_are_conflicts(place: Workplace, folder: Path) -> None:
    (folder / "nowhere").symlink_to("no such file")
    (folder / "circle").symlink_to(".")
    write_folder_job(place, source={"url": "./photos", "symlinks": "follow"}, destination=UP)
    made = place.plan()
    rules = {total.rule for total in made.header.jobs[0].totals if total.kind.value == "conflict"}
    assert rules == {"a symbolic link that leads nowhere", "a symbolic link that leads back to where it stands"}
    assert place.apply().exit_code == 3


@pytest.mark.parametrize(("stamp", "ended"), [("full", {"stale": 2}), ("size-mtime", {"done": 2})])
def test_a_short_stamp_looks_at_size_and_time_alone(place: Workplace, stamp: str, ended: dict[str, int]) -> None:
    place.buckets("destination")
    photos = place.folder / "photos"
    write_files(photos, "touched", "replaced")
    write_folder_job(place, source={"url": "./photos", "stamp": stamp}, destination=UP)
    place.plan()
    (photos / "touched").chmod(0o600)
    times = (photos / "replaced").stat()
    (photos / "other").write_bytes((photos / "replaced").read_bytes())
    (photos / "other").replace(photos / "replaced")
    os.utime(photos / "replaced", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert counted(place.apply()) == ended


def test_a_short_stamp_pins_what_a_download_replaces_and_retries_look_the_same_way(place: Workplace) -> None:
    place.buckets("source")
    place.s3.put_object(Bucket="source", Key="up/x", Body=b"of the object")
    photos = place.folder / "photos"
    write_files(photos, "x", content=b"the old bytes")
    write_folder_job(place, source="s3://source/up/", destination={"url": "./photos", "stamp": "size-mtime"})
    place.plan()
    (photos / "x").chmod(0o640)
    assert place.apply().exit_code == 0
    assert (photos / "x").read_bytes() == b"of the object"
    write_folder_job(place, source={"url": "./photos", "stamp": "size-mtime"}, destination="s3://source/up/")
    write_files(photos, "y")
    place.plan()
    write_files(photos, "y", content=b"an edit")
    assert counted(place.apply()) == {"stale": 1}
    assert place.command.run("retry", place.plan_file).exit_code == 0
    assert place.command.run("apply", ".s3plan/job.retry-1.s3plan", "--yes").exit_code == 0
    assert place.body("source", "up/y") == b"an edit"
