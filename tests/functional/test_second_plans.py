"""A second plan of what has not changed is empty, asks for listings only and reads no file; and sees every change."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import s3plan
from fakes.folder_jobs import files_below, write_files, write_folder_job
from fakes.workplace import BY_BOTH_ENGINES, Workplace
from s3plan.app.requests import PlanMade

MIB = 1 << 20
UP = "s3://source/up/"
LISTINGS = {"ListObjectsV2", "HeadBucket", "GetBucketEncryption"}
IN_PARTS = {"run": {"multipart_threshold": "5MiB", "part_size": "5MiB"}}
NAMES = ("a", "b/c", "d", "large")
OLD_S = 1_600_000_000
KNOWN = "neither has changed since they were the same"

pytestmark = BY_BOTH_ENGINES


@pytest.fixture
def photos(place: Workplace) -> Path:
    """A folder whose files are old, and were put there just now: nothing can be told by their times alone."""
    place.buckets("source")
    folder = place.folder / "photos"
    write_files(folder, *NAMES)
    write_files(folder, "large", size=6 * MIB)
    for at, name in enumerate(NAMES):
        os.utime(folder / name, (OLD_S + at, OLD_S + at))
    return folder


def plan(place: Workplace) -> PlanMade:
    return s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")


def carry_out(place: Workplace) -> None:
    place.plan()
    assert place.apply().exit_code == 0


def rules(made: PlanMade) -> dict[str, int]:
    return {total.rule: total.objects for total in made.header.jobs[0].totals}


def forget_everything() -> None:
    shutil.rmtree(Path(os.environ["XDG_CACHE_HOME"]) / "s3plan" / "known-files")


def operations(place: Workplace, since: int) -> set[str]:
    return {entry.operation for entry in place.server.log()[since:]}


JOBS: list[dict[str, Any]] = [{}, {"preserve": "mtime"}, {"overwrite": "if-newer", "preserve": "mtime"}]


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize("sections", JOBS, ids=["plain", "with times", "by time"])
def test_up_and_down_a_second_plan_asks_for_listings_only_and_is_empty_also_when_all_is_forgotten(
    place: Workplace, sections: dict[str, Any]
) -> None:
    for source, destination in (("./photos", UP), (UP, "./back")):
        write_folder_job(place, source=source, destination=destination, **sections, **IN_PARTS)
        carry_out(place)
        before = len(place.server.log())
        made = plan(place)
        assert (made.has_changes, operations(place, before) - LISTINGS) == (False, set()), rules(made)
        forget_everything()
        made = plan(place)
        assert not made.has_changes, rules(made)
        if "overwrite" not in sections:  # there only times are compared, which tells nothing of bytes
            before = len(place.server.log())
            made = plan(place)  # what was found out anew is known again
            assert (made.has_changes, operations(place, before) - LISTINGS) == (False, set()), rules(made)


def test_any_change_on_either_side_is_seen_whatever_is_known(place: Workplace, photos: Path) -> None:
    write_folder_job(place, source="./photos", destination=UP, **IN_PARTS)
    carry_out(place)
    assert rules(plan(place)) == {KNOWN: 4}
    (photos / "a").write_bytes(os.urandom(100))  # edited, with its old time put back
    os.utime(photos / "a", (OLD_S, OLD_S))
    (photos / "other").write_bytes((photos / "b/c").read_bytes())  # replaced by a file with the same bytes
    (photos / "other").replace(photos / "b/c")
    place.s3.put_object(Bucket="source", Key="up/d", Body=os.urandom(100))
    content = bytearray((photos / "large").read_bytes())
    content[3 * MIB] ^= 1
    (photos / "large").write_bytes(content)
    os.utime(photos / "large", (OLD_S + 3, OLD_S + 3))
    made = plan(place)
    assert rules(made) == {"MD5 differs": 2, "same MD5": 1, "CRC64NVME differs": 1}
    carry_out(place)
    assert not plan(place).has_changes
    for name, body in files_below(photos).items():
        assert place.body("source", f"up/{name}") == body


def test_a_checksum_reads_every_file_and_sees_what_times_hide(place: Workplace, photos: Path) -> None:
    write_folder_job(place, source="./photos", destination=UP, compare="checksum", **IN_PARTS)
    carry_out(place)
    assert set(rules(plan(place))) == {"same MD5", "same CRC64NVME"}
    place.server.set_mode(clock_offset_s=300)
    other = bytearray((photos / "large").read_bytes())
    other[0] ^= 1
    place.s3.put_object(Bucket="source", Key="up/large", Body=bytes(other))
    place.server.set_mode(clock_offset_s=0)
    assert rules(plan(place)) == {"same MD5": 3, "MD5 differs": 1}
    write_folder_job(place, source="./photos", destination=UP, compare=["size", "mtime"], **IN_PARTS)
    assert not plan(place).has_changes


@pytest.mark.parametrize("part_mib", [5, 8])
def test_what_another_tool_sent_in_parts_is_known_by_their_sums(place: Workplace, photos: Path, part_mib: int) -> None:
    content = (photos / "large").read_bytes() * 2
    (photos / "large").write_bytes(content)
    upload = place.s3.create_multipart_upload(Bucket="source", Key="up/large")["UploadId"]
    at = {"Bucket": "source", "Key": "up/large", "UploadId": upload}
    pieces = [content[first : first + part_mib * MIB] for first in range(0, len(content), part_mib * MIB)]
    parts = [
        {"PartNumber": number, "ETag": place.s3.upload_part(**at, PartNumber=number, Body=piece)["ETag"]}
        for number, piece in enumerate(pieces, start=1)
    ]
    place.s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    later_s = time.time() + 3600  # newer than the object: without the sums it would go up again
    os.utime(photos / "large", (later_s, later_s))
    write_folder_job(place, source="./photos", destination=UP, filters={"include": ["large"]})
    made = plan(place)
    assert rules(made) in ({"same MD5 of the parts": 1}, {"same CRC64NVME": 1}), rules(made)


@pytest.mark.usefixtures("photos")
def test_a_program_that_plans_again_and_again_keeps_no_threads(place: Workplace) -> None:
    others = set(threading.enumerate())  # what another test has left waiting for a store that never answers
    write_folder_job(place, source="./photos", destination=UP)
    carry_out(place)
    forget_everything()
    plan(place)
    deadline_s = time.monotonic() + 30
    while any(thread.name.startswith("s3plan-evidence") for thread in set(threading.enumerate()) - others):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
