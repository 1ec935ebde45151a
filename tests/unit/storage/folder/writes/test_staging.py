"""Files come into their place whole, and take the place of nothing but what was planned."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from s3plan.schemas.files.requests import Published
from s3plan.schemas.files.stamps import Stamp
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.writes import renaming
from s3plan.storage.folder.writes.durability import sync_device
from s3plan.storage.folder.writes.staging import EXCHANGED, Move, Staging

DIGEST = "d" * 64
OLD, NEW = b"the old bytes", b"the new bytes"
TARGET = (b"a", b"b", b"file")


@pytest.fixture(params=["with renameat2", "without"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "without":
        monkeypatch.setattr(renaming, "_renameat2", lambda: None)
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def ours(root: Path) -> Iterator[Staging]:
    directories = OpenDirectories(root)
    yield Staging(directories, DIGEST, umask=0o022)
    directories.close()


def can_exchange() -> bool:
    return renaming._renameat2() is not None


def staged_names(root: Path) -> set[str]:
    return {path.name for path in (root / ".s3plan-tmp" / DIGEST[:32]).iterdir()}


def planted(root: Path, content: bytes = OLD) -> Stamp:
    path = root / "a/b/file"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Stamp.of(path.stat())


def write(ours: Staging, content: bytes = NEW) -> bytes:
    ours.write(b"1.1-0", memoryview(content), mtime_ns=1_700_000_000_123_456_789)
    return b"1.1-0"


def test_a_new_file_comes_into_its_place_with_its_time_and_the_usual_permissions(root: Path, ours: Staging) -> None:
    assert ours.publish_new(write(ours), TARGET).how is Published.DONE
    status = (root / "a/b/file").stat()
    assert (root / "a/b/file").read_bytes() == NEW
    assert (status.st_mode & 0o7777, status.st_mtime_ns) == (0o644, 1_700_000_000_123_456_789)
    assert staged_names(root) == set()
    assert (root / ".s3plan-tmp").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", [b"", b"x", os.urandom(3 << 20)])
def test_any_content_is_written_whole(root: Path, ours: Staging, content: bytes) -> None:
    assert ours.publish_new(write(ours, content), TARGET).how is Published.DONE
    assert (root / "a/b/file").read_bytes() == content


def a_file(path: Path) -> None:
    path.write_bytes(OLD)


def a_directory(path: Path) -> None:
    path.mkdir()


def a_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def a_loose_link(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("stands", [a_file, a_directory, a_link, a_loose_link], ids=lambda stands: stands.__name__)
def test_what_is_there_is_not_replaced_by_a_new_file(root: Path, ours: Staging, stands: Callable[[Path], None]) -> None:
    (root / "a/b").mkdir(parents=True)
    stands(root / "a/b/file")
    before = (root / "a/b/file").lstat()
    assert ours.publish_new(write(ours), TARGET).how is Published.TAKEN
    assert (root / "a/b/file").lstat().st_ino == before.st_ino
    assert staged_names(root) == {"1.1-0"}


def test_the_planned_file_is_replaced_and_kept_until_it_is_removed(root: Path, ours: Staging) -> None:
    pinned = planted(root)
    (root / "a/b/file").chmod(0o4751)
    pinned = Stamp.of((root / "a/b/file").stat())
    move = ours.publish_over(write(ours), TARGET, pinned)
    assert move.how is Published.DONE
    assert (root / "a/b/file").read_bytes() == NEW
    assert (root / "a/b/file").stat().st_mode & 0o7777 == 0o751  # no setuid comes back
    if can_exchange():
        assert move.kept == b"1.1-0" + EXCHANGED
        assert (root / ".s3plan-tmp" / DIGEST[:32] / "1.1-0.x").read_bytes() == OLD
        ours.remove(move.kept)
    assert staged_names(root) == set()


def rewrite(path: Path) -> None:
    path.write_bytes(b"somebody's own")


def replace(path: Path) -> None:
    (path.parent / "other").write_bytes(b"somebody's own")
    (path.parent / "other").rename(path)


def touch(path: Path) -> None:
    path.chmod(0o600)


@pytest.mark.parametrize("change", [rewrite, replace, touch], ids=lambda change: change.__name__)
def test_a_file_that_was_changed_after_the_plan_stays(
    root: Path, ours: Staging, change: Callable[[Path], None]
) -> None:
    pinned = planted(root)
    change(root / "a/b/file")
    content = (root / "a/b/file").read_bytes()
    assert ours.publish_over(write(ours), TARGET, pinned) == Move(Published.CHANGED)
    assert ours.take_away(b"1.1-1", TARGET, pinned) == Move(Published.CHANGED)
    assert (root / "a/b/file").read_bytes() == content


def test_a_file_that_is_gone_or_no_file_any_more_is_not_replaced(root: Path, ours: Staging) -> None:
    pinned = planted(root)
    (root / "a/b/file").unlink()
    assert ours.publish_over(write(ours), TARGET, pinned) == Move(Published.GONE)
    assert ours.take_away(b"1.1-1", TARGET, pinned) == Move(Published.GONE)
    assert not (root / "a/b/file").exists()
    (root / "a/b/file").symlink_to("/etc/passwd")
    ours.remove(b"1.1-0")
    assert ours.publish_over(write(ours), TARGET, pinned) == Move(Published.NO_FILE)
    assert ours.take_away(b"1.1-1", TARGET, pinned) == Move(Published.NO_FILE)
    assert (root / "a/b/file").is_symlink()


def after_the_look(monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]) -> None:
    """Have somebody change a file between the look at it and what is done with it."""
    real = Stamp.holds_for

    def looked(stamp: Stamp, status: os.stat_result) -> bool:
        holds = real(stamp, status)
        change()
        return holds

    monkeypatch.setattr(Stamp, "holds_for", looked)


@pytest.mark.parametrize("change", [rewrite, replace], ids=lambda change: change.__name__)
def test_an_edit_between_the_look_and_the_rename_is_put_back(
    root: Path, ours: Staging, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    if not can_exchange():
        pytest.skip("without an exchange it cannot be seen")
    pinned = planted(root)
    after_the_look(monkeypatch, lambda: change(root / "a/b/file"))
    assert ours.publish_over(write(ours), TARGET, pinned) == Move(Published.CHANGED)
    assert (root / "a/b/file").read_bytes() == b"somebody's own"
    assert staged_names(root) == set()


@pytest.mark.parametrize("change", [rewrite, replace], ids=lambda change: change.__name__)
def test_an_edit_between_the_look_and_a_delete_is_put_back(
    root: Path, ours: Staging, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    pinned = planted(root)
    after_the_look(monkeypatch, lambda: change(root / "a/b/file"))
    assert ours.take_away(b"1.1-1", TARGET, pinned) == Move(Published.CHANGED)
    assert (root / "a/b/file").read_bytes() == b"somebody's own"
    assert staged_names(root) == set()


def test_a_file_that_goes_away_between_the_look_and_the_rename_is_gone(
    root: Path, ours: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can_exchange():
        pytest.skip("without an exchange it comes back")
    pinned = planted(root)
    after_the_look(monkeypatch, lambda: (root / "a/b/file").unlink(missing_ok=True))
    assert ours.publish_over(write(ours), TARGET, pinned) == Move(Published.GONE)
    assert not (root / "a/b/file").exists()
    assert staged_names(root) == {"1.1-0"}


def test_no_edit_is_lost_however_often_somebody_replaces_the_file(tmp_path: Path) -> None:
    """Another process renames new versions into place all the time; each must stand somewhere in the end."""
    if not can_exchange():
        pytest.skip("needs an exchange")
    root = tmp_path / "root"
    planted(root, b"edit -1")
    path, beside, stop = root / "a/b/file", root / "a/b/next", threading.Event()
    versions: list[bytes] = []

    def edit() -> None:
        while not stop.is_set():
            content = b"edit %d" % len(versions)
            beside.write_bytes(content)
            versions.append(content)
            beside.rename(path)

    editor = threading.Thread(target=edit)
    directories = OpenDirectories(root)
    ours = Staging(directories, DIGEST, umask=0o022)
    editor.start()
    done = replaced = 0
    try:
        for number in range(1_000):
            name = b"1.1-%d" % number
            pinned = Stamp.of(path.stat())
            ours.write(name, memoryview(NEW), mtime_ns=0)
            move = ours.publish_over(name, TARGET, pinned)
            done += move.how is Published.DONE
            if move.how is Published.DONE:
                assert move.kept is not None
                content = (root / ".s3plan-tmp" / DIGEST[:32] / os.fsdecode(move.kept)).read_bytes()
                replaced += content != NEW
                ours.remove(move.kept)
            else:
                assert move.kept is None
                ours.remove(name)
            newest = len(versions) - 2  # that is surely renamed; newer ones may be there by now
            seen = path.read_bytes()
            assert seen == NEW or int(seen.split()[1]) >= newest, (seen, newest)
    finally:
        stop.set()
        editor.join()
        directories.close()
    assert staged_names(root) == set()
    assert path.read_bytes() in {versions[-1], NEW}


@pytest.mark.parametrize("where", ["a", "a/b"])
def test_no_link_that_was_planted_leads_a_write_out_of_the_folder(root: Path, tmp_path: Path, where: str) -> None:
    outside = tmp_path / "outside"
    (outside / "b").mkdir(parents=True)
    (root / where).parent.mkdir(parents=True, exist_ok=True)
    (root / where).symlink_to(outside)
    directories = OpenDirectories(root)
    ours = Staging(directories, DIGEST, umask=0o022)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        ours.publish_new(write(ours), TARGET)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        ours.take_away(b"1.1-1", TARGET, Stamp(0, 0))
    assert sorted(path.name for path in outside.rglob("*")) == ["b"]
    directories.close()


def test_a_disk_that_is_full_leaves_nothing_behind(root: Path, ours: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, content: memoryview) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        write(ours)
    assert staged_names(root) == set()


def test_a_staged_name_is_written_once(root: Path, ours: Staging) -> None:
    write(ours)
    with pytest.raises(FileExistsError):
        write(ours)
    assert staged_names(root) == {"1.1-0"}


def test_a_device_is_synced_and_what_cannot_be_is_told(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    sync_device(descriptor)
    os.close(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        sync_device(descriptor)
