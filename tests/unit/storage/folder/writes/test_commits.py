"""Files come into their places in groups, each on disk before it is told, and none that the disk may have lost."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from threading import Event

import pytest
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.requests import (
    FilePublished,
    FileReply,
    FileStaged,
    Parts,
    Published,
    PublishFile,
    RemoveFile,
    StagedName,
    StageFile,
)
from s3plan.schemas.files.stamps import Stamp
from s3plan.storage.folder.writes import renaming, staging, writing
from s3plan.storage.folder.writes.writing import FolderWriter

DIGEST = "d" * 64
OLD, NEW = b"the old bytes", b"the new bytes"
MTIME_NS = 1_700_000_000_123_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


class Disk:
    """Stands in for syncfs: says what was in place at each call, and fails when it is told to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seen: list[tuple[int, int]] = []  # files in place, files staged
        self.fails = False
        self.before: Callable[[int], None] = lambda _: None
        self.may_go = Event()
        self.may_go.set()

    def sync(self, _: int) -> None:
        self.may_go.wait(10)
        self.before(len(self.seen) + 1)
        in_place = [path for path in self.root.rglob("*") if path.is_file() and ".s3plan-tmp" not in path.parts]
        staged = [path for path in self.root.rglob(".s3plan-tmp/*/*") if path.is_file()]
        self.seen.append((len(in_place), len(staged)))
        if self.fails:
            self.fails = False  # as a disk does: said once to each descriptor that was open
            raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.fixture
