"""A bucket comes down into a folder: planned, pinned, resumed; the files are read with the standard library."""

from __future__ import annotations

import os
import random
import signal
import time
from hashlib import md5
from pathlib import Path

import pytest
import s3plan
from fakes.folder_jobs import MIRRORS_ALL, ODD_NAMES, files_below, write_files, write_folder_job
from fakes.s3server import Fault, FaultKind
from fakes.torture import TORTURE
from fakes.workplace import BY_BOTH_ENGINES, Workplace, counted
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.plan.actions import VerdictKind

UP = "s3://source/up/"
OWN = b"somebody's own"
MIB = 1 << 20

pytestmark = BY_BOTH_ENGINES


@pytest.fixture
def folder(place: Workplace) -> Path:
    place.buckets("source")
    return place.folder / "photos"


def put(place: Workplace, *keys: str, size: int = 100) -> dict[str, bytes]:
    made = {key: os.urandom(size) for key in keys}
    for key, body in made.items():
        place.s3.put_object(Bucket="source", Key=f"up/{key}", Body=body, ChecksumAlgorithm="CRC64NVME")
    return made


def carry_out(place: Workplace) -> None:
    place.plan()
    report = place.apply()
    assert (report.state, report.exit_code) == ("completed", 0), report
    assert not (place.folder / "photos" / ".s3plan-tmp").exists()
    again = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
    assert not again.has_changes, again.header.jobs[0].totals


def test_every_object_arrives_with_its_bytes_and_time_whatever_it_is_called(place: Workplace, folder: Path) -> None:
    made = put(place, *ODD_NAMES, *(f"below/{name}/x" for name in ODD_NAMES), "deep/" * 20 + "file")
    made |= put(place, "empty", size=0) | put(place, "large", size=20 * MIB)
    for around in (-1, 0, 1):
        made |= put(place, f"around {around}", size=MIB + around)
    write_folder_job(place, source=UP, destination="./photos")
    carry_out(place)
    assert files_below(folder) == made
    for listed in place.s3.list_objects_v2(Bucket="source", Prefix="up/")["Contents"]:
        status = (folder / listed["Key"].removeprefix("up/")).stat()
        assert int(status.st_mtime) == int(listed["LastModified"].timestamp())


def test_what_changed_is_fetched_again_and_a_mirror_deletes_what_is_gone(place: Workplace, folder: Path) -> None:
    made = put(place, "kept", "grown", "edited", "gone/below/file", "gone/file")
    write_folder_job(place, source=UP, destination="./photos", **MIRRORS_ALL)
    carry_out(place)
    (folder / "grown").chmod(0o4640)
    write_files(folder, "edited", content=os.urandom(100))
    (folder / "empty of old").mkdir()
    made |= put(place, "grown", size=200)
    for key in ("gone/below/file", "gone/file"):
        place.s3.delete_object(Bucket="source", Key=f"up/{key}")
        made.pop(key)
    plan = place.plan()
    kinds = (VerdictKind.COPY, VerdictKind.OVERWRITE, VerdictKind.UNCHANGED, VerdictKind.DELETE)
    assert [plan.header.objects_of(kind) for kind in kinds] == [0, 2, 1, 2]
    assert place.apply().exit_code == 0
    assert files_below(folder) == made
    assert (folder / "grown").stat().st_mode & 0o7777 == 0o640  # and no setuid
    assert sorted(path.name for path in folder.iterdir()) == ["edited", "empty of old", "grown", "kept"]


