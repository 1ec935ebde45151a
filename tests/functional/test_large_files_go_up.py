"""Large files go up in parts: each read as it was planned, sent once, and kept over an interruption."""

from __future__ import annotations

import os
import time
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
import s3plan
from fakes.folder_jobs import write_folder_job
from fakes.s3server import Fault, FaultKind
from fakes.torture import TORTURE
from fakes.workplace import BY_BOTH_ENGINES, MIB, Workplace, counted

PART = 5 * MIB
_PARTS = 205 if TORTURE else 20  # of what is killed in the middle: a gibibyte
RUN = {"part_size": "5MiB", "multipart_threshold": "5MiB"}

pytestmark = BY_BOTH_ENGINES


@pytest.fixture
def folder(place: Workplace) -> Path:
    place.buckets("destination")
    made = place.folder / "films"
    made.mkdir()
    return made


def put(folder: Path, name: str, size: int) -> bytes:
    content = os.urandom(size)
    (folder / name).write_bytes(content)
    return content


def uploading(place: Workplace, *, run: dict[str, Any] = RUN, **more: str) -> None:
    destination = {"url": "s3://destination/up/", **more}
    write_folder_job(place, source="./films", destination=destination, run=run)


def etag_of_parts(content: bytes) -> str:
    sums = [md5(content[at : at + PART]).digest() for at in range(0, len(content), PART)]
    return f"{md5(b''.join(sums)).hexdigest()}-{len(sums)}"


def test_files_around_the_threshold_and_the_size_of_parts_arrive_whole(place: Workplace, folder: Path) -> None:
    sizes = (PART - 1, PART, PART + 1, 2 * PART - 1, 2 * PART, 4 * PART + 7)
    made = {f"{size}.mp4": put(folder, f"{size}.mp4", size) for size in sizes}
    uploading(place, storage_class="STANDARD_IA")
    place.plan()
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": len(sizes)}), report
    for name, content in made.items():
        assert place.body("destination", f"up/{name}") == content
        found = place.s3.head_object(Bucket="destination", Key=f"up/{name}")
        assert (found["ContentType"], found["StorageClass"]) == ("video/mp4", "STANDARD_IA")
        if len(content) >= PART:
            assert found["ETag"].strip('"') == etag_of_parts(content)
    assert place.server.stats().answered("UploadPart") == 1 + 2 + 2 + 2 + 5
    again = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
    assert not again.has_changes
    place.assert_nothing_left()


def test_a_file_is_sent_in_parts_from_16_mib_on_unless_the_manifest_says_less(place: Workplace, folder: Path) -> None:
    put(folder, "one request", 16 * MIB - 1)
    put(folder, "parts", 16 * MIB)
    uploading(place, run={})
    place.plan()
    assert counted(place.apply()) == {"done": 2}
    assert place.server.stats().answered("PutObject") >= 1
    assert place.server.stats().answered("UploadPart") == 1


def test_after_a_kill_only_the_missing_parts_are_sent(place: Workplace, folder: Path) -> None:
    content = put(folder, "film", _PARTS * PART)
    uploading(place, run=RUN | {"in_flight": 4, "executor": "threads", "workers": 1})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.2)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        while place.server.stats().answered("UploadPart") < _PARTS * 2 // 5:
            assert started.is_running
            time.sleep(0.02)
        started.kill()
    place.server.set_mode(latency_s=0)
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    assert place.body("destination", "up/film") == content
    stats = place.server.stats()
    assert stats.answered("CreateMultipartUpload") == 1
    assert _PARTS <= stats.answered("UploadPart") <= _PARTS + 2 * 4
    place.assert_nothing_left()


def test_a_file_that_is_changed_while_its_parts_are_sent_is_stale_and_nothing_of_it_is_seen(
    place: Workplace, folder: Path
) -> None:
    put(folder, "film", 20 * PART)
    uploading(place, run=RUN | {"in_flight": 2, "executor": "threads", "workers": 1})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.1)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        while place.server.stats().answered("UploadPart") < 3:
            assert started.is_running
            time.sleep(0.02)
        with (folder / "film").open("r+b") as film:
            film.seek(19 * PART)
            film.write(b"another end")
        ended = started.wait()
    assert ended.exit_code == 3, ended.output
    assert place.keys("destination") == set()
    assert "upload  film: the file was changed" in place.command.run("failures", place.plan_file).stdout
    assert place.untold_uploads() == []


