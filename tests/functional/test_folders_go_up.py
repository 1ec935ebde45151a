"""A folder goes up to a bucket: planned, pinned, resumed; read by boto3 what came of it."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
import s3plan
from fakes.folder_jobs import MIRRORS_ALL, ODD_NAMES, files_below, write_files, write_folder_job
from fakes.s3server import Fault, FaultKind
from fakes.torture import TORTURE
from fakes.workplace import BY_BOTH_ENGINES, PROBE, Workplace, counted
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.plan.actions import VerdictKind

UP = "s3://destination/up/"


@pytest.fixture
def folder(place: Workplace) -> Path:
    place.buckets("destination")
    made = place.folder / "photos"
    made.mkdir()
    return made


def uploaded(place: Workplace) -> dict[str, bytes]:
    return {key.removeprefix("up/"): place.body("destination", key) for key in place.keys("destination")}


def carry_out(place: Workplace) -> None:
    place.plan()
    report = place.apply()
    assert (report.state, report.exit_code) == ("completed", 0), report
    again = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
    assert not again.has_changes, again.header.jobs[0].totals


pytestmark = BY_BOTH_ENGINES


def test_no_later_plan_of_an_unchanged_tree_reads_a_file(
    place: Workplace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the third one either: what is asked for stays known."""
    write_files(folder, "a", "b/c", "d")
    for path in ("a", "b/c", "d"):
        os.utime(folder / path, (1, 1_600_000_000))  # so long ago that they are known at once
    write_folder_job(place, source="./photos", destination=UP)
    carry_out(place)
    monkeypatch.setattr("s3plan.storage.folder.engine.hash_file", None)
    for _ in range(2):
        again = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
        (total,) = again.header.jobs[0].totals
        assert (total.rule, total.objects) == ("neither has changed since they were the same", 3)


def test_every_file_arrives_with_its_bytes_whatever_it_is_called(place: Workplace, folder: Path) -> None:
    write_files(folder, *ODD_NAMES, *(f"below/{name}/x" for name in ODD_NAMES), "empty", "deep/" * 20 + "file")
    (folder / "empty").write_bytes(b"")
    write_files(folder, "large", size=20 << 20)
    write_files(folder, "middling", size=(8 << 20) - 1)
    write_folder_job(place, source="./photos", destination=UP)
    carry_out(place)
    assert uploaded(place) == files_below(folder)


def test_a_second_plan_of_an_unchanged_tree_reads_no_file_that_lay_still_before_its_upload(
    place: Workplace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(folder, "a", "b/c")
    write_folder_job(place, source="./photos", destination=UP)
    carry_out(place)
    place.server.set_mode(clock_offset_s=120)  # as if it had been uploaded two minutes after the last change
    for key in ("a", "b/c"):
        place.s3.put_object(Bucket="destination", Key=f"up/{key}", Body=(folder / key).read_bytes())
    place.server.set_mode(clock_offset_s=0)
    made = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
    (total,) = made.header.jobs[0].totals
    assert (total.rule, total.objects) == ("not touched since the object was written", 2)
    before = len(place.server.log())
    again = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
    assert not again.has_changes
    assert {entry.operation for entry in place.server.log()[before:]} <= {
        "ListObjectsV2",
        "HeadBucket",
        "GetBucketEncryption",
    }


def test_what_changed_is_uploaded_again_and_a_mirror_deletes_what_is_gone(place: Workplace, folder: Path) -> None:
    write_files(folder, "kept", "grown", "edited", "gone/file")
    write_folder_job(place, source="./photos", destination=UP, **MIRRORS_ALL)
    carry_out(place)
    write_files(folder, "grown", size=200)
    write_files(folder, "edited")
    (folder / "gone/file").unlink()
    (folder / "gone").rmdir()
    place.seed("destination", "other/stays", body="x")
    made = place.plan()
    kinds = (VerdictKind.COPY, VerdictKind.OVERWRITE, VerdictKind.UNCHANGED, VerdictKind.DELETE)
    assert [made.header.objects_of(kind) for kind in kinds] == [0, 2, 1, 1]
    place.apply()
    assert uploaded(place) == files_below(folder) | {"other/stays": b"x"}


def test_links_and_special_files_are_told_and_shield_what_lies_below_their_keys(place: Workplace, folder: Path) -> None:
    write_files(folder, "file")
    (folder / "link").symlink_to("file")
    os.mkfifo(folder / "pipe")
    place.seed("destination", "up/link/below", "up/link", "up/linked", body="of another tool")
    write_folder_job(place, source="./photos", destination=UP, **MIRRORS_ALL)
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert set(uploaded(place)) == {"file", "link", "link/below"}
    shown = place.command.run("show", place.plan_file, "--list").stdout
    assert "a symbolic link" in shown
    assert "neither a file nor a directory" in shown


def test_a_name_that_is_no_text_is_a_conflict_and_holds_deletes_back(place: Workplace, folder: Path) -> None:
    write_files(folder, "file")
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9")).write_bytes(b"x")
    place.seed("destination", "up/old", body="x")
    write_folder_job(place, source="./photos", destination=UP, **MIRRORS_ALL)
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 3, ended.output
    assert set(uploaded(place)) == {"file", "old"}


def test_a_file_that_changed_after_the_plan_is_stale_and_not_sent(place: Workplace, folder: Path) -> None:
    write_files(folder, "at: noon", "changed", "touched", "gone", "same")
    write_folder_job(place, source="./photos", destination=UP)
    place.plan()
    write_files(folder, "at: noon", "changed")
    (folder / "touched").chmod(0o600)
    (folder / "gone").unlink()
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 1, "stale": 4})
    assert set(uploaded(place)) == {"same"}
    said = place.command.run("failures", place.plan_file).stdout
    assert "upload  at: noon: the file was changed or replaced after the plan" in said
    assert "upload  changed: the file was changed or replaced after the plan" in said
    assert "upload  touched: the file was touched after the plan" in said
    assert "upload  gone: source gone" in said


