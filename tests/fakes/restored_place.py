"""A small download of every kind of action, plan and journal beside the folder, that can be set back and run again."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fakes.command_host import Circumstances, CommandHost, HostedEnd
from fakes.disk_shim import DiskFault, compile_shim
from fakes.folder_jobs import MIRRORS_ALL, files_below, write_folder_job
from fakes.workplace import MIB, Workplace

NEW = ("new/0", "new/1", "new/2", "new/deep/3", "a")
OVERWRITTEN = ("over/0", "over/1", "b")
EXTRANEOUS = ("gone/0", "gone/1", "c")
PIECES = "pieces"  # too large for memory, in one request
LARGE = "large"  # in two parts
KEPT = "kept"
WRITES = (*NEW, *OVERWRITTEN, PIECES, LARGE)
ACTIONS = len(WRITES) + len(EXTRANEOUS)
_OLD = 1_000_000_000  # seconds since 1970
_RUN = {
    "executor": "serial",
    "in_flight": 4,
    "multipart_threshold": "5MiB",
    "part_size": "5MiB",
    "retries": {"attempts": 3, "initial": "1ms", "max": "10ms"},
}


@dataclass
class RestoredPlace:
    """`disk` is the folder whose changes count: plan and journal lie in it, and the restored folder.

    `old` and `wanted` are what stands in that one at first and at last.
    """

    place: Workplace
    host: CommandHost
    old: dict[str, bytes] = field(init=False)
    wanted: dict[str, bytes] = field(init=False)

    def __post_init__(self) -> None:
        chance = random.Random(5)
        sizes = dict.fromkeys((*NEW, *OVERWRITTEN, KEPT), 1000) | {PIECES: MIB + 1, LARGE: 5 * MIB + 7}
        self.wanted = {key: chance.randbytes(size) for key, size in sizes.items()}
        self.old = {key: b"old " + key.encode() for key in (*OVERWRITTEN, *EXTRANEOUS)} | {KEPT: self.wanted[KEPT]}
        for key, body in self.wanted.items():
            self.place.s3.put_object(Bucket="source", Key=key, Body=body, ChecksumAlgorithm="CRC64NVME")
        self.folder.mkdir(parents=True)
        self.set_back()
        # By the short one a folder may be laid out anew after a power cut.
        destination = {"url": "./disk/files", "stamp": "size-mtime"}
        write_folder_job(self.place, source="s3://source/", destination=destination, **MIRRORS_ALL, run=_RUN)
        ended = self.run("plan", self.place.folder / "job.yaml", "-o", self.plan_file).ended
        assert ended.exit_code == 0, ended.output

    @property
    def disk(self) -> Path:
        return self.place.folder / "disk"

    @property
    def folder(self) -> Path:
        return self.disk / "files"

    @property
    def plan_file(self) -> Path:
        return self.disk / "job.s3plan"

    @property
    def found(self) -> dict[str, bytes]:
        """What stands in the folder, without what is staged."""
        return {key: body for key, body in files_below(self.folder).items() if not key.startswith(".s3plan-tmp/")}

    @property
    def has_nothing_staged(self) -> bool:
        return not (self.folder / ".s3plan-tmp").exists()

    def set_back(self) -> None:
        """Have everything as it was before the first run of the plan."""
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in self.disk.glob("job.s3run*"):
            path.unlink()
        for key, body in self.old.items():
            path = self.folder / key
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(body)
            os.utime(path, (_OLD, _OLD))

    def run(
        self,
        *words: str | Path,
        fault: DiskFault | None = None,
        log: Path | None = None,
        flush_every: int | None = None,
    ) -> HostedEnd:
        """Run one command."""
        circumstances = Circumstances(
            disk_fault=fault,
            disk_log=None if log is None else str(log),
            flush_every=flush_every,
        )
        return self.host.run(*words, circumstances=circumstances)

    def apply(
        self, *, fault: DiskFault | None = None, log: Path | None = None, flush_every: int | None = None
    ) -> HostedEnd:
        words = ("apply", self.plan_file, "--yes", "--json")
        return self.run(*words, fault=fault, log=log, flush_every=flush_every)

    def assert_each_is_old_or_new(self, where: object) -> None:
        """Every file is the one that stood there or the one that is to, whole; what is to stay is there."""
        found = self.found
        for key, body in found.items():
            assert body in (self.old.get(key), self.wanted.get(key)), f"{where}: {key} is neither old nor new"
        lost = [key for key in self.old if key not in found and key not in EXTRANEOUS]
        assert not lost, f"{where}: lost {lost}"

    def assert_ended_right(self, where: object) -> None:
        assert self.found == self.wanted, f"{where}: {sorted(self.found)}"
        assert self.has_nothing_staged, f"{where}: {sorted(files_below(self.folder))}"
        for key in WRITES:
            listed = self.place.s3.head_object(Bucket="source", Key=key)["LastModified"].timestamp()
            assert (self.folder / key).stat().st_mtime == listed, f"{where}: the time of {key}"


@contextmanager
def restored_place(place: Workplace, *, watched: str = "disk") -> Iterator[RestoredPlace]:
    """Make one, with a host of its own that watches its disk, or only the folder there: `disk/files`."""
    place.buckets("source")
    (place.folder / "disk").mkdir()
    shim = compile_shim(place.folder)
    watched_folder = place.folder / watched
    with CommandHost(place.folder, place.command.environment, watched=watched_folder, shim=shim) as host:
        yield RestoredPlace(place, host)
