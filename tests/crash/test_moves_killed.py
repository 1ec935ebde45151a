"""SIGKILL in the middle of a move: at every moment each object is whole at its source or its destination."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.command_host import Circumstances, CommandHost
from fakes.folder_jobs import files_below, write_folder_job
from fakes.s3server import Fault, FaultKind
from fakes.torture import in_short
from fakes.workplace import MIB, PROBE, Workplace

WAYS = ("copy", "upload", "download")
SMALL = 12
_MOST_POINTS = 500
_PART = b"0123456789abcdef" * (MIB // 4)
_SAME = {"same/1": b"at both sides", "same/2": b"likewise"}


def bodies() -> dict[str, bytes]:
    """Small objects, an empty one, one in parts, and two that are at both sides from the beginning: all different."""
    small = {f"{number % 3}/{number:02}": f"bytes of {number}".encode() for number in range(SMALL)}
    return small | {"empty": b"", "large": _PART + _PART[:100]} | _SAME


@dataclass(frozen=True, slots=True)
class MovedPlace:
    """A move by one way, planned once; set back and run again and again."""

    place: Workplace
    way: str

    @property
    def folder(self) -> Path:
        return self.place.folder / "exports"

    def plan(self) -> None:
        self._clear()
        self.seed()
        source = "./exports" if self.way == "upload" else "s3://source/in/"
        destination = "./exports" if self.way == "download" else "s3://destination/out/"
        run = {"in_flight": 4, "workers": 2, "multipart_threshold": "5MiB", "retries": {"initial": "1ms", "max": "1ms"}}
        stamp = {"stamp": "size-mtime"}  # a file that is written anew for the next kill has another inode
        ends = {"source": source, "destination": destination}
        places = {side: {"url": url, **stamp} if url.startswith(".") else url for side, url in ends.items()}
        write_folder_job(self.place, **places, mode="move", run=run)
        self.place.plan(probe=True)

    def set_back(self) -> None:
        """Have everything as it was before the first run of the plan."""
        self._clear()
        self.seed()
        for name in ("job.s3run", "job.s3run.lock", "job.s3run-journal"):
            (self.place.plan_file.parent / name).unlink(missing_ok=True)

    def seed(self) -> None:
        self.place.buckets()
        for key, body in bodies().items():
            if self.way == "upload":
                self._write(key, body)
            else:
                self.place.s3.put_object(Bucket="source", Key=f"in/{key}", Body=body)
        for key, body in _SAME.items():
            if self.way == "download":
                self._write(key, body)
            else:
                self.place.s3.put_object(Bucket="destination", Key=f"out/{key}", Body=body)

    def _write(self, key: str, body: bytes) -> None:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        os.utime(path, (1_000, 1_000))

    def _clear(self) -> None:
        self.place.server.wipe()
        self.folder.mkdir(exist_ok=True)
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def at_source(self) -> dict[str, bytes]:
        return self._files() if self.way == "upload" else self._objects("source", "in/")

    def at_destination(self) -> dict[str, bytes]:
        return self._files() if self.way == "download" else self._objects("destination", "out/")

    def _files(self) -> dict[str, bytes]:
        found = files_below(self.folder)
        return {key: body for key, body in found.items() if not key.startswith(".s3plan-tmp/")}

    def _objects(self, bucket: str, prefix: str) -> dict[str, bytes]:
        keys = [key for key in self.place.keys(bucket, prefix) if PROBE not in key]
        return {key.removeprefix(prefix): self.place.body(bucket, key) for key in keys}

    def assert_nothing_lost(self, where: object) -> int:
        """Each object is whole at one of the two sides at least; return how many are at the source no more."""
        source, destination = self.at_source(), self.at_destination()
        for key, body in bodies().items():
            assert body in (source.get(key), destination.get(key)), f"{where}: {key} is lost"
            assert source.get(key, body) == destination.get(key, body) == body, f"{where}: {key} is not whole"
        return len(bodies()) - len(source)


@pytest.fixture(params=WAYS)
def moved(place: Workplace, request: pytest.FixtureRequest) -> MovedPlace:
    moved = MovedPlace(place, request.param)
    moved.plan()
    return moved


@pytest.fixture
def host(place: Workplace) -> Iterator[CommandHost]:
    with CommandHost(place.folder, place.command.environment, watched=place.plan_file.parent, shim=None) as host:
        yield host


@pytest.mark.sampled(2)
@pytest.mark.parametrize("before", [False, True], ids=["after", "before"])
def test_killed_at_any_commit_of_the_journal_nothing_is_lost_and_the_next_apply_moves_the_rest(
    moved: MovedPlace, host: CommandHost, before: bool
) -> None:
    words = ("apply", moved.place.plan_file, "--yes")
    kills, after_removals = 0, 0
    for number in range(1, _MOST_POINTS):
        point = Circumstances(killed_at_commit=number, before_commit=before, flush_every=1)
        moved.set_back()
        ran = host.run(*words, circumstances=point)
        gone = moved.assert_nothing_lost(point)
        if not ran.was_killed:
            assert ran.ended.exit_code == 0, ran.ended.output
            break
        kills += 1
        after_removals += gone > 0
        ended = host.run(*words).ended
        assert ended.exit_code == 0, f"{point}: {ended.output}"
        assert (moved.at_source(), moved.at_destination()) == ({}, bodies()), point
    assert kills >= 4
    assert after_removals >= 1, "no kill came once sources were removed"


@pytest.mark.sampled(2)
@pytest.mark.parametrize("after_commit", [False, True], ids=["before", "after"])
def test_killed_at_any_request_nothing_is_lost_and_the_next_apply_moves_the_rest(
    moved: MovedPlace, after_commit: bool
) -> None:
    """Before the store has acted, and once it has and nobody was told."""
    place = moved.place
    place.server.reset_stats()
    with place.command.start("apply", place.plan_file, "--yes") as started:
        assert started.wait().exit_code == 0
    requests = len(place.server.log())
    for number in in_short(range(requests), at_most=5, turn=3 * after_commit):
        where = f"request {number + 1} of {requests}"
        moved.set_back()
        place.server.faults([Fault(kind=FaultKind.STALL, after=number, after_commit=after_commit)])
        with place.command.start("apply", place.plan_file, "--yes") as started:
            until_s = time.monotonic() + 30
            while not any(place.server.fired()) and started.is_running:
                assert time.monotonic() < until_s, where
                time.sleep(0.01)
            started.kill()
        place.server.clear_faults()
        moved.assert_nothing_lost(where)
        ended = place.command.run("apply", place.plan_file, "--yes")
        assert ended.exit_code == 0, f"{where}: {ended.output}"
        assert (moved.at_source(), moved.at_destination()) == ({}, bodies()), where


@pytest.mark.sampled(1)
@pytest.mark.parametrize("done", [3, 16, 20, 31])
def test_a_journal_lost_half_way_loses_no_object(moved: MovedPlace, done: int) -> None:
    moved.place.apply(limit=done)
    moved.place.journal.unlink()
    ended = moved.place.command.run("apply", moved.place.plan_file, "--yes")
    moved.assert_nothing_lost(ended.output)
    assert ended.exit_code in {0, 3}, ended.output
    assert set(bodies()) <= set(moved.at_destination())
    assert moved.place.command.run("plan", "job.yaml").exit_code == 0
    moved.place.apply()
    assert (moved.at_source(), moved.at_destination()) == ({}, bodies())
