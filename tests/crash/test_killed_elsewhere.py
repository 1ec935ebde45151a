"""SIGKILL at every commit of the journal of an `apply --root`: what was begun there goes on there."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fakes.command_host import Circumstances, CommandHost
from fakes.folder_jobs import files_below, write_folder_job
from fakes.workplace import Workplace

KEYS = tuple(f"{number:03}" for number in range(40))


@pytest.fixture
def host(place: Workplace) -> Iterator[CommandHost]:
    with CommandHost(place.folder, place.command.environment, watched=place.plan_file.parent) as host:
        yield host


def is_remembered(journal: Path) -> bool:
    """Whether a journal says in which folder it was begun."""
    with closing(sqlite3.connect(journal)) as connection:
        has_table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'root'").fetchone() is not None
        return has_table and connection.execute("SELECT 1 FROM root").fetchone() is not None


@pytest.mark.parametrize("before", [False, True])
def test_whatever_an_apply_has_brought_elsewhere_it_remembers(
    place: Workplace, host: CommandHost, *, before: bool
) -> None:
    place.buckets("source")
    here, other = place.folder / "photos", place.folder / "mnt"
    made = {key: f"bytes of {key}".encode() for key in KEYS}
    for key, body in made.items():
        place.s3.put_object(Bucket="source", Key=f"up/{key}", Body=body)
    write_folder_job(place, source="s3://source/up/", destination="./photos")
    place.plan()
    went_on_there = 0
    for number in range(1, 500):
        for path in (here, other):
            shutil.rmtree(path, ignore_errors=True)
        for path in place.plan_file.parent.glob("job.s3run*"):
            path.unlink()
        point = Circumstances(killed_at_commit=number, before_commit=before, flush_every=5)
        ran = host.run("apply", place.plan_file, "--yes", "--root", other, circumstances=point)
        if not ran.was_killed:
            break
        is_kept = is_remembered(place.journal)
        assert is_kept or not files_below(other)
        words = () if is_kept else ("--root", other)
        ended = host.run("apply", place.plan_file, "--yes", *words).ended
        assert ended.exit_code == 0, f"{point}: {ended.output}"
        assert files_below(other) == made
        assert not here.exists()
        went_on_there += is_kept
    assert ran.ended.exit_code == 0, ran.ended.output
    assert went_on_there >= 3