def test_a_second_plan_reads_no_file_that_came_down_as_it_is(
    place: Workplace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(place, "a", "b/c")
    write_folder_job(place, source=UP, destination="./photos")
    carry_out(place)
    monkeypatch.setattr("s3plan.storage.folder.engine.hash_file", None)
    again = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
    (total,) = again.header.jobs[0].totals
    assert (total.rule, total.objects) == ("same size, and the time of the object", 2)


def test_what_stands_where_no_file_can_be_made_is_a_conflict_of_the_plan(place: Workplace, folder: Path) -> None:
    put(place, "dir", "file/below", "link", "link2/below", "a//b", "..", "a/../../b", "/abs", "x" * 300, "fine")
    put(place, "both", "both/below", "both-not", size=1)
    put(place, "marker/", size=0)
    put(place, ".s3plan-tmp/x", "below/.s3plan/x", "full/")
    write_files(folder, "dir/below", "file", content=OWN)
    (folder / "link").symlink_to(place.folder)
    (folder / "link2").symlink_to(place.folder)
    write_folder_job(place, source=UP, destination="./photos")
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 3, ended.output
    assert set(files_below(folder)) == {"dir/below", "file", "fine", "both", "both-not"}
    assert not (place.folder / "b").exists()
    shown = place.command.run("show", place.plan_file, "--list").stdout
    for said in (
        "a directory stands in its place",
        "a symbolic link",
        "a file or a symbolic link stands where its directory would be",
        "its path would have an empty component",
        "its path would have a component . or ..",
        "its path would have a component of more than 255 bytes",
        "another key becomes a file where its directory would be",
        "directory marker",
        "the mark of a directory, with bytes",
        "s3plan's own",
    ):
        assert said in shown, said


def test_an_edit_after_the_plan_is_kept(place: Workplace, folder: Path) -> None:
    put(place, "new", "over", "touched", "fine", "gone")
    write_files(folder, "over", "touched", "deleted", "gone", content=OWN)
    write_folder_job(place, source=UP, destination="./photos", **MIRRORS_ALL)
    place.plan()
    write_files(folder, "new", "over", "deleted", content=b"an edit")
    (folder / "touched").chmod(0o600)
    (folder / "gone").unlink()
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 1, "stale": 4, "skipped": 1}), report
    assert {key: body for key, body in files_below(folder).items() if key != "fine"} == {
        "new": b"an edit",
        "over": b"an edit",
        "deleted": b"an edit",
        "touched": OWN,
    }
    said = place.command.run("failures", place.plan_file).stdout
    assert "download  new: a file is there that was not when the plan was made" in said
    assert "download  over: the file was changed after the plan" in said
    assert "download  gone: the file is gone" in said
    assert not (folder / ".s3plan-tmp").exists()


def test_a_delete_of_a_file_that_was_edited_after_the_plan_leaves_it(place: Workplace, folder: Path) -> None:
    put(place, "fine")
    write_files(folder, "edited", "deleted", "gone", content=OWN)
    write_folder_job(place, source=UP, destination="./photos", **MIRRORS_ALL)
    place.plan()
    write_files(folder, "edited", content=b"an edit")
    (folder / "gone").unlink()
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 2, "stale": 1, "already-done": 1}), report
    assert set(files_below(folder)) == {"fine", "edited"}


def test_an_object_that_changed_after_the_plan_is_not_fetched(place: Workplace, folder: Path) -> None:
    put(place, "changed", "gone", "same", "large", size=2 * MIB)
    write_folder_job(place, source=UP, destination="./photos")
    place.plan()
    put(place, "changed", "large", size=2 * MIB)
    place.s3.delete_object(Bucket="source", Key="up/gone")
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 1, "stale": 3})
    assert set(files_below(folder)) == {"same"}
    said = place.command.run("failures", place.plan_file).stdout
    assert "download  changed: source changed: etag" in said
    assert "download  gone: source gone" in said
    assert not (folder / ".s3plan-tmp").exists()


@pytest.mark.sampled(6)
@pytest.mark.parametrize("size", [1000, 3 * MIB])
@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.RESET,
        FaultKind.INTERNAL_ERROR,
        FaultKind.SLOW_DOWN,
        FaultKind.CUT_BODY,
        FaultKind.RESET_MID_BODY,
        FaultKind.FLIPPED_BIT,
        FaultKind.EMPTY,
        FaultKind.GARBAGE,
    ],
)
def test_an_answer_that_suffers_is_asked_for_again(place: Workplace, folder: Path, kind: FaultKind, size: int) -> None:
    made = put(place, "a", "b", size=size)
    write_folder_job(place, source=UP, destination="./photos")
    place.plan()
    place.server.faults([Fault(kind=kind, operation="GetObject", times=2, after_commit=True)])
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": 2}), report
    assert files_below(folder) == made
    assert not (folder / ".s3plan-tmp").exists()


def test_bytes_that_always_suffer_never_get_a_name(place: Workplace, folder: Path) -> None:
    put(place, "a", size=3 * MIB)
    put(place, "b", size=3000)
    write_folder_job(place, source=UP, destination="./photos", run={"retries": {"attempts": 2}})
    place.plan()
    place.server.faults([Fault(kind=FaultKind.FLIPPED_BIT, operation="GetObject", times=100)])
    report = place.apply()
    assert counted(report) == {"failed": 2}, report
    assert files_below(folder) == {}
    said = place.command.run("failures", place.plan_file).stdout
    assert ("its bytes suffered on the way" if place.engine == "native" else "Expected checksum") in said


def test_another_directory_in_the_place_of_the_folder_is_refused(place: Workplace, folder: Path) -> None:
    put(place, "a")
    write_files(folder, "extraneous", content=OWN)
    write_folder_job(place, source=UP, destination="./photos", **MIRRORS_ALL)
    place.plan()
    folder.rename(place.folder / "elsewhere")
    with pytest.raises(PlanRefused, match="is its disk mounted"):
        place.apply()
    folder.mkdir()
    with pytest.raises(PlanRefused, match="is another directory than when the plan was made"):
        place.apply()
    assert files_below(folder) == {}


