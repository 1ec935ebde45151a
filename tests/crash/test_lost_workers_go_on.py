"""A worker of a killed apply goes on after the next one, or beside it: no file is ever half, and no edit is lost."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from fakes.child_processes import children_of, is_alive, kill
from fakes.folder_jobs import files_below, write_files, write_folder_job
from fakes.torture import TORTURE
from fakes.workplace import MIB, Workplace

OLD, EDIT = b"the old bytes", b"somebody's edit"
SMALL, OVER, LARGE = tuple(f"small/{at:02}" for at in range(40)), ("over/0", "over/1"), ("large/0", "large/1")
RUN = {"workers": 2, "in_flight": 4, "multipart_threshold": "5MiB", "part_size": "5MiB"}
EXECUTORS = pytest.mark.parametrize("executor", ["processes", "dask"] if TORTURE else ["processes"])
_PATIENCE_S = 30


@pytest.fixture
def made(place: Workplace) -> dict[str, bytes]:
    """What is to stand in the folder; a plan of that."""
    place.buckets("source")
    sizes = dict.fromkeys(SMALL, 1000) | dict.fromkeys(OVER, 2 * MIB) | dict.fromkeys(LARGE, 11 * MIB)
    wanted = {key: os.urandom(size) for key, size in sizes.items()}
    for key, content in wanted.items():
        place.s3.put_object(Bucket="source", Key=key, Body=content, ChecksumAlgorithm="CRC64NVME")
    write_files(place.folder / "photos", *OVER, content=OLD)
    write_folder_job(place, source="s3://source/", destination="./photos", run=RUN)
    place.plan()
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.15)
    return wanted


def wait_for_objects(place: Workplace, *, objects: int) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while place.server.stats().answered("GetObject") < objects:
        assert time.monotonic() < until_s
        time.sleep(0.01)


def visible(folder: Path) -> dict[str, bytes]:
    """Return what stands under its name; files may come and go meanwhile."""
    found: dict[str, bytes] = {}
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".s3plan-tmp"]
        for path in (Path(root, name) for name in names):
            with suppress(FileNotFoundError):
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def assert_all_whole(folder: Path, wanted: dict[str, bytes]) -> None:
    """Every name has the old bytes, all of the new ones, or an edit."""
    for key, content in visible(folder).items():
        assert content in (wanted[key], OLD, EDIT), f"{key} is neither old nor new: {len(content)} bytes"


def edited(folder: Path) -> tuple[str, ...]:
    """Have somebody edit files in all ways that there are."""
    keys = (SMALL[0], SMALL[-1], OVER[1], LARGE[1])
    for key in keys[:2]:
        (folder / key).write_bytes(EDIT)
    for key in keys[2:]:
        write_files(folder, "edit", content=EDIT)
        (folder / "edit").rename(folder / key)
    return keys


def watched(folder: Path, wanted: dict[str, bytes], workers: list[int], *, for_s: float) -> None:
    """Let the lost workers go on; look at the folder until they are gone, or that long."""
    for worker in workers:
        kill(worker, signal.SIGCONT)
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s and any(is_alive(worker) for worker in workers):
        assert_all_whole(folder, wanted)
        time.sleep(0.05)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("objects", [3, 8, 30])
@EXECUTORS
def test_workers_that_go_on_after_the_next_apply_change_nothing(
    place: Workplace, made: dict[str, bytes], objects: int, executor: str
) -> None:
    folder = place.folder / "photos"
    with place.command.start("apply", place.plan_file, "--yes", "--executor", executor) as started:
        wait_for_objects(place, objects=objects)
        workers = children_of(started.pid)
        try:
            for worker in workers:
                kill(worker, signal.SIGSTOP)
            assert started.kill().exit_code == -signal.SIGKILL
            assert len(workers) >= 2
            place.server.set_mode(latency_s=0)
            ended = place.command.run("apply", place.plan_file, "--yes")
            assert ended.exit_code == 0, ended.output
            assert files_below(folder) == made
            keys = edited(folder)
            watched(folder, made, workers, for_s=_PATIENCE_S)
            assert not any(is_alive(worker) for worker in workers)
        finally:
            for worker in workers:
                kill(worker, signal.SIGKILL)
    assert visible(folder) == made | dict.fromkeys(keys, EDIT)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("objects", [3, 8, 30])
@EXECUTORS
def test_workers_that_go_on_beside_the_next_apply_leave_every_file_whole(
    place: Workplace, made: dict[str, bytes], objects: int, executor: str
) -> None:
    folder = place.folder / "photos"
    with place.command.start("apply", place.plan_file, "--yes", "--executor", executor) as lost:
        wait_for_objects(place, objects=objects)
        workers = children_of(lost.pid)
        try:
            for worker in workers:
                kill(worker, signal.SIGSTOP)
            assert lost.kill().exit_code == -signal.SIGKILL
            with place.command.start("apply", place.plan_file, "--yes") as next_one:
                wait_for_objects(place, objects=place.server.stats().answered("GetObject") + 4)
                for worker in workers:
                    kill(worker, signal.SIGCONT)
                while next_one.is_running:
                    assert_all_whole(folder, made)
                    time.sleep(0.02)
                ended = next_one.wait()
        finally:
            for worker in workers:
                kill(worker, signal.SIGKILL)
    assert ended.exit_code == 0, ended.output
    assert_all_whole(folder, made)
    assert visible(folder) == made
