"""Plans of a folder whose digests agree, made by somebody who wants other files to be sent than the plan shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes.folder_jobs import write_folder_job
from fakes.workplace import BY_BOTH_ENGINES, Workplace
from unit.planfile.plan_samples import change

pytestmark = BY_BOTH_ENGINES

_SECRET = b"a secret of this machine"


@pytest.fixture
def photos(place: Workplace) -> Path:
    """A folder with one file that is planned to go up, and beside it what is nobody's business."""
    place.buckets("destination")
    folder = place.folder / "photos"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "x").write_bytes(b"x" * len(_SECRET))
    (place.folder / "secret").write_bytes(_SECRET)
    write_folder_job(place, source="./photos", destination="s3://destination/")
    place.plan()
    return folder


def forge(place: Workplace, table: str, column: str, value: str) -> None:
    change(place.plan_file, f"UPDATE {table} SET {column} = {value}", reseal=True)


def pin_of(path: Path) -> str:
    status = path.stat()
    return f"'{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}'"


def refused(place: Workplace) -> str:
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert (ended.exit_code, place.keys("destination")) == (4, set()), ended.output
    return ended.stderr


def refused_before_any_request(place: Workplace) -> None:
    place.server.reset_stats()
    refused(place)
    assert dict(place.server.stats().requests) == {"ListObjectsV2": 1}  # that of the test itself


@pytest.mark.parametrize("key", ["../secret", "below/../../secret", "/etc/passwd", "below/./x", "below//x", "x/"])
def test_nothing_is_sent_for_a_key_that_leaves_the_folder(place: Workplace, photos: Path, key: str) -> None:
    forge(place, "action", "key", f"CAST('{key}' AS BLOB)")
    assert "cannot be a file's" in refused(place)


@pytest.mark.parametrize("pin", ["", "0cc175b9c0f1b6a831c399e269772661", "1:2:3", "-1:5"])
def test_nothing_is_sent_of_a_file_that_is_pinned_by_no_stamp(place: Workplace, photos: Path, pin: str) -> None:
    forge(place, "action", "source_pin", f"'{pin}'")
    assert refused(place)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("path", "'/'"),
        ("path", "'photos'"),
        ("path", "'/tmp/../etc'"),
        ("url", "'file:///elsewhere/'"),
        ("bucket", "'source'"),
        ("endpoint", "'http://127.0.0.1:1'"),
    ],
)
def test_a_folder_that_is_shown_as_another_is_refused_before_any_request(
    place: Workplace, photos: Path, column: str, value: str
) -> None:
    change(
        place.plan_file,
        f"UPDATE location SET {column} = {value} WHERE path IS NOT NULL",
        reseal=True,
    )
    refused_before_any_request(place)


def test_another_folder_than_that_of_the_kept_manifest_is_refused(place: Workplace, photos: Path) -> None:
    change(
        place.plan_file,
        f"UPDATE location SET path = '{place.folder}', url = '{place.folder.as_uri()}/' WHERE path IS NOT NULL",
        reseal=True,
    )
    refused_before_any_request(place)


def test_a_plan_that_lies_about_its_folder_is_refused_though_the_user_names_another(
    place: Workplace, photos: Path
) -> None:
    """What is held against the kept manifest is the plan as it is sealed, not where it is to be performed."""
    change(
        place.plan_file,
        f"UPDATE location SET path = '{place.folder}', url = '{place.folder.as_uri()}/' WHERE path IS NOT NULL",
        reseal=True,
    )
    for named in (place.folder, photos):
        ended = place.command.run("apply", place.plan_file, "--yes", "--root", named)
        assert (ended.exit_code, place.keys("destination")) == (4, set()), ended.output
        assert "between other places" in ended.stderr


