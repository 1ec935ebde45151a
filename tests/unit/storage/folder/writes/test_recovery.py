"""What an attempt leaves that was killed between two of its steps: nobody's file is lost, none of ours stays."""

from __future__ import annotations

import os
from hashlib import md5
from pathlib import Path

import pytest
from s3plan.schemas.files.requests import (
    DropStaged,
    FileFound,
    FindFile,
    LeftEnd,
    LeftReturned,
    ReturnLeft,
    StagedDropped,
    StagedName,
)
from s3plan.schemas.files.stamps import Stamp
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.writes.recovery import drop_staged, find_file, return_left

DIGEST = "d" * 64
OLD, NEW, EDIT = b"the old bytes", b"the new bytes", b"somebody's own edit"
NAME = StagedName(DIGEST, 4, 3, 7)
PARTS = (b"a", b"file")
LEFT = b"4.2-7.x"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root/a").mkdir(parents=True)
    (tmp_path / "root/.s3plan-tmp" / DIGEST[:32]).mkdir(parents=True)
    return tmp_path / "root"


@pytest.fixture
def directories(root: Path) -> OpenDirectories:
    return OpenDirectories(root)


def staged(root: Path, name: bytes | str, content: bytes | None = None) -> Path:
    path = root / ".s3plan-tmp" / DIGEST[:32] / (name if isinstance(name, str) else os.fsdecode(name))
    if content is not None:
        path.write_bytes(content)
    return path


def target(root: Path, content: bytes | None = None) -> Path:
    if content is not None:
        (root / "a/file").write_bytes(content)
    return root / "a/file"


def find(directories: OpenDirectories, pinned: Stamp | None = None, size: int = len(NEW)) -> FileFound:
    return find_file(directories, FindFile(NAME, PARTS, pinned, size))


def test_unfinished_files_of_earlier_attempts_at_this_action_go_and_those_of_others_stay(
    root: Path, directories: OpenDirectories
) -> None:
    for name in ("4.1-7", "4.2-7", "4.3-7", "4.1-8", "3.1-7"):
        staged(root, name, NEW)
    assert find(directories) == FileFound()
    assert {path.name for path in staged(root, "4.1-7").parent.iterdir()} == {"4.1-8", "3.1-7"}


def test_the_planned_file_is_not_mistaken_for_work_of_ours(root: Path, directories: OpenDirectories) -> None:
    pinned = Stamp.of(target(root, OLD).stat())
    assert find(directories, pinned, len(OLD)) == FileFound()


def test_what_stands_there_and_has_the_planned_size_is_read(root: Path, directories: OpenDirectories) -> None:
    target(root, NEW)
    assert find(directories) == FileFound(md5(NEW).hexdigest())
    target(root, EDIT)
    assert find(directories) == FileFound()
    target(root).unlink()
    target(root).symlink_to("/etc/hostname")
    assert find(directories, size=len("/etc/hostname")) == FileFound()


def test_the_planned_file_that_was_taken_out_already_goes(root: Path, directories: OpenDirectories) -> None:
    """Killed after the exchange, before the look: ours stands in the place."""
    pinned = Stamp.of(target(root, OLD).stat())
    target(root).rename(staged(root, LEFT))
    target(root, NEW)
    assert find(directories, pinned) == FileFound(md5(NEW).hexdigest())
    assert not staged(root, LEFT).exists()


def returned(root: Path, directories: OpenDirectories) -> LeftReturned:
    staged(root, NAME.name, NEW)
    return return_left(directories, ReturnLeft(LEFT, NAME, PARTS))


def test_ours_that_was_never_exchanged_goes_and_nothing_is_changed(root: Path, directories: OpenDirectories) -> None:
    pinned = Stamp.of(target(root, OLD).stat())
    staged(root, LEFT, NEW)
    assert find(directories, pinned) == FileFound(None, (LEFT,))
    assert returned(root, directories) == LeftReturned(LeftEnd.OURS)
    assert target(root).read_bytes() == OLD
    assert not staged(root, LEFT).exists()


def test_an_edit_that_came_between_look_and_exchange_is_back_under_its_name(
    root: Path, directories: OpenDirectories
) -> None:
    pinned = Stamp.of(target(root, OLD).stat())
    staged(root, LEFT, EDIT)
    target(root).unlink()
    target(root, NEW)
    assert find(directories, pinned) == FileFound(md5(NEW).hexdigest(), (LEFT,))
    assert returned(root, directories) == LeftReturned(LeftEnd.RETURNED)
    assert target(root).read_bytes() == EDIT
    assert not staged(root, LEFT).exists()


def test_an_edit_whose_place_is_empty_goes_back_there(root: Path, directories: OpenDirectories) -> None:
    staged(root, LEFT, EDIT)
    assert returned(root, directories) == LeftReturned(LeftEnd.RETURNED)
    assert target(root).read_bytes() == EDIT


def test_an_edit_whose_place_somebody_has_taken_since_is_kept_where_it_is_found(
    root: Path, directories: OpenDirectories
) -> None:
    staged(root, LEFT, EDIT)
    target(root, b"a newer edit")
    kept = f".s3plan-tmp/kept/{DIGEST[:32]}-4.2-7"
    assert returned(root, directories) == LeftReturned(LeftEnd.KEPT, kept)
    assert (root / kept).read_bytes() == EDIT
    assert target(root).read_bytes() == b"a newer edit"


@pytest.mark.parametrize(("content", "is_same"), [(NEW, True), (EDIT, False), (NEW[:-1] + b"!", False)])
def test_a_staged_file_is_compared_byte_by_byte_before_it_goes(
    root: Path, directories: OpenDirectories, content: bytes, is_same: bool
) -> None:
    staged(root, NAME.name, NEW)
    target(root, content)
    assert drop_staged(directories, DropStaged(NAME, PARTS)) == StagedDropped(is_same)
    assert not staged(root, NAME.name).exists()


def test_a_fifo_in_the_place_is_no_empty_file_and_holds_nobody_up(root: Path, directories: OpenDirectories) -> None:
    staged(root, NAME.name, b"")
    os.mkfifo(target(root))
    assert drop_staged(directories, DropStaged(NAME, PARTS)) == StagedDropped(was_same=False)


def test_after_a_lost_journal_what_any_attempt_has_left_is_found(root: Path, directories: OpenDirectories) -> None:
    staged(root, "4.9-7", NEW)
    staged(root, "4.5-7.x", EDIT)
    staged(root, "4.5-8.x", EDIT)
    first = NAME._replace(generation=1)
    found = find_file(directories, FindFile(first, PARTS, None, len(NEW)))
    assert found == FileFound(None, (b"4.5-7.x",))
    assert {path.name for path in staged(root, "4.1-7").parent.iterdir()} == {"4.5-7.x", "4.5-8.x"}
