"""A tree of nasty names, sizes and times goes folder -> bucket -> bucket -> folder, and comes back as it was."""

from __future__ import annotations

import os
from pathlib import Path

import s3plan
from fakes.folder_jobs import ODD_NAMES, files_below, write_files, write_folder_job
from fakes.torture import TORTURE
from fakes.workplace import BY_BOTH_ENGINES, MIB, Workplace

pytestmark = BY_BOTH_ENGINES

PART = 5 * MIB
_RUN = {"part_size": "5MiB", "multipart_threshold": "5MiB"}
_UNSENDABLE = b"not utf-8 \xff"
_TIMES_NS = (-315_619_200 * 10**9 + 1, 1, 1_700_000_000_123_456_789, 4_000_000_000 * 10**9)
_HOSTILE = ("../../x", "/etc/x", "a/../../b", "C:\\x")


def nasty_tree(folder: Path) -> None:
    write_files(folder, *ODD_NAMES, *(f"below/{name}/x" for name in ODD_NAMES), "n" * 255, "deep/" * 30 + "x")
    write_files(folder, "a", "a-b", "a0", "A", "e\u0301", "\u00e9", "\uffff", "\U00010000", " ", " x ", "x.", "CON")
    sizes = (0, 1, PART - 1, PART, PART + 1, *((200 * MIB,) if TORTURE else ()))
    for size in sizes:
        write_files(folder, f"sizes/{size}", size=size)
    (folder / os.fsdecode(_UNSENDABLE)).write_bytes(b"x")
    for number, path in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        time_ns = _TIMES_NS[number % len(_TIMES_NS)]
        os.utime(path, ns=(time_ns, time_ns))


def carry_out(place: Workplace, *, exit_code: int, **sections: object) -> str:
    """Plan, apply, and see that a second plan is empty; return what the plan shows."""
    write_folder_job(place, **sections, run=_RUN)  # type: ignore[arg-type]
    place.plan()
    shown = place.command.run("show", place.plan_file, "--list").stdout
    report = place.apply()
    assert report.exit_code == exit_code, report
    again = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
    assert not again.has_changes, again.header.jobs[0].totals
    return shown


def times(folder: Path) -> dict[str, int]:
    return {key: (folder / key).stat().st_mtime_ns for key in files_below(folder)}


def everything_in(folder: Path, *, but: Path) -> dict[str, tuple[int, int, int, int]]:
    """Return what identifies all that lies below a folder, itself among it, but not what is below another one."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        if path != but and but not in path.parents:
            status = path.lstat()
            found[str(path)] = (status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns)
    return found


def test_a_nasty_tree_comes_back_with_its_bytes_and_times_or_a_verdict_for_each_name(place: Workplace) -> None:
    place.buckets("source", "destination")
    first, last = place.folder / "first", place.folder / "around" / "last"
    first.mkdir()
    nasty_tree(first)
    with_times = {"preserve": ["mtime"]}
    shown = carry_out(place, exit_code=3, source="./first", destination="s3://source/", **with_times)
    assert "not utf-8" in shown
    (first / os.fsdecode(_UNSENDABLE)).unlink()
    carry_out(place, exit_code=0, source="s3://source/", destination="s3://destination/")
    for key in _HOSTILE:
        place.s3.put_object(Bucket="destination", Key=key, Body=b"hostile")
    last.mkdir(parents=True)
    (last.parent / "beside").write_bytes(b"x")
    before = everything_in(last.parent, but=last)
    shown = carry_out(place, exit_code=3, source="s3://destination/", destination="./around/last", **with_times)
    assert everything_in(last.parent, but=last) == before
    for key in ("../../x", "/etc/x", "a/../../b"):
        assert key in shown
    assert (last / "C:\\x").read_bytes() == b"hostile"
    (last / "C:\\x").unlink()
    assert files_below(last) == files_below(first)
    assert times(last) == times(first)
