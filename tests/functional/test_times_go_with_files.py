"""`preserve: [mtime]`: the times of files go into a bucket and come back, read by boto3 and the standard library."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import s3plan
from fakes.folder_jobs import files_below, write_files, write_folder_job
from fakes.workplace import BY_BOTH_ENGINES, Workplace

MIB = 1 << 20
TIMES = {
    "now and then": 1_700_000_000_123_456_789,
    "whole": 1_600_000_000_000_000_000,
    "before 1970": -1_500_000_000,
    "to come": 4_102_444_800_000_000_001,
    "in parts": 1_500_000_000_000_000_001,
}
PRESERVING = {"preserve": "mtime", "run": {"multipart_threshold": "5MiB", "part_size": "5MiB"}}

pytestmark = BY_BOTH_ENGINES


@pytest.fixture
def photos(place: Workplace) -> Path:
    place.buckets("source")
    folder = place.folder / "photos"
    write_files(folder, *TIMES)
    write_files(folder, "in parts", size=6 * MIB)
    for name, mtime_ns in TIMES.items():
        os.utime(folder / name, ns=(mtime_ns, mtime_ns))
    return folder


def carry_out(place: Workplace, *, is_known: bool = True) -> None:
    place.plan()
    assert place.apply().exit_code == 0
    assert not is_known or not s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan").has_changes


def times_below(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.mark.usefixtures("photos")
def test_the_times_of_files_go_up_and_come_back_to_the_nanosecond(place: Workplace, photos: Path) -> None:
    write_folder_job(place, source="./photos", destination="s3://source/up/", **PRESERVING)
    carry_out(place)
    kept = {name: place.s3.head_object(Bucket="source", Key=f"up/{name}")["Metadata"]["mtime"] for name in TIMES}
    assert kept == {
        "now and then": "1700000000.123456789",
        "whole": "1600000000",
        "before 1970": "-1.5",
        "to come": "4102444800.000000001",
        "in parts": "1500000000.000000001",
    }
    write_folder_job(place, source="s3://source/up/", destination="./back", **PRESERVING)
    carry_out(place, is_known=False)
    assert files_below(place.folder / "back") == files_below(photos)
    assert times_below(place.folder / "back") == TIMES


@pytest.mark.usefixtures("photos")
def test_without_the_word_nothing_is_kept_and_a_file_gets_the_time_of_its_object(place: Workplace) -> None:
    write_folder_job(place, source="./photos", destination="s3://source/up/")
    carry_out(place)
    assert "mtime" not in place.s3.head_object(Bucket="source", Key="up/whole")["Metadata"]
    write_folder_job(place, source="s3://source/up/", destination="./back")
    carry_out(place)
    listed = place.s3.list_objects_v2(Bucket="source", Prefix="up/")["Contents"]
    assert {name: mtime_ns // 10**9 for name, mtime_ns in times_below(place.folder / "back").items()} == {
        each["Key"].removeprefix("up/"): int(each["LastModified"].timestamp()) for each in listed
    }


@pytest.mark.parametrize("said", [None, "yesterday", "99999999999999999999", "1e400"])
def test_an_object_that_keeps_no_time_gives_its_own(place: Workplace, said: str | None) -> None:
    place.buckets("source")
    metadata = {} if said is None else {"mtime": said}
    place.s3.put_object(Bucket="source", Key="up/x", Body=b"bytes", Metadata=metadata)
    write_folder_job(place, source="s3://source/up/", destination="./back", preserve=["mtime"])
    carry_out(place)
    modified = place.s3.head_object(Bucket="source", Key="up/x")["LastModified"]
    assert times_below(place.folder / "back")["x"] // 10**9 == int(modified.timestamp())


def test_a_file_that_was_only_touched_is_not_sent_and_the_plan_says_so_each_time(
    place: Workplace, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rules() -> dict[str, int]:
        again = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
        assert not again.has_changes
        return {total.rule: total.objects for total in again.header.jobs[0].totals}

    write_folder_job(place, source="./photos", destination="s3://source/up/", **PRESERVING)
    carry_out(place)
    known = {"neither has changed since they were the same": 5}
    assert rules() == known
    for name in ("whole", "in parts"):
        os.utime(photos / name, ns=(1, 1_400_000_000_000_000_000))
    told = {"neither has changed since they were the same": 3, "mtime differs, not sent": 2}
    assert rules() == told
    with monkeypatch.context() as unread:
        unread.setattr("s3plan.storage.folder.engine.hash_file", None)
        assert rules() == told
    shown = place.command.run("show", "again.s3plan").stdout
    assert "mtime differs, not sent" in shown
    for name in ("whole", "in parts"):
        os.utime(photos / name, ns=(1, TIMES[name]))
    assert "mtime differs, not sent" not in rules()
    assert rules() == known