@pytest.mark.sampled(4)
@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload", "CreateMultipartUpload"])
@pytest.mark.parametrize("kind", [FaultKind.REPLY_LOST, FaultKind.RESET, FaultKind.INTERNAL_ERROR, FaultKind.SLOW_DOWN])
def test_a_request_that_fails_or_is_not_answered_costs_no_other_part(
    place: Workplace, folder: Path, operation: str, kind: FaultKind
) -> None:
    content = put(folder, "film", 4 * PART)
    uploading(place)
    place.plan(probe=True)
    place.server.reset_stats()
    is_done = kind is not FaultKind.SLOW_DOWN  # of which S3 says that it did nothing
    place.server.faults([Fault(kind=kind, operation=operation, times=1, after_commit=is_done)])
    report = place.apply()
    assert report.exit_code == 0, report
    assert place.body("destination", "up/film") == content
    stats = place.server.stats()
    assert place.writes() == {"up/film": 1}
    assert stats.requested("UploadPart") <= (4 if operation != "UploadPart" else 5)
    place.told += list(report.messages)


def test_bytes_of_a_part_that_suffer_on_the_way_are_sent_again(place: Workplace, folder: Path) -> None:
    content = put(folder, "film", 3 * PART)
    uploading(place)
    place.plan()
    place.server.faults([Fault(kind=FaultKind.ERROR, code="BadDigest", operation="UploadPart", times=1)])
    assert counted(place.apply()) == {"done": 1}
    assert place.body("destination", "up/film") == content


@pytest.mark.parametrize("conditions", ["all", "none"])
def test_an_object_that_came_after_the_plan_is_kept_and_the_upload_is_gone(
    place: Workplace, folder: Path, conditions: str
) -> None:
    put(folder, "new", 2 * PART)
    put(folder, "over", 2 * PART)
    place.server.set_mode(conditions=conditions)
    place.seed("destination", "up/over", body="planned")
    uploading(place)
    place.plan(probe=True)
    place.seed("destination", "up/over", "up/new", body="somebody's own")
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"stale": 2})
    assert {place.body("destination", f"up/{name}") for name in ("new", "over")} == {b"somebody's own"}
    assert place.untold_uploads() == []


def test_many_large_files_at_once_take_no_more_than_their_turn_and_all_arrive(place: Workplace, folder: Path) -> None:
    made = {f"{number}": put(folder, f"{number}", 3 * PART + number) for number in range(12)}
    uploading(place, run=RUN | {"in_flight": 3})
    place.plan()
    assert counted(place.apply()) == {"done": 12}
    for name, content in made.items():
        assert place.body("destination", f"up/{name}") == content


def test_a_file_that_is_gone_is_stale_at_once_and_its_upload_with_it(place: Workplace, folder: Path) -> None:
    put(folder, "film", 3 * PART)
    uploading(place)
    place.plan(probe=True)
    (folder / "film").unlink()
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"stale": 1})
    assert "upload  film: source gone" in place.command.run("failures", place.plan_file).stdout
    assert place.server.uploads("destination") == []


def test_an_object_that_a_killed_attempt_has_completed_is_known_by_its_file(place: Workplace, folder: Path) -> None:
    """Also if the journal knows nothing of its parts: they may have been stored when it was cut off."""
    content = put(folder, "film", 4 * PART + 7)
    uploading(place)
    place.plan(probe=True)
    assert counted(place.apply()) == {"done": 1}
    place.journal.unlink()
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    assert ended.event("run-ended")["evidence"] == {"by etag": 1}
    assert place.writes() == {"up/film": 1}
    assert place.body("destination", "up/film") == content


def test_another_object_of_the_size_and_the_number_of_parts_is_not_taken_for_ours(
    place: Workplace, folder: Path
) -> None:
    put(folder, "film", 4 * PART + 7)
    uploading(place)
    place.plan(probe=True)
    assert counted(place.apply()) == {"done": 1}
    place.journal.unlink()
    place.seed("destination", "up/film", size_bytes=4 * PART + 7, parts=5)
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 3, ended.output
    assert ended.event("run-ended")["counts"] == {"stale": 1}
