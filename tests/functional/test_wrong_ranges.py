"""A store, or what stands before it, answers a read with other bytes than those that were asked for.

Asked for again, from a clean part; if it never gets better the object fails, and no file has the bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import pytest
from fakes.folder_jobs import files_below, write_folder_job
from fakes.quirky_store import Asked, Quirk, Said, quirky_store
from fakes.workplace import BY_BOTH_ENGINES, MIB, Workplace, counted
from fakes.wrong_ranges import of_another_range, whole_instead

RUN = {"multipart_threshold": "5MiB", "part_size": "5MiB", "retries": {"attempts": 2, "initial": "1ms", "max": "2ms"}}
SIZES = {"small": 1000, "in pieces": 3 * MIB, "in parts": 11 * MIB}
Spoil = Callable[[Said, bytes], Said]

pytestmark = BY_BOTH_ENGINES


def overlong(said: Said, _: bytes) -> Said:
    return said.with_body(said.body + b"surplus")


def truncated(said: Said, _: bytes) -> Said:
    return said.with_body(said.body[:-1])


def nothing(said: Said, _: bytes) -> Said:
    return said.with_body(b"")


def of_other_bytes(said: Said, _: bytes) -> Said:
    return said.with_body(bytes([said.body[0] ^ 1]) + said.body[1:])


CASES = [
    *((spoil, size) for spoil in (overlong, truncated, nothing, of_other_bytes) for size in SIZES),
    *((spoil, "in parts") for spoil in (of_another_range, whole_instead)),
]


@pytest.fixture
def folder(place: Workplace) -> Path:
    place.buckets("source")
    return place.folder / "photos"


def spoiling(spoil: Spoil, whole: bytes, *, times: int) -> Quirk:
    """Rewrite the answers to so many reads of the object."""
    lock, left = Lock(), [times]

    def quirk(asked: Asked, said: Said) -> Said:
        if asked.method != "GET" or not asked.path.endswith("/film") or said.status not in {200, 206}:
            return said
        with lock:
            left[0] -= 1
            return spoil(said, whole) if left[0] >= 0 else said

    return quirk


def planned(place: Workplace, endpoint: str, *, size: str) -> bytes:
    content = os.urandom(SIZES[size])
    place.s3.put_object(Bucket="source", Key="film", Body=content, ChecksumAlgorithm="CRC64NVME")
    connections = {"store": {"endpoint": endpoint, "region": "us-east-1", "engine": place.engine}}
    write_folder_job(place, source="s3://source/", destination="./photos", connections=connections, run=RUN)
    place.plan()
    return content


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("spoil", "size"), CASES, ids=lambda given: getattr(given, "__name__", given))
def test_other_bytes_than_those_asked_for_are_asked_for_again(
    place: Workplace, folder: Path, spoil: Spoil, size: str
) -> None:
    with quirky_store(place.server.endpoint) as store:
        content = planned(place, store.endpoint, size=size)
        store.quirk = spoiling(spoil, content, times=1)
        report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": 1}), report
    assert files_below(folder) == {"film": content}


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("spoil", "size"), CASES, ids=lambda given: getattr(given, "__name__", given))
def test_a_store_that_always_answers_with_other_bytes_makes_no_file(
    place: Workplace, folder: Path, spoil: Spoil, size: str
) -> None:
    with quirky_store(place.server.endpoint) as store:
        content = planned(place, store.endpoint, size=size)
        store.quirk = spoiling(spoil, content, times=1_000)
        report = place.apply()
    said = place.command.run("failures", place.plan_file).stdout
    assert (report.exit_code, counted(report)) == (9 if spoil is of_other_bytes else 3, {"failed": 1}), said
    assert {key for key in files_below(folder) if not key.startswith(".s3plan-tmp/")} == set()
    assert "download  film: " in said
