"""Large files go up in parts: each read as it was planned, sent once, and kept over an interruption."""

from __future__ import annotations

import os
import time
from base64 import b64encode
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
import s3plan
from awscrt.checksums import crc64nvme
from fakes.folder_jobs import write_folder_job
from fakes.s3server import Fault, FaultKind
from fakes.s3server.process import LoggedRequest
from fakes.torture import TORTURE
from fakes.workplace import BY_BOTH_ENGINES, MIB, PROBE, Workplace, counted

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


def is_trial(logged: LoggedRequest) -> bool:
    return PROBE in logged.key


def parts_sent(place: Workplace) -> int:
    """Return how many parts the store has taken, without the one that it was tried with."""
    return sum(
        logged.operation == "UploadPart" and logged.status == "200" and not is_trial(logged)
        for logged in place.server.log()
    )


def crc_of(content: bytes) -> str:
    return b64encode(int(crc64nvme(content)).to_bytes(8, "big")).decode()


def sum_at(place: Workplace, key: str) -> tuple[str | None, str | None]:
    """Return the CRC64NVME that boto3 is told of an object, and of what it is."""
    found = place.s3.head_object(Bucket="destination", Key=key, ChecksumMode="ENABLED")
    return found.get("ChecksumCRC64NVME"), found.get("ChecksumType")


def requests_of(place: Workplace, operation: str) -> int:
    """Return how many requests of a kind were sent for what is no trial."""
    return sum(logged.operation == operation and not is_trial(logged) for logged in place.server.log())


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
    assert parts_sent(place) == 1 + 2 + 2 + 2 + 5
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
    assert parts_sent(place) == 1


def test_after_a_kill_only_the_missing_parts_are_sent(place: Workplace, folder: Path) -> None:
    content = put(folder, "film", _PARTS * PART)
    uploading(place, run=RUN | {"in_flight": 4, "executor": "threads", "workers": 1})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.2)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        while parts_sent(place) < _PARTS * 2 // 5:
            assert started.is_running
            time.sleep(0.02)
        started.kill()
    place.server.set_mode(latency_s=0)
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    assert place.body("destination", "up/film") == content
    place.server.stats()
    assert requests_of(place, "CreateMultipartUpload") == 1
    assert _PARTS <= parts_sent(place) <= _PARTS + 2 * 4
    assert sum_at(place, "up/film") == (crc_of(content), "FULL_OBJECT")
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
        while parts_sent(place) < 3:
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


def test_parts_are_held_against_their_checksums_and_the_object_against_that_of_the_whole(
    place: Workplace, folder: Path
) -> None:
    content = put(folder, "film", 3 * PART + 1)
    uploading(place)
    place.plan()
    report = place.apply()
    assert (report.exit_code, dict(report.verified)) == (0, {"CRC64NVME": 1}), report
    assert sum_at(place, "up/film") == (crc_of(content), "FULL_OBJECT")
    sent = [
        logged.headers for logged in place.server.log() if logged.operation == "UploadPart" and not is_trial(logged)
    ]
    assert [headers.get("content-md5") for headers in sent] == [None] * 4
    assert all("x-amz-checksum-crc64nvme" in headers for headers in sent)
    assert place.keys("destination") == {"up/film"}
    assert place.untold_uploads() == []


def test_a_store_that_does_not_look_at_checksums_gets_md5_sums_of_parts(place: Workplace, folder: Path) -> None:
    content = put(folder, "film", 2 * PART)
    uploading(place)
    place.server.set_mode(ignores_checksums=True)
    place.plan()
    report = place.apply()
    assert (report.exit_code, dict(report.verified)) == (0, {"MD5 of the parts": 1}), report
    sent = [
        logged.headers for logged in place.server.log() if logged.operation == "UploadPart" and not is_trial(logged)
    ]
    assert all("content-md5" in headers and "x-amz-checksum-crc64nvme" not in headers for headers in sent)
    assert place.body("destination", "up/film") == content
    assert place.keys("destination") == {"up/film"}
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
    place.server.faults([Fault(kind=kind, operation=operation, times=1, after_commit=is_done, spares=PROBE)])
    report = place.apply()
    assert report.exit_code == 0, report
    assert place.body("destination", "up/film") == content
    place.server.stats()
    assert place.writes() == {"up/film": 1}
    assert requests_of(place, "UploadPart") <= (4 if operation != "UploadPart" else 5)
    place.told += list(report.messages)


def test_bytes_of_a_part_that_suffer_on_the_way_are_sent_again(place: Workplace, folder: Path) -> None:
    content = put(folder, "film", 3 * PART)
    uploading(place)
    place.plan()
    place.server.faults([Fault(kind=FaultKind.ERROR, code="BadDigest", operation="UploadPart", times=1, spares=PROBE)])
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
