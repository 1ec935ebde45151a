"""Times before 1970, to come, around a change of the clocks, of coarse file systems: kept, and no second plan."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import s3plan
from fakes.folder_jobs import files_below, write_files, write_folder_job
from fakes.workplace import BY_BOTH_ENGINES, MIB, Workplace

S = 10**9
TIMES = {
    "before 1970": -1_500_000_000,
    "the first": 0,
    "long before": -2_000_000_000 * S,  # 1906
    "to come": 4_102_444_800 * S + 1,  # 2100
    "before the gap": 1_711_846_799 * S,  # 2024-03-31 01:59:59 in Berlin, a second before the clocks go to 03:00
    "after the gap": 1_711_846_800 * S,
    "first of the doubled hour": 1_729_989_000 * S,  # 2024-10-27 02:30 there
    "second of the doubled hour": 1_729_992_600 * S,
}
PRESERVE = pytest.mark.parametrize("preserve", [{}, {"preserve": "mtime"}], ids=["as listed", "preserved"])
RUN = {"executor": "serial", "multipart_threshold": "5MiB", "part_size": "5MiB"}

pytestmark = BY_BOTH_ENGINES


def times_below(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def actions_of(place: Workplace, *, zone: str | None = None) -> int:
    """Plan again; return how many actions there are, at least. In a zone: by a command of its own."""
    if zone is None:
        return s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan").header.jobs[0].actions
    command = replace(place.command, variables={**place.command.variables, "TZ": zone})
    with command.start("plan", "job.yaml", "-o", "again.s3plan", "--detailed-exitcode", anew=True) as started:
        ended = started.wait()
    assert ended.exit_code in {0, 2}, ended.output
    return int(ended.exit_code == 2)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("compare", [None, ["size", "mtime"]], ids=["usual", "by mtime"])
@pytest.mark.parametrize("overwrite", ["if-different", "if-newer"])
def test_odd_times_go_up_and_come_back_once_in_whatever_zone(
    place: Workplace, overwrite: str, compare: list[str] | None
) -> None:
    place.buckets("source")
    photos = place.folder / "photos"
    write_files(photos, *TIMES)
    for name, mtime_ns in TIMES.items():
        os.utime(photos / name, ns=(mtime_ns, mtime_ns))
    if times_below(photos) != TIMES:
        pytest.skip("this file system keeps no such times")
    sections: dict[str, Any] = {"preserve": "mtime", "overwrite": overwrite}
    sections |= {} if compare is None else {"compare": compare}
    write_folder_job(place, source="./photos", destination="s3://source/up/", **sections)
    place.plan()
    assert place.apply().exit_code == 0
    assert actions_of(place, zone="Europe/Berlin") == 0
    write_folder_job(place, source="s3://source/up/", destination="./back", **sections)
    place.plan()
    assert place.apply().exit_code == 0
    assert times_below(place.folder / "back") == TIMES
    assert files_below(place.folder / "back") == files_below(photos)
    assert actions_of(place, zone="America/New_York") == 0
    forget_known_files(place)
    assert actions_of(place) == 0


def forget_known_files(place: Workplace) -> None:
    """Remove what is remembered of files: it must cost no more than time."""
    cache = Path(place.command.environment["XDG_CACHE_HOME"])
    known = [path for path in cache.rglob("*") if path.is_file()]
    assert known
    for path in known:
        path.unlink()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("granularity_s", [1, 2])
@PRESERVE
def test_a_folder_that_keeps_even_seconds_alone_is_filled_once(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, granularity_s: int, preserve: Mapping[str, str]
) -> None:
    """As on FAT, whose times are cut off to two seconds."""
    place.buckets("source")
    metadata = {"mtime": "1700000001.123456789"}
    made = {f"{at}": os.urandom(100 + at) for at in range(3)} | {"large": os.urandom(6 * MIB)}
    for key, content in made.items():
        place.s3.put_object(Bucket="source", Key=f"up/{key}", Body=content, Metadata=metadata)
    place.seed("source", "up/parts", size_bytes=6 * MIB, parts=2, modified_s=1_600_000_001)
    made["parts"] = place.body("source", "up/parts")
    cut_off(monkeypatch, granularity_s * S)
    write_folder_job(place, source="s3://source/up/", destination="./back", run=RUN, **preserve)
    place.plan()
    assert place.apply().exit_code == 0
    assert files_below(place.folder / "back") == made
    assert {mtime_ns % (granularity_s * S) for mtime_ns in times_below(place.folder / "back").values()} == {0}
    assert actions_of(place) == 0
    forget_known_files(place)
    assert actions_of(place) == 0


def cut_off(monkeypatch: pytest.MonkeyPatch, granularity_ns: int) -> None:
    real: Callable[..., None] = os.utime

    def coarse(path: Any, *, ns: tuple[int, int], **more: Any) -> None:
        accessed_ns, modified_ns = (each // granularity_ns * granularity_ns for each in ns)
        real(path, ns=(accessed_ns, modified_ns), **more)

    monkeypatch.setattr(os, "utime", coarse)


@pytest.mark.sampled(2)
@PRESERVE
@pytest.mark.parametrize("overwrite", ["if-newer", "if-different"])
def test_after_a_restore_a_second_plan_is_empty_also_without_what_is_known_of_files(
    place: Workplace, overwrite: str, preserve: Mapping[str, str]
) -> None:
    place.buckets("source")
    photos = place.folder / "photos"
    write_files(photos, "a", "b/c", "empty")
    (photos / "empty").write_bytes(b"")
    write_files(photos, "large", size=6 * MIB)
    for at, path in enumerate(path for path in photos.rglob("*") if path.is_file()):
        os.utime(path, ns=(0, (1_600_000_000 + at) * S + 5))
    sections: dict[str, Any] = {"overwrite": overwrite, "run": RUN, **preserve}
    write_folder_job(place, source="./photos", destination="s3://source/up/", **sections)
    place.plan()
    assert place.apply().exit_code == 0
    forget_known_files(place)
    assert actions_of(place) == 0
    before = files_below(photos)
    photos.rename(place.folder / "lost")
    write_folder_job(place, source="s3://source/up/", destination="./photos", **sections)
    place.plan()
    assert place.apply().exit_code == 0
    assert files_below(photos) == before
    assert actions_of(place) == 0
    forget_known_files(place)
    assert actions_of(place) == 0
    write_folder_job(place, source="./photos", destination="s3://source/up/", **sections)
    assert actions_of(place) == 0