def test_an_object_that_changed_after_the_plan_is_kept(place: Workplace, folder: Path) -> None:
    write_files(folder, "new", "over")
    place.seed("destination", "up/over", body="planned")
    write_folder_job(place, source="./photos", destination=UP)
    place.plan()
    place.seed("destination", "up/over", "up/new", body="somebody's own")
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"stale": 2})
    assert set(uploaded(place).values()) == {b"somebody's own"}


@pytest.mark.parametrize("kind", [FaultKind.REPLY_LOST, FaultKind.RESET, FaultKind.INTERNAL_ERROR])
@pytest.mark.parametrize("size", [100, 9 << 20])
def test_an_upload_whose_reply_is_lost_is_done_once(place: Workplace, folder: Path, kind: FaultKind, size: int) -> None:
    write_files(folder, "a", "b", size=size)
    write_folder_job(place, source="./photos", destination=UP)
    place.plan()
    fault = Fault(kind=kind, operation="PutObject", prefix="up/", spares=PROBE, times=2, after_commit=True)
    place.server.faults([fault])
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"already-done": 2}), report
    assert dict(report.evidence) == {"by etag": 2}
    assert uploaded(place) == files_below(folder)
    assert set(place.writes().values()) == {1}


def test_bytes_that_suffer_on_the_way_are_sent_again(place: Workplace, folder: Path) -> None:
    write_files(folder, "a", size=1000)
    write_folder_job(place, source="./photos", destination=UP)
    place.plan()
    bad = Fault(kind=FaultKind.ERROR, code="BadDigest", operation="PutObject", prefix="up/", spares=PROBE, times=1)
    place.server.faults([bad])
    assert counted(place.apply()) == {"done": 1}
    assert uploaded(place) == files_below(folder)


def test_a_store_without_conditions_is_looked_at_first(place: Workplace, folder: Path) -> None:
    write_files(folder, "new", "over", "taken")
    place.server.set_mode(conditions="none")
    place.seed("destination", "up/over", body="planned")
    write_folder_job(place, source="./photos", destination=UP)
    place.plan(probe=True)
    place.seed("destination", "up/taken", body="somebody's own")
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 2, "stale": 1})
    assert uploaded(place) == files_below(folder) | {"taken": b"somebody's own"}


def test_another_directory_in_the_place_of_the_folder_is_refused(place: Workplace, folder: Path) -> None:
    """As when a disk is not mounted, or another one is."""
    write_files(folder, "a")
    write_folder_job(place, source="./photos", destination=UP, **MIRRORS_ALL)
    place.plan()
    folder.rename(place.folder / "elsewhere")
    with pytest.raises(Exception, match="is its disk mounted"):
        place.apply()
    folder.mkdir()
    with pytest.raises(PlanRefused, match="is another directory than when the plan was made"):
        place.apply()
    assert uploaded(place) == {}


def test_a_folder_that_is_not_there_or_empty_plans_nothing(place: Workplace, folder: Path) -> None:
    write_folder_job(place, source="./photos", destination=UP, **MIRRORS_ALL)
    place.seed("destination", "up/kept", body="x")
    blocked = place.command.run("plan", "job.yaml")
    assert blocked.exit_code == 5, blocked.output
    assert "is the folder as it should be?" in blocked.output
    folder.rmdir()
    missing = place.command.run("plan", "job.yaml", "-o", "other.s3plan")
    assert missing.exit_code == 1
    assert f"there is no folder {folder}; is its disk mounted?" in missing.stderr
    assert set(uploaded(place)) == {"kept"}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("executor", ["threads", "processes", "dask"])
def test_an_upload_killed_at_random_moments_ends_as_if_nothing_had_happened(
    place: Workplace, folder: Path, executor: str
) -> None:
    write_files(folder, *(f"{number % 7}/{number:04}" for number in range(20_000 if TORTURE else 1_500)))
    write_files(folder, "large", size=9 << 20)
    place.seed("destination", *(f"up/old/{number}" for number in range(50)), body="x")
    write_folder_job(
        place,
        source="./photos",
        destination=UP,
        **MIRRORS_ALL,
        run={"executor": executor, "workers": 2, "in_flight": 8},
    )
    place.plan()
    chance = random.Random(11)
    for _ in range(10 if TORTURE else 3):
        with place.command.start("apply", place.plan_file, "--yes") as started:
            time.sleep(chance.uniform(0.3, 2.5))
            started.kill()
    ended = place.command.run("apply", place.plan_file, "--yes", timeout_s=600 if TORTURE else 60)
    assert ended.exit_code == 0, ended.output
    assert uploaded(place) == files_below(folder)
    assert set(place.writes().values()) <= {1}
