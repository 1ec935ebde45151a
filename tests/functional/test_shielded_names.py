"""What a mirror cannot read, or leaves out, shields what it hides: nothing behind such a name is deleted."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.folder_jobs import MIRRORS_ALL, files_below, write_files, write_folder_job
from fakes.workplace import BY_BOTH_ENGINES, Workplace
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.storage.folder.writes import renaming

pytestmark = BY_BOTH_ENGINES


def close(name: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a directory that may not be read; a mode would not keep root out."""
    real: Callable[..., int] = os.open

    def refusing(path: object, *given: object, **more: object) -> int:
        if path == name:
            raise PermissionError(13, "Permission denied")
        return real(path, *given, **more)

    monkeypatch.setattr(os, "open", refusing)


def applied(place: Workplace) -> tuple[int, str]:
    """Apply; return the exit code and all that `show --list` says."""
    report = place.apply()
    return report.exit_code, place.command.run("show", place.plan_file, "--list").stdout


def test_a_directory_of_the_source_that_cannot_be_read_holds_all_deletes_back(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.buckets("destination")
    photos = place.folder / "photos"
    write_files(photos, "new", "closed/a", "closed/deep/b", "closed-not")
    place.seed("destination", "closed/a", "closed/gone", "closed", "old", body="x")
    write_folder_job(place, source="./photos", destination="s3://destination/", **MIRRORS_ALL)
    close(b"closed", monkeypatch)
    made = place.plan()
    exit_code, shown = applied(place)
    assert exit_code == 3
    assert place.keys("destination") == {"closed/a", "closed/gone", "closed", "old", "new", "closed-not"}
    assert place.body("destination", "new") == (photos / "new").read_bytes()
    assert "a directory that cannot be read" in shown
    assert made.header.objects_of(VerdictKind.COPY) == 2


def test_a_directory_of_the_destination_that_cannot_be_read_keeps_its_files(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.buckets("source")
    photos = place.folder / "photos"
    write_files(photos, "closed/mine", "closed/also", "old", content=b"x")
    for key in ("new", "closed/mine"):
        place.s3.put_object(Bucket="source", Key=key, Body=b"of the object")
    write_folder_job(place, source="s3://source/", destination="./photos", **MIRRORS_ALL)
    with monkeypatch.context() as during:
        close(b"closed", during)
        place.plan()
    exit_code, shown = applied(place)
    assert exit_code == 3
    assert files_below(photos) == {"closed/mine": b"x", "closed/also": b"x", "old": b"x", "new": b"of the object"}
    assert "a directory that cannot be read" in shown


def test_what_a_download_leaves_alone_in_its_folder_is_not_deleted_nor_what_lies_behind_it(place: Workplace) -> None:
    place.buckets("source")
    photos, elsewhere = place.folder / "photos", place.folder / "elsewhere"
    write_files(elsewhere, "deep/file", "file", content=b"x")
    write_files(photos, ".s3plan/job.s3plan", "below/.s3plan-tmp/x", "gone", "below/gone", content=b"x")
    (photos / "link").symlink_to(elsewhere)
    (photos / "below" / "link").symlink_to(elsewhere / "file")
    (photos / "dangling").symlink_to("nothing")
    os.mkfifo(photos / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(photos)  # a socket's path must be short
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
    place.s3.put_object(Bucket="source", Key="kept", Body=b"of the object")
    write_folder_job(place, source="s3://source/", destination="./photos", **MIRRORS_ALL)
    place.plan()
    exit_code, shown = applied(place)
    assert exit_code == 0
    kept = {".s3plan/job.s3plan": b"x", "below/.s3plan-tmp/x": b"x", "kept": b"of the object"}
    assert files_below(photos) == kept
    assert files_below(elsewhere) == {"deep/file": b"x", "file": b"x"}
    for name in ("link", "below/link", "dangling"):
        assert (photos / name).is_symlink()
    assert (photos / "pipe").is_fifo()
    assert (photos / "socket").is_socket()
    for said in ("a symbolic link", "neither a file nor a directory", "s3plan's own"):
        assert said in shown, said


def test_a_file_whose_key_can_be_no_path_any_more_is_shielded_by_it(place: Workplace) -> None:
    """Objects that become no files hold back what a mirror would delete in their place."""
    place.buckets("source")
    photos = place.folder / "photos"
    write_files(photos, "a/b", "d/x", "old", content=b"x")
    for key in ("a", "a/b", "d/"):
        place.s3.put_object(Bucket="source", Key=key, Body=b"of the object")
    write_folder_job(place, source="s3://source/", destination="./photos", **MIRRORS_ALL)
    place.plan()
    exit_code, _ = applied(place)
    assert exit_code == 3
    assert {"d/x": b"x", "old": b"x"}.items() <= files_below(photos).items()


def test_two_names_that_differ_in_their_unicode_form_alone_go_up_and_come_down_as_two(place: Workplace) -> None:
    place.buckets("destination")
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    photos = place.folder / "photos"
    write_files(photos, composed, decomposed, f"{composed}s/x", f"{decomposed}s/x")
    if len(files_below(photos)) != 4:
        pytest.skip("this file system folds names")
    write_folder_job(place, source="./photos", destination="s3://destination/", **MIRRORS_ALL)
    place.plan()
    assert place.apply().exit_code == 0
    assert {key: place.body("destination", key) for key in place.keys("destination")} == files_below(photos)
    write_folder_job(place, source="s3://destination/", destination="./back", **MIRRORS_ALL)
    place.plan()
    assert place.apply().exit_code == 0
    assert files_below(place.folder / "back") == files_below(photos)


def test_where_the_file_system_folds_names_the_first_of_two_keys_is_the_file_and_the_other_one_stays_away(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system that knows no case: the second one finds its place taken, and replaces nothing."""
    real = renaming.rename_into_nothing

    def folding(source: int, name: bytes, destination: int, into: bytes) -> None:
        real(source, name, destination, into.lower())

    monkeypatch.setattr("s3plan.storage.folder.writes.staging.rename_into_nothing", folding)
    place.buckets("source")
    for key in ("readme", "README"):
        place.s3.put_object(Bucket="source", Key=key, Body=key.encode())
    write_folder_job(place, source="s3://source/", destination="./photos", run={"executor": "serial"})
    place.plan()
    report = place.apply()
    assert report.exit_code == 3
    (content,) = files_below(place.folder / "photos").values()
    assert content in {b"readme", b"README"}
    said = place.command.run("failures", place.plan_file).stdout
    assert "a file is there that was not when the plan was made" in said
