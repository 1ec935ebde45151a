"""Files are read as they were planned, or not at all."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import md5, sha256
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest
from contract.body_contract import crc_header
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.requests import FileRead, FileReply, HeldBytes, ReadFile
from s3plan.schemas.files.stamps import Stamp
from s3plan.storage.folder import reading
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.engine import FolderEngine
from s3plan.storage.memory_budget import MemoryBudget

ROOT = os.geteuid() == 0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_bytes(b"the bytes")
    return folder


@pytest.fixture
def engine(root: Path) -> Iterator[FolderEngine]:
    opened = FolderEngine(root, threads=2)
    yield opened
    opened.close()


def request_for(root: Path, key: str = "a/b/file", *, is_short: bool = False) -> ReadFile:
    status = (root / key).stat()
    return ReadFile(tuple(key.encode().split(b"/")), Stamp.of(status, is_short=is_short))


def bytes_of(read: FileRead) -> bytes:
    content = bytearray(read.body.size_bytes)
    view, offset = memoryview(content), 0
    while offset < len(content):
        taken = read.body.read_into(view[offset:], offset=offset)
        assert taken
        offset += taken
    return bytes(content)


def failed(reply: object) -> Failure:
    assert isinstance(reply, Failure), reply
    return reply


def test_a_file_is_read_with_the_digests_that_are_wanted(root: Path, engine: FolderEngine) -> None:
    wanted = request_for(root)
    read = engine.call(ReadFile(wanted.parts, wanted.stamp, with_md5=True, with_sha256=True))
    assert isinstance(read, FileRead)
    content = b"the bytes"
    assert (bytes_of(read), read.mtime_ns) == (content, (root / "a/b/file").stat().st_mtime_ns)
    assert read.digests.crc64nvme == crc_header(content)
    assert read.digests.md5 == b64encode(md5(content, usedforsecurity=False).digest()).decode()
    assert read.digests.sha256 == sha256(content).hexdigest()
    plain = engine.call(ReadFile(wanted.parts, wanted.stamp, with_crc64nvme=False))
    assert isinstance(plain, FileRead)
    assert plain.digests == type(plain.digests)()


@pytest.mark.parametrize("size", [0, 1, 5 << 20, (8 << 20) + 1, 20 << 20])
def test_a_file_of_any_size_is_read_whole(root: Path, engine: FolderEngine, size: int) -> None:
    (root / "file").write_bytes(os.urandom(size))
    read = engine.call(request_for(root, "file"))
    assert isinstance(read, FileRead)
    assert bytes_of(read) == (root / "file").read_bytes()


def test_replies_come_on_threads_each_once(root: Path, engine: FolderEngine) -> None:
    replies: SimpleQueue[object] = SimpleQueue()
    for _ in range(50):
        engine.submit(request_for(root), replies.put)
    assert {type(replies.get(timeout=10)) for _ in range(50)} == {FileRead}
    assert replies.empty()


def rewrite(path: Path) -> None:
    path.write_bytes(b"the bites")


def replace(path: Path) -> None:
    status = path.stat()
    (path.parent / "new").write_bytes(b"the bites")
    os.utime(path.parent / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    (path.parent / "new").rename(path)


def rewrite_and_set_back(path: Path) -> None:
    status = path.stat()
    path.write_bytes(b"the bites")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [rewrite, replace, rewrite_and_set_back], ids=lambda change: change.__name__)
def test_a_file_that_was_changed_after_the_plan_is_not_read(
    root: Path, engine: FolderEngine, change: Callable[[Path], None]
) -> None:
    wanted = request_for(root)
    change(root / "a/b/file")
    assert failed(engine.call(wanted)).kind is FailureKind.SOURCE_CHANGED


def test_a_file_that_was_only_touched_says_so(root: Path, engine: FolderEngine) -> None:
    wanted = request_for(root)
    (root / "a/b/file").chmod(0o600)
    failure = failed(engine.call(wanted))
    assert failure.kind is FailureKind.SOURCE_CHANGED
    assert failure.message == "a/b/file: the file was touched after the plan"


def test_a_short_stamp_lets_a_touched_file_pass_and_no_changed_one(root: Path, engine: FolderEngine) -> None:
    wanted = request_for(root, is_short=True)
    (root / "a/b/file").chmod(0o600)
    assert isinstance(engine.call(wanted), FileRead)
    replace(root / "a/b/file")
    assert isinstance(engine.call(wanted), FileRead)  # which is what it cannot see
    rewrite(root / "a/b/file")
    assert failed(engine.call(wanted)).kind is FailureKind.SOURCE_CHANGED


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def changing_while(monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]) -> None:
    real = reading._whole

    def whole(descriptor: int, request: ReadFile) -> bytes:
        content = real(descriptor, request)
        change()
        return content

    monkeypatch.setattr(reading, "_whole", whole)


def test_a_file_that_changes_while_it_is_read_has_changed(
    root: Path, engine: FolderEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = request_for(root)
    changing_while(monkeypatch, lambda: append(root / "a/b/file"))
    assert failed(engine.call(wanted)).kind is FailureKind.SOURCE_CHANGED


def test_a_file_that_is_shorter_than_it_says_has_changed(
    root: Path, engine: FolderEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size: real(descriptor, size) and b"")
    failure = failed(engine.call(request_for(root)))
    assert failure.kind is FailureKind.SOURCE_CHANGED
    assert "shorter" in failure.message


def test_what_is_gone_is_not_found(root: Path, engine: FolderEngine) -> None:
    wanted = request_for(root)
    assert isinstance(engine.call(wanted), FileRead)  # so that its directories are open
    (root / "a/b/file").unlink()
    assert failed(engine.call(wanted)).kind is FailureKind.NOT_FOUND
    (root / "a/b").rmdir()
    assert failed(engine.call(wanted)).kind is FailureKind.NOT_FOUND
    (root / "a/b").write_bytes(b"a file where a directory was")
    assert failed(engine.call(wanted)).kind is FailureKind.NOT_FOUND


def test_a_directory_that_was_put_in_the_place_of_another_is_found(root: Path, engine: FolderEngine) -> None:
    assert isinstance(engine.call(request_for(root)), FileRead)
    (root / "a/b").rename(root / "old")
    (root / "a/b").mkdir()
    (root / "a/b/other").write_bytes(b"new")
    read = engine.call(request_for(root, "a/b/other"))
    assert isinstance(read, FileRead)
    assert bytes_of(read) == b"new"


def test_a_file_is_found_below_whatever_directory_was_put_in_the_place_of_another(
    root: Path, engine: FolderEngine
) -> None:
    (root / "a/b/c").mkdir()
    (root / "a/b/c/0").write_bytes(b"x")
    assert isinstance(engine.call(request_for(root, "a/b/c/0")), FileRead)
    (root / "a").rename(root / "old")
    (root / "a/b/c").mkdir(parents=True)
    (root / "a/b/c/1").write_bytes(b"y")
    assert isinstance(engine.call(request_for(root, "a/b/c/1")), FileRead)


@pytest.mark.parametrize("where", ["a", "a/b", "a/b/file"])
def test_no_symbolic_link_that_was_planted_leads_out_of_the_folder(root: Path, tmp_path: Path, where: str) -> None:
    wanted = request_for(root)
    outside = tmp_path / "outside"
    (root / where).rename(outside)
    (root / where).symlink_to(outside)
    engine = FolderEngine(root, threads=1)
    failure = failed(engine.call(wanted))
    assert failure.kind in {FailureKind.NOT_FOUND, FailureKind.SOURCE_CHANGED}, failure
    engine.close()
    following = FolderEngine(root, threads=1, follows=True)
    wanted = ReadFile(wanted.parts, Stamp.of((root / "a/b/file").stat()))
    assert isinstance(following.call(wanted), FileRead)
    following.close()


def test_a_pipe_that_was_put_in_the_place_of_a_file_holds_nobody_up(root: Path, engine: FolderEngine) -> None:
    wanted = request_for(root)
    (root / "a/b/file").unlink()
    os.mkfifo(root / "a/b/file")
    failure = failed(engine.call(wanted))
    assert failure.kind is FailureKind.SOURCE_CHANGED
    assert failure.message == "a/b/file: it is no file any more"


@pytest.mark.skipif(ROOT, reason="root may read everything")
def test_what_may_not_be_read_is_denied(root: Path, engine: FolderEngine) -> None:
    (root / "a/b/file").chmod(0)
    assert failed(engine.call(request_for(root))).kind is FailureKind.DENIED


@pytest.mark.parametrize(("number", "kind"), [(5, FailureKind.LOCAL_IO), (13, FailureKind.DENIED)])
def test_a_disk_that_fails_says_so(
    root: Path, engine: FolderEngine, monkeypatch: pytest.MonkeyPatch, number: int, kind: FailureKind
) -> None:
    def broken(descriptor: int, size: int) -> bytes:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "read", broken)
    failure = failed(engine.call(request_for(root)))
    assert (failure.kind, failure.message) == (kind, f"a/b/file: {os.strerror(number)}")


def test_a_folder_that_is_gone_fails_each_request(tmp_path: Path) -> None:
    engine = FolderEngine(tmp_path / "gone", threads=1)
    failure = failed(engine.call(ReadFile((b"x",), Stamp(0, 0))))
    assert failure.kind is FailureKind.NOT_FOUND
    engine.close()


def test_directories_are_kept_open_up_to_a_limit_and_closed_at_the_end(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"d{number}" / "e").mkdir(parents=True)
    before = len(list(Path("/proc/self/fd").iterdir()))
    directories = OpenDirectories(tmp_path)
    for number in [*range(300), *range(300)]:
        status = os.fstat(directories.of((f"d{number}".encode(), b"e")))
        assert status.st_ino == (tmp_path / f"d{number}" / "e").stat().st_ino
    assert len(list(Path("/proc/self/fd").iterdir())) - before < 80
    directories.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_missing_directories_are_made_when_they_are_to_be(tmp_path: Path) -> None:
    directories = OpenDirectories(tmp_path)
    with pytest.raises(FileNotFoundError):
        directories.of((b"x", b"y"))
    assert os.fstat(directories.of((b"x", b"y"), makes=True)).st_ino == (tmp_path / "x/y").stat().st_ino
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        directories.of((b"link", b"z"), makes=True)
    assert not (tmp_path / "z").exists()
    directories.close()


@pytest.mark.parametrize("size", [100, (8 << 20) + 1])
def test_digests_are_those_of_all_bytes_whether_they_are_held_or_not(
    root: Path, engine: FolderEngine, size: int
) -> None:
    content = os.urandom(size)
    (root / "file").write_bytes(content)
    wanted = request_for(root, "file")
    read = engine.call(ReadFile(wanted.parts, wanted.stamp, with_md5=True, with_sha256=True))
    assert isinstance(read, FileRead)
    assert isinstance(read.body, HeldBytes) is (size == 100)
    assert read.digests.crc64nvme == crc_header(content)
    assert read.digests.sha256 == sha256(content).hexdigest()


def test_no_more_than_its_share_of_memory_is_read_ahead_and_all_is_read_in_the_end(root: Path) -> None:
    for number in range(20):
        (root / f"{number}").write_bytes(bytes(1000))
    engine = FolderEngine(root, threads=4, memory=MemoryBudget(3_000))
    replies: SimpleQueue[FileReply | Failure] = SimpleQueue()
    for number in range(20):
        engine.submit(request_for(root, f"{number}"), replies.put)
    held = [replies.get(timeout=10) for _ in range(3)]
    with pytest.raises(Empty):
        replies.get(timeout=0.2)
    for _ in range(17):
        held.pop()
        held.append(replies.get(timeout=10))
    assert {type(reply) for reply in held} == {FileRead}
    held.clear()
    (root / "0").unlink()
    (root / "large").write_bytes(bytes(100_000))  # more than there is room for: alone it may
    for key in ("1", "large", "2"):
        engine.submit(request_for(root, key), replies.put)
    assert [type(replies.get(timeout=10)) for _ in range(3)] == [FileRead] * 3
    engine.close()


def test_what_was_not_read_takes_no_memory(root: Path) -> None:
    engine = FolderEngine(root, threads=1, memory=MemoryBudget(9))
    wanted = request_for(root)
    (root / "a/b/file").write_bytes(b"other")
    replies: SimpleQueue[object] = SimpleQueue()
    for _ in range(3):
        engine.submit(wanted, replies.put)
    assert [failed(replies.get(timeout=10)).kind for _ in range(3)] == [FailureKind.SOURCE_CHANGED] * 3
    engine.close()


def test_descriptors_of_large_files_are_closed_when_nobody_has_them(root: Path, engine: FolderEngine) -> None:
    (root / "file").write_bytes(bytes((8 << 20) + 1))
    engine.call(request_for(root))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        read = engine.call(request_for(root, "file"))
        assert isinstance(read, FileRead)
        del read
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_was_taken_before_the_end_is_answered_though_it_waits_for_memory(root: Path) -> None:
    engine = FolderEngine(root, threads=2, memory=MemoryBudget(9))
    replies: SimpleQueue[FileReply | Failure] = SimpleQueue()
    for _ in range(5):
        engine.submit(request_for(root), replies.put)
    held = [replies.get(timeout=10)]
    engine.close()
    for _ in range(4):
        held.pop()
        held.append(replies.get(timeout=10))
        assert isinstance(held[0], FileRead)