def disk(root: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk(root)
    monkeypatch.setattr(writing, "sync_device", made.sync)
    return made


@pytest.fixture
def writer(root: Path) -> Iterator[FolderWriter]:
    opened = FolderWriter(root)
    yield opened
    opened.close()


Replies = SimpleQueue[FileReply | Failure]


def staged_name(position: int) -> StagedName:
    return StagedName(DIGEST, 1, 1, position)


def publish(position: int, parts: Parts, pinned: Stamp | None = None, content: bytes = NEW) -> PublishFile:
    return PublishFile(staged_name(position), parts, pinned, MTIME_NS, memoryview(content))


def planted(root: Path, name: str = "file", content: bytes = OLD) -> Stamp:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(content)
    return Stamp.of((root / name).stat())


def staged_files(root: Path) -> set[str]:
    return {path.name for path in root.rglob(".s3plan-tmp/*/*")}


def answer(writer: FolderWriter, request: StageFile | PublishFile | RemoveFile) -> FileReply | Failure:
    replies: Replies = SimpleQueue()
    writer.submit(request, replies.put)
    reply = replies.get(timeout=10)
    return replace(reply, stamp=None) if isinstance(reply, FilePublished) else reply


def how(replies: Replies) -> Published | None:
    reply = replies.get(timeout=10)
    return reply.how if isinstance(reply, FilePublished) else None


def edit(file: Path) -> None:
    if file.exists():
        file.write_bytes(b"an edit")


def test_the_stamp_of_what_was_made_is_told_unless_somebody_has_changed_it(
    root: Path, disk: Disk, writer: FolderWriter
) -> None:
    replies: Replies = SimpleQueue()
    pinned = planted(root, "over")
    for at, request in enumerate((publish(0, (b"new",)), publish(1, (b"over",), pinned), publish(2, (b"edited",)))):
        disk.before = (lambda _: edit(root / "edited")) if at == 2 else disk.before
        writer.submit(request, replies.put)
        reply = replies.get(timeout=10)
        assert isinstance(reply, FilePublished)
        name = request.parts[0].decode()
        assert reply.stamp == (None if name == "edited" else Stamp.of((root / name).stat()))


def test_bytes_are_synced_before_the_rename_and_the_rename_before_it_is_told(
    root: Path, disk: Disk, writer: FolderWriter
) -> None:
    assert answer(writer, publish(0, (b"a", b"file"))) == FilePublished(Published.DONE)
    assert disk.seen == [(0, 1), (1, 0)]
    assert (root / "a/file").stat().st_mtime_ns == MTIME_NS


def test_what_comes_while_the_disk_is_at_work_goes_in_one_group(root: Path, disk: Disk, writer: FolderWriter) -> None:
    replies: Replies = SimpleQueue()
    disk.may_go.clear()
    for position in range(100):
        writer.submit(publish(position, (b"%d" % position,)), replies.put)
    while len(staged_files(root)) < 100:
        pass
    disk.may_go.set()
    assert {how(replies) for _ in range(100)} == {Published.DONE}
    assert len(disk.seen) <= 4
    assert len(list(root.glob("[0-9]*"))) == 100


def test_without_durability_no_sync_is_asked_for(root: Path, disk: Disk) -> None:
    planted(root, "gone")
    writer = FolderWriter(root, waits_for_disk=False)
    assert answer(writer, publish(0, (b"new",))) == FilePublished(Published.DONE)
    assert answer(writer, publish(1, (b"gone",), planted(root, "gone"))) == FilePublished(Published.DONE)
    writer.close()
    assert (root / "new").read_bytes() == (root / "gone").read_bytes() == NEW
    assert (disk.seen, staged_files(root)) == ([], set())


def test_after_a_sync_that_failed_nothing_counts_as_done_and_what_was_there_is_there(
    root: Path, disk: Disk, writer: FolderWriter
) -> None:
    over, deleted = planted(root, "over"), planted(root, "below/deleted")
    answer(writer, publish(0, (b"before",)))
    disk.fails = True
    replies: Replies = SimpleQueue()
    writer.submit(publish(1, (b"new",)), replies.put)
    writer.submit(publish(2, (b"over",), over), replies.put)
    writer.submit(RemoveFile(staged_name(3), (b"below", b"deleted"), deleted), replies.put)
    for _ in range(3):
        reply = replies.get(timeout=10)
        assert isinstance(reply, Failure)
        assert (reply.kind, reply.code) == (FailureKind.LOCAL_IO, "SyncFailed")
    again = answer(writer, publish(4, (b"later",)))  # its bytes may be among those that are lost
    assert isinstance(again, Failure)
    assert sorted(path.name for path in root.iterdir()) == [".s3plan-tmp", "before", "below", "over"]
    assert (root / "over").read_bytes() == (root / "below/deleted").read_bytes() == OLD
    assert staged_files(root) == set()


def test_renames_that_were_not_kept_are_taken_back(root: Path, disk: Disk, writer: FolderWriter) -> None:
    over, deleted = planted(root, "over"), planted(root, "deleted")

    def edit_and_fail(call: int) -> None:
        if call == 2:
            (root / "beside").write_bytes(b"an edit")
            (root / "beside").rename(root / "new and edited")
            disk.fails = True

    disk.before = edit_and_fail
    disk.may_go.clear()
    replies: Replies = SimpleQueue()
    writer.submit(publish(0, (b"first",)), replies.put)
    while not staged_files(root):
        pass
    for position, (name, pinned) in enumerate({b"new": None, b"new and edited": None, b"over": over}.items(), start=1):
        writer.submit(publish(position, (name,), pinned), replies.put)
    writer.submit(RemoveFile(staged_name(4), (b"deleted",), deleted), replies.put)
    while len(staged_files(root)) < 4:
        pass
    disk.may_go.set()
    failures = [replies.get(timeout=10) for _ in range(5)]
    assert {reply.code for reply in failures if isinstance(reply, Failure)} == {"SyncFailed"}
    there = {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()}
    assert there["over"] == there["deleted"] == OLD
    assert there["new and edited"] == b"an edit"
    assert "new" not in there


def test_a_large_file_is_filled_by_its_sink_and_comes_into_place_whole(
    root: Path, disk: Disk, writer: FolderWriter
) -> None:
    content = os.urandom(3 << 20)
    staged = answer(writer, StageFile(staged_name(0), len(content)))
    assert isinstance(staged, FileStaged)
    half = len(content) // 2
    for first, last in ((half, len(content)), (0, half)):  # ranges come in any order
        sink = staged.file.sink(first, last - first)
        for at in range(first, last, 700_001):
            sink.take(memoryview(content)[at : min(at + 700_001, last)])
    request = PublishFile(staged_name(0), (b"large",), None, MTIME_NS, staged.file)
    assert answer(writer, request) == FilePublished(Published.DONE)
    assert (root / "large").read_bytes() == content


def test_a_staged_file_that_somebody_replaced_is_not_published(root: Path, writer: FolderWriter) -> None:
    staged = answer(writer, StageFile(staged_name(0), 3))
    assert isinstance(staged, FileStaged)
    staged.file.sink(0, 3).take(memoryview(b"new"))
    (path,) = root.rglob(".s3plan-tmp/*/*")
    path.unlink()
    path.write_bytes(b"bad")
    reply = answer(writer, PublishFile(staged_name(0), (b"file",), None, MTIME_NS, staged.file))
    assert isinstance(reply, Failure)
    assert not (root / "file").exists()


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["os.write", "s3plan.storage.folder.writes.staging.reserve", "os.utime", "os.chmod"])
def test_a_disk_that_is_full_or_broken_at_any_step_leaves_the_old_file_and_nothing_staged(
    root: Path, writer: FolderWriter, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    pinned = planted(root)
    monkeypatch.setattr(call, full)
    staged = answer(writer, StageFile(staged_name(0), 2 << 20))
    if isinstance(staged, Failure):
        assert call == "s3plan.storage.folder.writes.staging.reserve"
        assert staged.kind is FailureKind.LOCAL_IO
        assert staged_files(root) == set()
        return
    reply = answer(writer, publish(1, (b"file",), pinned))
    assert isinstance(reply, Failure)
    assert "No space left on device" in reply.message
    assert (root / "file").read_bytes() == OLD
    assert staged_files(root) == {"1.1-0"}


@pytest.mark.parametrize("action", ["remove", "publish"])
def test_a_file_below_a_link_that_was_planted_meanwhile_is_neither_made_nor_removed(
    root: Path, tmp_path: Path, writer: FolderWriter, action: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(OLD)
    (root / "a").symlink_to(outside)
    pinned = Stamp.of((outside / "file").stat())
    request = RemoveFile(staged_name(0), (b"a", b"file"), pinned) if action == "remove" else publish(0, (b"a", b"x"))
    assert isinstance(answer(writer, request), Failure)
    assert [path.name for path in outside.iterdir()] == ["file"]


def test_only_directories_that_a_delete_has_emptied_go_with_it(root: Path, writer: FolderWriter) -> None:
    pinned = planted(root, "a/b/c/file")
    (root / "a/other").mkdir()
    assert answer(writer, RemoveFile(staged_name(0), (b"a", b"b", b"c", b"file"), pinned)) == FilePublished(
        Published.DONE
    )
    assert [path.name for path in (root / "a").iterdir()] == ["other"]
    assert answer(writer, publish(1, (b"a", b"b", b"c", b"new"))) == FilePublished(Published.DONE)


def test_a_directory_that_somebody_removed_is_made_again(root: Path, writer: FolderWriter) -> None:
    answer(writer, publish(0, (b"a", b"b", b"one")))
    (root / "a/b/one").unlink()
    (root / "a/b").rmdir()
    assert answer(writer, publish(1, (b"a", b"b", b"two"))) == FilePublished(Published.DONE)
    assert (root / "a/b/two").read_bytes() == NEW


def test_what_was_taken_before_the_end_is_still_told(root: Path, disk: Disk) -> None:
    writer = FolderWriter(root)
    replies: Replies = SimpleQueue()
    disk.may_go.clear()
    for position in range(10):
        writer.submit(publish(position, (b"%d" % position,)), replies.put)
    writer.close()
    disk.may_go.set()
    assert {how(replies) for _ in range(10)} == {Published.DONE}


@pytest.mark.parametrize("what", ["a directory on the way", "the folder itself"])
def test_nothing_is_deleted_or_made_in_a_directory_that_somebody_has_moved_away(
    root: Path, tmp_path: Path, writer: FolderWriter, what: str
) -> None:
    one, two = planted(root, "a/one"), planted(root, "a/two")
    assert answer(writer, RemoveFile(staged_name(0), (b"a", b"one"), one)) == FilePublished(Published.DONE)
    (root if what == "the folder itself" else root / "a").rename(tmp_path / "saved")
    saved = tmp_path / "saved" / ("a" if what == "the folder itself" else "")
    removed = answer(writer, RemoveFile(staged_name(1), (b"a", b"two"), two))
    published = answer(writer, publish(2, (b"a", b"new")))
    assert [path.name for path in saved.iterdir()] == ["two"]
    if what == "the folder itself":
        assert isinstance(removed, Failure)
        assert isinstance(published, Failure)
        return
    assert removed == FilePublished(Published.GONE)
    assert published == FilePublished(Published.DONE)
    assert (root / "a/new").read_bytes() == NEW


def test_a_delete_whose_staging_folder_is_gone_is_not_told_as_done(root: Path, writer: FolderWriter) -> None:
    one, two = planted(root, "one"), planted(root, "two")
    answer(writer, RemoveFile(staged_name(0), (b"one",), one))
    shutil.rmtree(root / ".s3plan-tmp")
    reply = answer(writer, RemoveFile(staged_name(1), (b"two",), two))
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.LOCAL_IO
    assert (root / "two").read_bytes() == OLD


def test_a_failed_sync_where_files_cannot_be_exchanged_leaves_the_new_file(
    root: Path, disk: Disk, writer: FolderWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one is gone by then: what was fetched may be whole, nothing would not be."""
    monkeypatch.setattr(renaming, "_renameat2", lambda: None)
    pinned = planted(root)

    def fail_after_the_rename(call: int) -> None:
        disk.fails = call == 2

    disk.before = fail_after_the_rename
    reply = answer(writer, publish(0, (b"file",), pinned))
    assert isinstance(reply, Failure)
    assert (root / "file").read_bytes() == NEW


def test_an_exchange_that_is_refused_leaves_the_old_file_and_no_copy_of_the_new_one(
    root: Path, writer: FolderWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = planted(root)

    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(staging, "exchange", refused)
    for attempt in range(2):
        assert isinstance(answer(writer, publish(attempt, (b"file",), pinned)), Failure)
    assert (root / "file").read_bytes() == OLD
    assert staged_files(root) == set()


def test_a_file_that_waits_for_the_disk_is_not_open(root: Path, disk: Disk, writer: FolderWriter) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    answer(writer, publish(0, (b"first",)))
    before = open_files()
    disk.may_go.clear()
    replies: Replies = SimpleQueue()
    for position in range(1, 21):
        staged = answer(writer, StageFile(staged_name(position), 3))
        assert isinstance(staged, FileStaged)
        staged.file.sink(0, 3).take(memoryview(b"new"))
        request = PublishFile(staged_name(position), (b"%d" % position,), None, MTIME_NS, staged.file)
        writer.submit(request, replies.put)
    answer(writer, StageFile(staged_name(99), 1))  # all before it are written
    assert open_files() <= before + 2
    disk.may_go.set()
    assert {how(replies) for _ in range(20)} == {Published.DONE}


def test_what_is_written_to_a_file_that_is_open_while_its_removal_waits_for_the_disk_comes_back(
    root: Path, disk: Disk, writer: FolderWriter
) -> None:
    file = root / "file"
    file.write_bytes(OLD)
    pinned = Stamp.of(file.stat())
    with file.open("ab", buffering=0) as held:
        disk.before = lambda _: None if file.exists() else held.write(b", and more")  # type: ignore[assignment]
        reply = answer(writer, RemoveFile(staged_name(1), (b"file",), pinned))
    assert reply == FilePublished(Published.CHANGED)
    assert file.read_bytes() == OLD + b", and more"
    assert staged_files(root) == set()
