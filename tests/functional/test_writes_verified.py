"""What a write itself proves of the bytes at the destination is kept, and told at the end, by `status` and in JSON."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from fakes.folder_jobs import write_files, write_folder_job
from fakes.workplace import BY_BOTH_ENGINES, Workplace

MIB = 1 << 20
pytestmark = BY_BOTH_ENGINES


@pytest.fixture
def folder(place: Workplace) -> Path:
    place.buckets()
    made = place.folder / "photos"
    made.mkdir()
    return made


def applied(place: Workplace, *options: str, exit_code: int = 0) -> str:
    ended = place.command.run("apply", str(place.plan_file), "--yes", *options)
    assert ended.exit_code == exit_code, ended.output
    return ended.output


def verified(place: Workplace) -> dict[str, int]:
    """Return what `status` tells of it, as JSON."""
    ended = place.command.run("status", str(place.plan_file), "--json")
    found: dict[str, int] = json.loads(ended.stdout.splitlines()[-1])["verified"]
    return found


def test_uploads_are_verified_by_what_the_store_answers(place: Workplace, folder: Path) -> None:
    write_files(folder, "a", "b/c", size=100)
    write_files(folder, "empty", size=0)
    write_files(folder, "large", size=20 * MIB)
    write_folder_job(place, source="./photos", destination="s3://destination/up/")
    place.plan()
    output = applied(place)
    assert "verified 4: 1 by CRC64NVME, 2 by MD5, 1 by being empty" in " ".join(output.split())
    assert verified(place) == {"CRC64NVME": 1, "MD5": 2, "being empty": 1}
    assert "2 by MD5" in place.command.run("status", str(place.plan_file)).output


def test_downloads_are_verified_by_the_checksums_that_the_store_states(place: Workplace, folder: Path) -> None:
    client = place.server.client(request_checksum_calculation="when_required")
    for key, size, what in (
        ("stated", 100, {"ChecksumAlgorithm": "CRC64NVME"}),
        ("crc32", 100, {"ChecksumAlgorithm": "CRC32"}),
        ("silent", 100, {}),
        ("large", 20 * MIB, {"ChecksumAlgorithm": "CRC64NVME"}),
    ):
        client.put_object(Bucket="source", Key=key, Body=b"x" * size, **what)
    write_folder_job(place, source="s3://source/", destination="./photos")
    place.plan()
    output = applied(place)
    assert "verified 4: 2 by CRC64NVME, 1 by CRC32, 1 by MD5" in " ".join(output.split())
    assert verified(place) == {"CRC64NVME": 2, "CRC32": 1, "MD5": 1}


def test_copies_are_verified_by_equal_etags_and_deletes_are_no_writes(place: Workplace, folder: Path) -> None:
    place.seed("source", "a", "b")
    place.seed("destination", "gone")
    place.manifest(mode="mirror", delete={"extraneous": True}, guards={"max_delete": "100%"})
    place.plan()
    applied(place)
    assert (verified(place), place.keys("destination")) == ({"MD5": 2}, {"a", "b"})


def test_what_an_earlier_run_has_proved_is_in_the_journal(place: Workplace, folder: Path) -> None:
    write_files(folder, "a", "b", "c", "d")
    write_folder_job(place, source="./photos", destination="s3://destination/up/")
    place.plan()
    applied(place, "--limit", "3", exit_code=8)
    assert verified(place) == {"MD5": 3}
    ended = place.command.run("apply", str(place.plan_file), "--yes", "--json", "--executor", "processes")
    assert json.loads(ended.stdout.splitlines()[-1])["verified"] == {"MD5": 4}
    assert verified(place) == {"MD5": 4}


def test_what_is_known_only_by_a_look_after_a_lost_journal_counts_by_that(place: Workplace, folder: Path) -> None:
    write_files(folder, "a", "b")
    write_folder_job(place, source="./photos", destination="s3://destination/up/")
    place.plan()
    applied(place)
    place.journal.unlink()
    applied(place)
    assert verified(place) == {"ETag": 2}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_run_killed_in_the_middle_leaves_every_write_proved(place: Workplace, folder: Path, executor: str) -> None:
    write_files(folder, *(f"{number % 7}/{number:04}" for number in range(400)))
    run = {"executor": executor, "workers": 2, "in_flight": 8}
    write_folder_job(place, source="./photos", destination="s3://destination/up/", run=run)
    place.plan()
    place.server.set_mode(latency_s=0.01)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        while place.server.stats().answered("PutObject") < 100:
            assert started.is_running, started.wait().output
            time.sleep(0.02)
        started.kill()
    place.server.set_mode(latency_s=0)
    applied(place)
    found = verified(place)
    assert sum(found.values()) == 400
    assert set(found) <= {"MD5", "ETag"}, found