def test_a_folder_that_is_not_there_is_made_with_all_above_it(place: Workplace, folder: Path) -> None:
    made = put(place, "a/b")
    write_folder_job(place, source=UP, destination="./not/yet/there")
    planned = place.command.run("plan", "job.yaml")
    assert "the folder does not exist yet; apply creates" in planned.stdout
    assert "held: a file comes only into an empty place" in planned.stdout
    assert not (place.folder / "not").exists()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert files_below(place.folder / "not/yet/there") == made


def test_a_file_in_the_place_of_the_folder_is_refused_at_the_plan(place: Workplace, folder: Path) -> None:
    put(place, "a")
    folder.write_bytes(b"x")
    write_folder_job(place, source=UP, destination="./photos")
    ended = place.command.run("plan", "job.yaml")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "is no folder" in ended.stderr


def test_a_file_that_an_earlier_run_published_unheard_is_known_by_its_bytes(place: Workplace, folder: Path) -> None:
    """The journal is gone; of one object the ETag is an MD5 sum, of the other it says nothing about its bytes."""
    made = put(place, "one piece", size=6 * MIB)
    place.seed("source", "up/in parts", size_bytes=12 * MIB, parts=2)
    made["in parts"] = place.body("source", "up/in parts")
    write_folder_job(place, source=UP, destination="./photos")
    place.plan()
    place.apply()
    place.journal.unlink()
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    assert ended.event("run-ended")["evidence"] == {"by etag": 1, "by bytes": 1}
    assert files_below(folder) == made


@pytest.mark.sampled(1)
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_download_killed_at_random_moments_ends_as_if_nothing_had_happened(
    place: Workplace, folder: Path, executor: str
) -> None:
    made = put(place, *(f"{number % 7}/{number:04}" for number in range(20_000 if TORTURE else 600)))
    made |= put(place, "large", size=9 * MIB)
    write_files(folder, *(f"old/{number}" for number in range(50)), content=OWN)
    write_files(folder, *(f"{number % 7}/{number:04}" for number in range(60)), content=OWN)
    write_folder_job(
        place,
        source=UP,
        destination="./photos",
        **MIRRORS_ALL,
        run={"executor": executor, "workers": 2, "in_flight": 8},
    )
    place.plan()
    place.server.set_mode(latency_s=0.005)
    chance = random.Random(11)
    for _ in range(10 if TORTURE else 3):
        with place.command.start("apply", place.plan_file, "--yes") as started:
            time.sleep(chance.uniform(0.3, 2.5))
            started.kill()
    ended = place.command.run("apply", place.plan_file, "--yes", timeout_s=600 if TORTURE else 60)
    assert ended.exit_code == 0, ended.output
    assert files_below(folder) == made
    assert not (folder / ".s3plan-tmp").exists()
    digests = {path.name: md5(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}
    assert len(digests) == len(made)


def test_where_files_cannot_be_exchanged_an_overwrite_is_refused_until_a_plan_knows_it(
    place: Workplace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on NFS."""
    monkeypatch.setattr("s3plan.storage.folder.writes.renaming._renameat2", lambda: None)
    made = put(place, "over", "new")
    write_files(folder, "over", content=OWN)
    write_folder_job(place, source=UP, destination="./photos")
    place.plan()
    with pytest.raises(PlanRefused, match=r"put-match: planned enforced, found checked\); plan again with --probe"):
        place.apply()
    place.plan(probe=True)
    assert counted(place.apply()) == {"done": 2}
    assert files_below(folder) == made
    (said,) = [sentence for sentence in place.told if "exchange" in sentence]
    assert said.startswith(f"the folder {folder} cannot exchange files (put-match): s3plan looks, compares, then acts")


def test_a_run_that_is_left_before_its_turn_came_leaves_nothing_in_the_folder(place: Workplace, folder: Path) -> None:
    put(place, "a", "b", "c", size=3 * MIB)
    write_folder_job(place, source=UP, destination="./photos", run={"bandwidth": "1MiB/s", "executor": "threads"})
    place.plan()
    with place.command.start("apply", place.plan_file, "--yes") as started:
        while not folder.exists():
            assert started.is_running
            time.sleep(0.02)
        time.sleep(0.5)
        for _ in range(2):
            started.signal(signal.SIGINT)
            time.sleep(0.2)
        started.wait()
    write_folder_job(place, source=UP, destination="./photos")
    ended = place.command.run("apply", place.plan_file, "--yes", "--bandwidth", "100MiB/s")
    assert ended.exit_code == 0, ended.output
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b", "c"]
