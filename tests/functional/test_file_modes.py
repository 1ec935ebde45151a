"""What plan and apply have on the disk, meanwhile and in the end, is its owner's alone, whatever the umask."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from fakes.command import Started
from fakes.workplace import MIRROR, Workplace

FOLDERS = {".s3plan", "cache", "s3plan"}


@contextmanager
def umask_of(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def modes_below(*folders: Path) -> dict[str, int]:
    """The modes of files by name, and of the folders that s3plan makes."""
    found: dict[str, int] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            with suppress(FileNotFoundError):  # gone meanwhile
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) or path.name in FOLDERS:
                    found[path.name] = stat.S_IMODE(status.st_mode)
    return found


def watch(place: Workplace, started: Started) -> dict[str, int]:
    """Look at what there is until the command has ended; a mode that is too wide stays noted."""
    seen: dict[str, int] = {}
    while started.is_running:
        for name, mode in modes_below(place.folder / ".s3plan", place.folder / "home").items():
            seen[name] = seen.get(name, 0) | mode
        time.sleep(0.01)
    assert started.wait().exit_code == 0
    return seen | modes_below(place.folder / ".s3plan", place.folder / "home")


@pytest.mark.parametrize("umask", [0, 0o077])
def test_files_are_their_owners_alone_whatever_the_umask(place: Workplace, umask: int) -> None:
    place.seed("source", count=50, size_bytes=10)
    place.seed("destination", "old", size_bytes=10)
    place.manifest(**MIRROR, guards={"max_delete": "100%"}, run={"in_flight": 8})
    place.server.set_mode(latency_s=0.005)
    with umask_of(umask):
        with place.command.start("plan", "job.yaml", "--probe") as started:
            seen = watch(place, started)
        with place.command.start("apply", "--yes") as started:
            seen |= watch(place, started)
    seen[".s3plan"] = stat.S_IMODE((place.folder / ".s3plan").stat().st_mode)
    wide = {name: oct(mode) for name, mode in seen.items() if mode & 0o077}
    assert not wide
    assert {"job.s3plan", "job.s3run", "job.s3run.lock", "capabilities.json"} <= seen.keys()
