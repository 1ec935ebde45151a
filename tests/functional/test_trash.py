"""`trash:` takes what a download replaces or deletes in a folder, and never replaces anything itself."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes.folder_jobs import MIRRORS_ALL, files_below, write_files, write_folder_job
from fakes.workplace import BY_BOTH_ENGINES, Workplace
from s3plan.schemas.errors import PlanRefused

OLD, MINE = b"the old bytes", b"somebody's edit"

pytestmark = BY_BOTH_ENGINES


@pytest.fixture
def folder(place: Workplace) -> Path:
    """A folder of which one file is kept, one replaced and two deleted."""
    place.buckets("source")
    photos = place.folder / "photos"
    write_files(photos, "over", "gone/below", "gone.txt", content=OLD)
    for key in ("over", "new"):
        place.s3.put_object(Bucket="source", Key=f"up/{key}", Body=b"of the object")
    write_trash_job(place)
    return photos


def write_trash_job(place: Workplace, **more: Any) -> None:
    destination = {"url": "./photos", "trash": "./trash", **more}
    write_folder_job(place, source="s3://source/up/", destination=destination, **MIRRORS_ALL)


def test_what_is_replaced_or_deleted_lies_in_the_trash_under_its_key(place: Workplace, folder: Path) -> None:
    made = place.plan()
    shown = place.command.run("show", place.plan_file).stdout
    assert f"what is replaced or deleted goes to {place.folder / 'trash'}" in shown
    assert place.apply().exit_code == 0
    assert files_below(folder) == {"over": b"of the object", "new": b"of the object"}
    (of_plan,) = (place.folder / "trash").iterdir()
    assert of_plan.name == made.digest[:32]
    assert files_below(of_plan) == {"over": OLD, "gone/below": OLD, "gone.txt": OLD}
    assert (place.folder / "trash").stat().st_mode & 0o777 == 0o700
    assert not (folder / ".s3plan-tmp").exists()


def test_nothing_in_the_trash_is_ever_replaced(place: Workplace, folder: Path) -> None:
    made = place.plan()
    there = place.folder / "trash" / made.digest[:32]
    write_files(there, "over", "gone.txt", "gone.txt~1", content=MINE)
    assert place.apply().exit_code == 0
    found = files_below(there)
    assert {name: found[name] for name in ("over", "gone.txt", "gone.txt~1")} == dict.fromkeys(
        ("over", "gone.txt", "gone.txt~1"), MINE
    )
    assert {name: found[name] for name in ("over~1", "gone.txt~2", "gone/below")} == dict.fromkeys(
        ("over~1", "gone.txt~2", "gone/below"), OLD
    )
    assert "gone.txt" not in files_below(folder)


def test_an_edit_made_after_the_plan_goes_neither_away_nor_to_the_trash(place: Workplace, folder: Path) -> None:
    place.plan()
    write_files(folder, "over", "gone.txt", content=MINE)
    assert place.apply().exit_code == 3
    assert {name: body for name, body in files_below(folder).items() if body == MINE} == {
        "over": MINE,
        "gone.txt": MINE,
    }
    assert not (place.folder / "trash").exists()


DIES = """
import os, signal, sys
import s3plan
from s3plan.storage.folder.writes import commits

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def moved_and_died(*given, moved=commits._moved):
    moved(*given)
    die()

if sys.argv[1] == "exchanged":
    commits._moved = moved_and_died
else:
    commits.Staging.put_away = die
s3plan.apply(sys.argv[2])
"""


@pytest.mark.parametrize("stage", ["exchanged", "synced"])
def test_killed_before_a_file_is_in_the_trash_the_next_apply_brings_it_there(
    place: Workplace, folder: Path, stage: str
) -> None:
    made = place.plan()
    died = subprocess.run(
        [sys.executable, "-c", DIES, stage, place.plan_file], env=place.command.environment, check=False, timeout=60
    )
    assert died.returncode == -signal.SIGKILL
    assert place.apply().exit_code == 0
    assert files_below(place.folder / "trash" / made.digest[:32]) == {"over": OLD, "gone/below": OLD, "gone.txt": OLD}
    assert files_below(folder) == {"over": b"of the object", "new": b"of the object"}
    assert not (folder / ".s3plan-tmp").exists()


def test_a_trash_on_another_disk_is_refused_by_the_plan(place: Workplace, folder: Path) -> None:
    other = next((each for each in (Path("/dev/shm"), Path("/run")) if each.is_dir()), None)
    if other is None or other.stat().st_dev == folder.stat().st_dev:
        pytest.skip("there is no other disk here")
    write_trash_job(place, trash=f"{other}/s3plan-no-such-trash")
    with pytest.raises(PlanRefused, match="is on another disk than"):
        place.plan()
