"""A file that stands there already, whoever wrote it, is on disk before the object is removed of which it is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.command_host import Circumstances, CommandHost, HostedEnd
from fakes.disk_shim import Change, DiskFault, compile_shim, read_log, why_not
from fakes.folder_jobs import write_folder_job
from fakes.power_cuts import Kept, Standing, UnsyncedDisk
from fakes.workplace import Workplace

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"a disk that is watched {why_not()}")

BODIES = {"new": b"bytes of new", "same": b"bytes of same"}


@dataclass(frozen=True, slots=True)
class MovedDown:
    """A move of two objects to a watched folder, which has one of them by a write that nobody has synced."""

    place: Workplace
    host: CommandHost

    @property
    def folder(self) -> Path:
        return self.place.folder / "files"

    def set_back(self) -> UnsyncedDisk:
        """Have everything as it was before the first run; return the disk, on which the file is not certain yet."""
        for key, body in BODIES.items():
            self.place.s3.put_object(Bucket="source", Key=key, Body=body)
            (self.folder / key).unlink(missing_ok=True)
        for path in self.place.plan_file.parent.glob("job.s3run*"):
            path.unlink()
        disk = UnsyncedDisk(self.folder)
        same = self.folder / "same"
        same.write_bytes(BODIES["same"])
        os.utime(same, (1_000, 1_000))
        for kind, data in (("c", b""), ("w", BODIES["same"])):
            disk.take(Change(kind, str(same), 0, data))
        return disk

    def plan(self, **sections: object) -> None:
        destination = {"url": "./files", "stamp": "size-mtime"}
        more = {**sections, "mode": "move", "compare": ["size"], "run": {"executor": "serial"}}
        write_folder_job(self.place, source="s3://source/", destination=destination, **more)
        self.place.plan(probe=True)

    def apply(self, disk: UnsyncedDisk, *, fault: DiskFault | None = None) -> tuple[HostedEnd, list[Change]]:
        """Run it; the disk has followed."""
        log = self.place.folder / "log"
        log.unlink(missing_ok=True)
        words = ("apply", self.place.plan_file, "--yes")
        ended = self.host.run(*words, circumstances=Circumstances(disk_fault=fault, disk_log=str(log)))
        changes = list(read_log(log))
        for change in changes:
            disk.take(change)
        return ended, changes


@pytest.fixture
def moved(place: Workplace) -> Iterator[MovedDown]:
    place.buckets("source")
    (place.folder / "files").mkdir()
    shim = compile_shim(place.folder)
    with CommandHost(place.folder, place.command.environment, watched=place.folder / "files", shim=shim) as host:
        moved = MovedDown(place, host)
        moved.set_back()
        moved.plan()
        yield moved


def test_after_a_power_cut_each_object_is_on_disk_whose_source_is_removed(moved: MovedDown) -> None:
    ended, changes = moved.apply(disk := moved.set_back())
    assert ended.ended.exit_code == 0, ended.ended.output
    assert_on_disk(moved, disk)
    named = next(at for at, change in enumerate(changes) if change.data.endswith(b"/files/new"))
    killed, _ = moved.apply(disk := moved.set_back(), fault=DiskFault(kill_at=named + 2))
    assert killed.was_killed
    assert (moved.folder / "new").read_bytes() == BODIES["new"]
    again, _ = moved.apply(disk)
    assert again.ended.exit_code == 0, again.ended.output
    assert_on_disk(moved, disk)


def test_so_is_a_file_that_nobody_has_to_fetch(moved: MovedDown) -> None:
    moved.set_back()
    moved.plan(filters={"include": ["same"]})
    ended, _ = moved.apply(disk := moved.set_back())
    assert ended.ended.exit_code == 0, ended.ended.output
    assert moved.place.keys("source") == {"new"}, ended.ended.output
    assert disk.after_a_cut(Kept.NOTHING)[str(moved.folder / "same")].content == BODIES["same"]


def assert_on_disk(moved: MovedDown, disk: UnsyncedDisk) -> None:
    assert moved.place.keys("source") == set()
    found = disk.after_a_cut(Kept.NOTHING)
    for key, body in BODIES.items():
        standing = found.get(str(moved.folder / key), Standing(None, None))
        assert standing.content == body, f"{key} is lost by a power cut"
