"""A download or a delete is killed between what it does to a name and its look at what came out: no edit is lost.

The edit comes between the look before and the exchange, where only the look after it could have seen it.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from fakes.ended import Ended
from fakes.folder_jobs import MIRRORS_ALL, files_below, write_files, write_folder_job
from fakes.stopped_command import run_with
from fakes.workplace import BY_BOTH_ENGINES, MIB, Workplace
from s3plan.storage.folder.writes import renaming

OLD, EDIT, LATER = b"the old bytes", b"somebody's edit", b"somebody's later edit"
LARGE = 6 * MIB
RUN = {"executor": "threads", "multipart_threshold": "5MiB", "part_size": "5MiB"}

# The step is `before` the call, `after` it, or after the one that takes it back.
EXCHANGES = """
from s3plan.storage.folder.writes import staging
folder, step = sys.argv[1].split(",")
real, calls = staging.exchange, []

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def edited(source, name, destination, into):
    if not calls:
        beside = os.path.join(folder, "..", "edit")
        with open(beside, "wb") as file:
            file.write(b"somebody's edit")
        os.rename(beside, into, dst_dir_fd=destination)
        if step == "before":
            die()
    calls.append(name)
    real(source, name, destination, into)
    if step == "after" or len(calls) == 2:
        die()

staging.exchange = edited
"""
REMOVALS = """
from s3plan.storage.folder.writes import staging
folder, step = sys.argv[1].split(",")
real = staging.rename_into_nothing

def edited(source, name, destination, into):
    if into.endswith(b".x"):
        beside = os.path.join(folder, "..", "edit")
        with open(beside, "wb") as file:
            file.write(b"somebody's edit")
        os.rename(beside, name, dst_dir_fd=source)
    elif step == "after" and name.endswith(b".x"):
        os.kill(os.getpid(), signal.SIGKILL)
    real(source, name, destination, into)
    if step == "taken back" and name.endswith(b".x"):
        os.kill(os.getpid(), signal.SIGKILL)

staging.rename_into_nothing = edited
"""

pytestmark = [
    BY_BOTH_ENGINES,
    pytest.mark.skipif(renaming._renameat2() is None, reason="needs an exchange"),
]


@pytest.fixture
def folder(place: Workplace) -> Path:
    place.buckets("source")
    return place.folder / "photos"


def planned(place: Workplace, folder: Path, *, size: int) -> bytes:
    """Plan a download that replaces one file; return what it brings."""
    content = os.urandom(size)
    place.s3.put_object(Bucket="source", Key="over", Body=content, ChecksumAlgorithm="CRC64NVME")
    write_files(folder, "over", content=OLD)
    (folder / "over").chmod(0o640)
    write_folder_job(place, source="s3://source/", destination="./photos", run=RUN, **MIRRORS_ALL)
    place.plan()
    return content


def killed(place: Workplace, folder: Path, patch: str, step: str) -> None:
    ended = run_with(place, patch, f"{folder},{step}", "apply", place.plan_file, "--yes")
    assert ended.exit_code == -signal.SIGKILL, ended.output


def applied(place: Workplace) -> Ended:
    return place.command.run("apply", place.plan_file, "--yes", "--json")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("size", [1000, LARGE])
@pytest.mark.parametrize("step", ["before", "after", "taken back"])
def test_killed_at_an_exchange_an_edit_is_under_its_name_after_the_next_apply(
    place: Workplace, folder: Path, step: str, size: int
) -> None:
    content = planned(place, folder, size=size)
    killed(place, folder, EXCHANGES, step)
    assert (folder / "over").read_bytes() == (content if step == "after" else EDIT)
    ended = applied(place)
    assert ended.exit_code == 3, ended.output
    assert ended.event("run-ended")["counts"] == {"stale": 1}
    assert files_below(folder) == {"over": EDIT}
    assert not (folder / ".s3plan-tmp").exists()


@pytest.mark.sampled(1)
@pytest.mark.parametrize("size", [1000, LARGE])
def test_of_two_edits_around_a_killed_exchange_the_later_one_is_in_its_place_and_the_other_one_is_named(
    place: Workplace, folder: Path, size: int
) -> None:
    planned(place, folder, size=size)
    killed(place, folder, EXCHANGES, "after")
    write_files(folder, "later", content=LATER)
    (folder / "later").rename(folder / "over")
    ended = applied(place)
    assert ended.exit_code == 3, ended.output
    found = files_below(folder)
    assert found.pop("over") == LATER
    ((kept, content),) = found.items()
    assert content == EDIT
    assert kept.startswith(".s3plan-tmp/kept/")
    assert kept in place.command.run("failures", place.plan_file).stdout


@pytest.mark.sampled(1)
@pytest.mark.parametrize("step", ["after", "taken back"])
def test_killed_at_a_delete_an_edit_is_under_its_name_after_the_next_apply(
    place: Workplace, folder: Path, step: str
) -> None:
    place.s3.put_object(Bucket="source", Key="stays", Body=OLD)
    write_files(folder, "stays", "below/gone", content=OLD)
    write_folder_job(place, source="s3://source/", destination="./photos", run=RUN, **MIRRORS_ALL)
    place.plan()
    killed(place, folder, REMOVALS, step)
    assert (folder / "below/gone").exists() is (step == "taken back")
    ended = applied(place)
    assert ended.exit_code == 3, ended.output
    assert files_below(folder) == {"stays": OLD, "below/gone": EDIT}
    assert not (folder / ".s3plan-tmp").exists()
