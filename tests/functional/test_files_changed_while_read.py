"""A file grows, shrinks, is replaced or rewritten while it is read: stale, and nothing of it is seen in the bucket.

Between two of the reads of one attempt, whichever of them: those for its checksums, and those that send it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.folder_jobs import write_folder_job
from fakes.workplace import BY_BOTH_ENGINES, MIB, Workplace, counted
from s3plan.storage.folder import reading

SIZES = {"at once": 1000, "in pieces": 9 * MIB, "in parts": 12 * MIB}
LOOKS = [("at once", 1), ("in pieces", 1), ("in pieces", 2), ("in parts", 1), ("in parts", 2), ("in parts", 3)]
RUN = {"executor": "threads", "part_size": "5MiB", "retries": {"attempts": 2}}

pytestmark = BY_BOTH_ENGINES


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"x")


def replace(path: Path) -> None:
    """With a file of the same size and time, as a tool that synchronises does."""
    status = path.stat()
    beside = path.parent.parent / "beside"
    beside.write_bytes(os.urandom(status.st_size))
    os.utime(beside, ns=(status.st_atime_ns, status.st_mtime_ns))
    beside.rename(path)


@pytest.mark.sampled(6)
@pytest.mark.parametrize(("size", "look"), LOOKS)
@pytest.mark.parametrize("change", [grow, shrink, empty, rewrite, replace], ids=lambda change: change.__name__)
def test_a_file_that_changes_while_it_is_read_is_stale_and_not_seen(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], size: str, look: int
) -> None:
    place.buckets("destination")
    path = place.folder / "photos" / "film"
    path.parent.mkdir()
    planned = os.urandom(SIZES[size])
    path.write_bytes(planned)
    run = RUN | {"multipart_threshold": "5MiB" if size == "in parts" else "16MiB"}
    write_folder_job(place, source="./photos", destination="s3://destination/", run=run)
    place.plan(probe=True)
    after_the_look(monkeypatch, look, lambda: change(path))
    report = place.apply()
    if (size, look) == ("in pieces", 2) and counted(report) == {"done": 1}:
        assert change in (grow, replace)  # the planned bytes are there to be sent to the end
        assert place.body("destination", "film") == planned
        return
    assert (report.exit_code, counted(report)) == (3, {"stale": 1}), report
    assert place.keys("destination") == set()
    assert place.untold_uploads() == []
    said = place.command.run("failures", place.plan_file).stdout
    assert "upload  film: the file was" in said or "became shorter" in said, said


def after_the_look(monkeypatch: pytest.MonkeyPatch, number: int, change: Callable[[], None]) -> None:
    """Have somebody change the file once it was found to be the planned one for the so-many-th time.

    It is looked at before and after each of its parts is read, and before and after a pass for its checksums.
    """
    real, seen = reading.difference_of, []

    def looked(*given: Any) -> str | None:
        said = real(*given)
        seen.append(said)
        if len(seen) == number:
            change()
        return said

    monkeypatch.setattr(reading, "difference_of", looked)
