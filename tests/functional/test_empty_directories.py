"""A directory that is empty may be a disk that is not mounted: what lay in it is not deleted just so."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.folder_jobs import MIRRORS_ALL, write_files, write_folder_job
from fakes.workplace import BY_BOTH_ENGINES, Workplace
from s3plan.schemas.errors import GuardRefused, UsageInvalid

pytestmark = BY_BOTH_ENGINES


@pytest.fixture
def photos(place: Workplace) -> Path:
    """A folder whose disk was there when it went up, and of which a file has been deleted on purpose."""
    place.buckets("destination")
    folder = place.folder / "photos"
    write_files(folder, "kept", "gone", "disk-not", *(f"disk/{at}" for at in range(3)), "disk/deep/file", "a/b/c/x")
    write_folder_job(place, source="./photos", destination="s3://destination/up/", **MIRRORS_ALL)
    place.plan()
    assert place.apply().exit_code == 0
    for key in ("gone", "disk/0", "disk/1", "disk/2", "disk/deep/file", "a/b/c/x"):
        (folder / key).unlink()
    (folder / "disk/deep").rmdir()
    return folder


@pytest.mark.usefixtures("photos")
def test_a_mirror_does_not_delete_what_lay_in_an_empty_directory_until_it_is_allowed(place: Workplace) -> None:
    made = place.plan()
    assert made.header.is_blocked
    (guard,) = (guard for guard in made.header.jobs[0].guards if guard.name == "empty_directory")
    assert (guard.found, guard.allowed, guard.held) == (5, 0, True)
    with pytest.raises(GuardRefused):
        place.apply()
    assert len(place.keys("destination")) == 8
    shown = place.command.run("plan", "job.yaml")
    assert shown.exit_code == 5
    assert "--allow empty_directory=5" in shown.output
    with pytest.raises(UsageInvalid, match="empty_directory=5"):
        place.plan(allow={"empty_directory": 4})
    place.plan(allow={"empty_directory": 5})
    assert place.apply().exit_code == 0
    assert place.keys("destination") == {"up/kept", "up/disk-not"}


def test_a_directory_that_is_gone_or_has_a_file_is_mirrored_as_always(place: Workplace, photos: Path) -> None:
    (photos / "disk").rmdir()
    write_files(photos, "a/b/c/y")
    assert not place.plan().header.is_blocked
    assert place.apply().exit_code == 0
    assert place.keys("destination") == {"up/kept", "up/disk-not", "up/a/b/c/y"}