@pytest.mark.parametrize("key", ["../secret", "/etc/passwd"])
def test_no_key_leaves_the_folder_that_the_user_names(place: Workplace, photos: Path, key: str) -> None:
    (place.folder / "mnt" / "photos").mkdir(parents=True)
    (place.folder / "mnt" / "secret").write_bytes(_SECRET)
    pin = pin_of(place.folder / "mnt" / "secret").rsplit(":", 2)[0] + "'"
    write_folder_job(place, source={"url": "./photos", "stamp": "size-mtime"}, destination="s3://destination/")
    place.plan()
    change(place.plan_file, f"UPDATE action SET key = CAST('{key}' AS BLOB), source_pin = {pin}", reseal=True)
    ended = place.command.run("apply", place.plan_file, "--yes", "--root", "mnt/photos")
    assert (ended.exit_code, place.keys("destination")) == (4, set()), ended.output
    assert "cannot be a file's" in ended.stderr


@pytest.mark.parametrize("what", ["file", "directory"])
def test_no_link_that_was_planted_after_the_plan_is_followed_to_a_file_that_its_pin_fits(
    place: Workplace, photos: Path, what: str
) -> None:
    outside = place.folder / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(_SECRET)
    (photos / "below" / "x").unlink()
    if what == "file":
        (photos / "below" / "x").symlink_to(outside / "x")
    else:
        (photos / "below").rmdir()
        (photos / "below").symlink_to(outside)
    forge(place, "action", "source_pin", pin_of(outside / "x"))
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert (ended.exit_code, place.keys("destination")) == (3, set()), ended.output


def test_a_pin_that_fits_is_sent(place: Workplace, photos: Path) -> None:
    """What the fixture plans is sound, and so is a pin that a test writes."""
    forge(place, "action", "source_pin", pin_of(photos / "below" / "x"))
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert (ended.exit_code, place.keys("destination")) == (0, {"below/x"}), ended.output


@pytest.fixture
def restored(place: Workplace) -> Path:
    """A folder into which one object is planned to come, and beside it what is nobody's business."""
    place.buckets("source")
    place.s3.put_object(Bucket="source", Key="below/x", Body=b"x")
    (place.folder / "secret").write_bytes(_SECRET)
    folder = place.folder / "photos"
    folder.mkdir()
    write_folder_job(place, source="s3://source/", destination="./photos")
    place.plan()
    return folder


@pytest.mark.sampled(8)
@pytest.mark.parametrize(
    "key", ["../secret", "below/../../secret", "/etc/passwd", "below/./x", "below//x", "x/", ".s3plan-tmp/x", "."]
)
@pytest.mark.parametrize("column", ["key", "destination_key"])
def test_nothing_is_written_for_a_key_that_leaves_the_folder(
    place: Workplace, restored: Path, key: str, column: str
) -> None:
    forge(place, "action", column, f"CAST('{key}' AS BLOB)")
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 4, ended.output
    assert "cannot be a file's" in ended.stderr
    assert list(restored.iterdir()) == []
    assert (place.folder / "secret").read_bytes() == _SECRET


@pytest.mark.parametrize("what", ["target", "directory", "staging", "own staging"])
def test_nothing_is_written_through_a_link_that_was_planted_after_the_plan(
    place: Workplace, restored: Path, what: str
) -> None:
    outside = place.folder / "outside"
    outside.mkdir()
    if what == "target":
        (restored / "below").mkdir()
        (restored / "below/x").symlink_to(place.folder / "secret")
    else:
        names = {
            "directory": "below",
            "staging": ".s3plan-tmp",
            "own staging": f".s3plan-tmp/{s3plan_digest(place)[:32]}",
        }
        (restored / names[what]).parent.mkdir(exist_ok=True)
        (restored / names[what]).symlink_to(outside)
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 3, ended.output
    assert list(outside.iterdir()) == []
    assert (place.folder / "secret").read_bytes() == _SECRET


def s3plan_digest(place: Workplace) -> str:
    return str(json.loads(place.command.run("status", place.plan_file, "--json").stdout.splitlines()[0])["digest"])
