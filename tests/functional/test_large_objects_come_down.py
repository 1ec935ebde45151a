"""Large objects come down in parts: ranges of one object, kept over an interruption, whole before they have a name."""

from __future__ import annotations

import os
import time
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
SLOW = RUN | {"in_flight": 4, "executor": "threads", "workers": 1}

pytestmark = BY_BOTH_ENGINES


@pytest.fixture
def folder(place: Workplace) -> Path:
    place.buckets("source")
    return place.folder / "films"


def put(place: Workplace, name: str, size: int) -> bytes:
    content = os.urandom(size)
    place.s3.put_object(Bucket="source", Key=name, Body=content, ChecksumAlgorithm="CRC64NVME")
    return content


def downloading(place: Workplace, *, run: dict[str, Any] = RUN) -> None:
    write_folder_job(place, source="s3://source/", destination="./films", run=run)
    place.plan()
    place.server.reset_stats()


def fetched(place: Workplace) -> int:
    """Return how many requests for objects, or parts of them, were answered well."""
    answers = place.server.stats().answers.get("GetObject", {})
    return sum(count for status, count in answers.items() if status in {"200", "206"})


def interrupted(place: Workplace, *, parts: int) -> None:
    """Kill an apply once so many parts were answered, and noted."""
    place.server.set_mode(latency_s=1)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        while fetched(place) < parts:
            assert started.is_running
            time.sleep(0.02)
        time.sleep(0.6)  # a report is due every quarter of a second
        started.kill()
    place.server.set_mode(latency_s=0)


def test_objects_around_the_threshold_and_the_size_of_parts_arrive_whole(place: Workplace, folder: Path) -> None:
    sizes = (PART - 1, PART, PART + 1, 2 * PART - 1, 2 * PART, 4 * PART + 7)
    made = {f"{size}": put(place, f"{size}", size) for size in sizes}
    downloading(place)
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": len(sizes)}), report
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == made
    assert fetched(place) == 1 + 1 + 2 + 2 + 2 + 5
    again = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
    assert not again.has_changes


def test_after_a_kill_only_the_missing_parts_are_fetched(place: Workplace, folder: Path) -> None:
    content = put(place, "film", _PARTS * PART)
    downloading(place, run=SLOW)
    interrupted(place, parts=_PARTS * 2 // 5)
    assert list(folder.glob("film")) == []
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    assert (folder / "film").read_bytes() == content
    assert _PARTS <= fetched(place) <= _PARTS + 2 * 4
    assert [path.name for path in folder.iterdir()] == ["film"]


def test_parts_that_did_not_stay_as_they_were_are_fetched_again(place: Workplace, folder: Path) -> None:
    """As after a power failure that took what was not synced yet."""
    content = put(place, "film", 12 * PART)
    downloading(place, run=SLOW)
    interrupted(place, parts=8)
    (staged,) = folder.rglob(".s3plan-tmp/*/*")
    with staged.open("r+b") as file:
        file.write(bytes(3 * PART))
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert (folder / "film").read_bytes() == content
    assert [path.name for path in folder.iterdir()] == ["film"]


def test_a_staged_file_that_is_gone_or_a_link_is_fetched_from_its_start(place: Workplace, folder: Path) -> None:
    content = put(place, "film", 12 * PART)
    downloading(place, run=SLOW)
    interrupted(place, parts=8)
    (staged,) = folder.rglob(".s3plan-tmp/*/*")
    outside = place.folder / "outside"
    staged.rename(outside)
    staged.symlink_to(outside)
    before = outside.read_bytes()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert (folder / "film").read_bytes() == content
    assert outside.read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["film"]


def test_an_object_that_is_replaced_between_two_parts_is_stale_and_leaves_nothing(
    place: Workplace, folder: Path
) -> None:
    put(place, "film", 20 * PART)
    place.seed("other", "film", size_bytes=20 * PART)
    downloading(place, run=SLOW)
    place.server.set_mode(latency_s=0.3)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        while fetched(place) < 4:
            assert started.is_running
            time.sleep(0.02)
        place.s3.copy_object(Bucket="source", Key="film", CopySource="other/film")
        ended = started.wait()
    assert ended.exit_code == 3, ended.output
    assert "download  film: source changed: etag" in place.command.run("failures", place.plan_file).stdout
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "kind",
    [FaultKind.RESET, FaultKind.SLOW_DOWN, FaultKind.CUT_BODY, FaultKind.RESET_MID_BODY, FaultKind.EMPTY],
)
def test_a_part_that_does_not_arrive_costs_no_other_part(place: Workplace, folder: Path, kind: FaultKind) -> None:
    content = put(place, "film", 6 * PART)
    downloading(place)
    place.server.faults([Fault(kind=kind, operation="GetObject", times=1, after_commit=True)])
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": 1}), report
    assert (folder / "film").read_bytes() == content
    assert place.server.stats().requested("GetObject") == 7


def test_a_flipped_bit_in_any_part_is_found_before_the_file_has_a_name(place: Workplace, folder: Path) -> None:
    content = put(place, "film", 6 * PART)
    downloading(place)
    place.server.faults([Fault(kind=FaultKind.FLIPPED_BIT, operation="GetObject", times=1)])
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": 1}), report
    assert (folder / "film").read_bytes() == content


def test_what_was_fetched_of_a_plan_that_is_discarded_is_removed(place: Workplace, folder: Path) -> None:
    put(place, "film", 12 * PART)
    downloading(place, run=SLOW)
    interrupted(place, parts=4)
    ended = place.command.run("discard", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert "upload" not in ended.stdout
    assert list(folder.iterdir()) == []


def test_a_file_in_the_place_of_a_large_one_is_kept(place: Workplace, folder: Path) -> None:
    put(place, "new", 2 * PART)
    put(place, "over", 2 * PART)
    folder.mkdir()
    (folder / "over").write_bytes(b"planned")
    downloading(place)
    for name in ("new", "over"):
        (folder / name).write_bytes(b"an edit")
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"stale": 2})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"new": b"an edit", "over": b"an edit"}
