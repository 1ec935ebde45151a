"""`mode: move` from a folder to a bucket and back: what was proved goes, edits and the rest stay."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from fakes.folder_jobs import write_folder_job
from fakes.workplace import Workplace, counted

BODIES = {"a": b"bytes of a", "b/c": b"bytes of c", "b/d/e": b"", "f": b"bytes of f"}


@pytest.fixture
def folder(place: Workplace) -> Path:
    place.buckets()
    made = place.folder / "exports"
    made.mkdir()
    return made


def fill(folder: Path, bodies: Mapping[str, bytes] = BODIES) -> None:
    for key, body in bodies.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def objects(place: Workplace, bucket: str) -> dict[str, bytes]:
    return {key: place.body(bucket, key) for key in place.keys(bucket)}


def test_files_are_gone_once_their_objects_are_proved_and_so_are_the_directories_that_this_empties(
    place: Workplace, folder: Path
) -> None:
    fill(folder)
    (folder / "empty").mkdir()
    (folder / "linked").mkdir()
    (folder / "linked/file").write_bytes(b"x")
    (folder / "linked/link").symlink_to(folder / "a")
    write_folder_job(place, source="./exports", destination="s3://destination/", mode="move")
    made = place.plan(probe=True)
    assert made.header.removals == 5
    report = place.apply()
    assert (report.state, counted(report)) == ("completed", {"done": 10}), report
    assert objects(place, "destination") == BODIES | {"linked/file": b"x"}
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) == ["empty", "linked", "linked/link"]
    assert not place.plan().has_changes


def test_a_file_that_changes_between_its_upload_and_its_removal_stays(place: Workplace, folder: Path) -> None:
    fill(folder)
    write_folder_job(place, source="./exports", destination="s3://destination/", mode="move")
    place.plan(probe=True)
    assert place.apply(limit=4).exit_code == 8
    assert files(folder) == BODIES
    (folder / "b/c").write_bytes(b"edited")
    os.utime(folder / "f", (1, 1))
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 6, "stale": 2}), report
    assert files(folder) == {"b/c": b"edited", "f": BODIES["f"]}
    assert objects(place, "destination") == BODIES


def test_objects_are_gone_once_their_files_are_proved_and_on_disk(place: Workplace, folder: Path) -> None:
    for key, body in BODIES.items():
        place.s3.put_object(Bucket="source", Key=key, Body=body)  # states a CRC32
    write_folder_job(place, source="s3://source/", destination="./exports", mode="move")
    place.plan(probe=True)
    report = place.apply()
    assert (report.state, counted(report)) == ("completed", {"done": 8}), report
    assert (files(folder), objects(place, "source")) == (BODIES, {})


def test_an_object_without_any_checksum_is_kept_where_its_file_cannot_be_proved(place: Workplace, folder: Path) -> None:
    client = place.server.client(request_checksum_calculation="when_required")
    client.put_object(Bucket="source", Key="stated", Body=b"x", ChecksumAlgorithm="CRC64NVME")
    client.put_object(Bucket="source", Key="silent", Body=b"x")
    run = {"verify": "none"}  # only what the answers prove
    write_folder_job(place, source="s3://source/", destination="./exports", mode="move", run=run)
    place.plan(probe=True)
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 3, "skipped": 1}), report
    assert (files(folder), objects(place, "source")) == ({"stated": b"x", "silent": b"x"}, {"silent": b"x"})


def test_files_that_are_objects_already_are_read_and_then_removed(place: Workplace, folder: Path) -> None:
    fill(folder)
    for key, body in BODIES.items():
        place.seed("destination", key, body=body.decode())
    write_folder_job(place, source="./exports", destination="s3://destination/", mode="move")
    made = place.plan(probe=True)
    assert {total.kind.value: total.objects for total in made.header.jobs[0].totals} == {"same": 4}
    report = place.apply()
    assert (report.state, counted(report)) == ("completed", {"already-done": 4, "done": 4}), report
    assert (files(folder), objects(place, "destination")) == ({}, BODIES)


def test_objects_that_are_files_already_are_compared_with_them_and_then_removed(place: Workplace, folder: Path) -> None:
    fill(folder)
    for key, body in BODIES.items():
        place.seed("source", key, body=body.decode())
    write_folder_job(place, source="s3://source/", destination="./exports", mode="move")
    made = place.plan(probe=True)
    assert {total.kind.value: total.objects for total in made.header.jobs[0].totals} == {"same": 4}
    (folder / "b/d/e").unlink()
    (folder / "f").write_bytes(b"edited")
    report = place.apply()
    assert (report.exit_code, counted(report)) == (
        3,
        {"already-done": 2, "done": 2, "stale": 2, "skipped": 2},
    ), report
    assert objects(place, "source") == {key: BODIES[key] for key in ("b/d/e", "f")}
    assert files(folder) == {"a": BODIES["a"], "b/c": BODIES["b/c"], "f": b"edited"}
