"""`one_file_system:` of a source folder: what is mounted below it is neither sent nor taken for gone."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fakes.folder_jobs import MIRRORS_ALL, write_files, write_folder_job
from fakes.workplace import Workplace
from s3plan.schemas.plan.actions import VerdictKind


def test_a_mirror_deletes_nothing_below_what_is_left_out_as_mounted(place: Workplace) -> None:
    """A link that is followed leads to another file system, as nothing can be mounted in a test."""
    memory = Path("/dev/shm")
    place.buckets("destination")
    photos = place.folder / "photos"
    write_files(photos, "file")
    if not memory.is_dir() or memory.stat().st_dev == photos.stat().st_dev:
        pytest.skip("there is no other file system")
    for key in ("mounted/a/b", "mounted/c", "gone"):
        place.seed("destination", key, body="x")
    source = {"url": "./photos", "symlinks": "follow", "one_file_system": True}
    write_folder_job(place, source=source, destination="s3://destination/", **MIRRORS_ALL)
    with TemporaryDirectory(dir=memory) as elsewhere:
        (photos / "mounted").symlink_to(elsewhere)
        write_files(Path(elsewhere), "new")
        made = place.plan()
        shown = place.command.run("show", place.plan_file).stdout
        assert place.apply().exit_code == 0
    assert made.header.objects_of(VerdictKind.DELETE) == 1
    assert "what is mounted below it is left out" in " ".join(shown.split())
    assert "on another file system" in shown
    assert place.keys("destination") == {"file", "mounted/a/b", "mounted/c"}
