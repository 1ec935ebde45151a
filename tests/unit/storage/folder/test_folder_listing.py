"""A folder is listed in the order of S3's keys, and what is no file is named."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from s3plan.schemas.errors import ListingUnusable
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.objects import ObjectRow, Oddity, oddity_of
from s3plan.storage.folder.listing import FolderLister

ROOT = os.geteuid() == 0
NAMES = st.text(alphabet="ab-./ \u00e9\U00010000~", min_size=1, max_size=4).filter(lambda name: "/" not in name)


def listed(root: Path, *, follows: bool = False, below: bytes = b"") -> list[ObjectRow]:
    pages = list(FolderLister(root, follows=follows, below=below).pages())
    assert all(pages)
    return [row for page in pages for row in page]


def odd(rows: list[ObjectRow]) -> dict[bytes, Oddity]:
    return {row.key: oddity for row in rows if (oddity := oddity_of(row)) is not None}


def make(root: Path, *keys: str) -> None:
    for key in keys:
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(key.encode())


def test_the_order_is_that_of_the_keys_bytes(tmp_path: Path) -> None:
    keys = ["a-b", "a.b/c", "a/b", "a/b-", "a/c/d", "a0", "ab", "b", "\u00e9/x", "\uffee", "\U00010000"]
    make(tmp_path, *keys)
    assert [row.key for row in listed(tmp_path)] == sorted(key.encode() for key in keys)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(paths=st.sets(st.lists(NAMES, min_size=1, max_size=4).map(tuple), max_size=25))
def test_any_tree_is_listed_in_the_order_of_its_keys(
    tmp_path_factory: pytest.TempPathFactory, paths: set[tuple[str, ...]]
) -> None:
    root = tmp_path_factory.mktemp("tree")
    keys = set()
    for path in paths:
        if {".", ".."} & set(path):
            continue
        try:
            make(root, "/".join(path))
        except OSError:
            continue  # a file stands where this one needs a directory, or the other way round
        keys.add("/".join(path).encode())
    assert [row.key for row in listed(root)] == sorted(keys)


def test_a_row_says_size_time_and_stamp(tmp_path: Path) -> None:
    make(tmp_path, "file")
    os.utime(tmp_path / "file", ns=(1, 1_700_000_000_123_456_789))
    (row,) = listed(tmp_path)
    status = (tmp_path / "file").stat()
    assert row[:2] == (b"file", 4)
    assert row.mtime_ms == 1_700_000_000_123
    assert row.etag == f"4:1700000000123456789:{status.st_ctime_ns}:{status.st_ino}"
    (short,) = [row for page in FolderLister(tmp_path, has_short_stamps=True).pages() for row in page]
    assert short.etag == "4:1700000000123456789"
    for text in (row.etag, short.etag):
        stamp = Stamp.parse(text)
        assert stamp is not None
        assert stamp.holds_for(status)
        assert str(stamp) == text


@pytest.mark.parametrize("mtime_ns", [-1, -1_500_000_000, 0, 4_000_000_000_999_999_999])
def test_times_before_1970_and_far_ahead_are_kept(tmp_path: Path, mtime_ns: int) -> None:
    make(tmp_path, "file")
    os.utime(tmp_path / "file", ns=(0, mtime_ns))
    if (tmp_path / "file").stat().st_mtime_ns != mtime_ns:
        pytest.skip("this file system keeps no such time")
    (row,) = listed(tmp_path)
    assert row.mtime_ms == mtime_ns // 1_000_000
    stamp = Stamp.parse(row.etag)
    assert stamp is not None
    assert stamp.mtime_ns == mtime_ns


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder of another file system."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system")
    with TemporaryDirectory(dir=memory) as made:
        yield Path(made)


def test_symbolic_links_are_left_out_by_name(tmp_path: Path) -> None:
    make(tmp_path, "real/file", "target")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "tree").symlink_to("real")
    (tmp_path / "loose").symlink_to("nothing")
    rows = listed(tmp_path)
    assert odd(rows) == dict.fromkeys([b"link", b"loose", b"tree"], Oddity.LINK)
    assert [row.key for row in rows if oddity_of(row) is None] == [b"real/file", b"target"]


def test_symbolic_links_that_are_followed_count_as_what_they_lead_to(tmp_path: Path) -> None:
    make(tmp_path, "real/file", "target")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "tree").symlink_to("real")
    (tmp_path / "loose").symlink_to("nothing")
    (tmp_path / "real" / "up").symlink_to("..")
    (tmp_path / "self").symlink_to("self")
    rows = listed(tmp_path, follows=True)
    assert odd(rows) == {
        b"loose": Oddity.LINK_TO_NOTHING,
        b"real/up/": Oddity.LINK_IN_CIRCLE,
        b"self": Oddity.LINK_TO_NOTHING,
        b"tree/up/": Oddity.LINK_IN_CIRCLE,
    }
    assert [row.key for row in rows if oddity_of(row) is None] == [b"link", b"real/file", b"target", b"tree/file"]
    sizes = {row.key: row.size_bytes for row in rows}
    assert (sizes[b"link"], sizes[b"tree/file"]) == (len("target"), len("real/file"))


def test_what_lies_on_another_file_system_is_left_out_by_name_where_that_is_wanted(
    tmp_path: Path, elsewhere: Path
) -> None:
    """Links lead there, as nothing can be mounted in a test: device numbers are what both go by."""
    make(tmp_path, "here/file")
    make(elsewhere, "file")
    (tmp_path / "mounted").symlink_to(elsewhere)
    (tmp_path / "one").symlink_to(elsewhere / "file")
    assert [row.key for row in listed(tmp_path, follows=True)] == [b"here/file", b"mounted/file", b"one"]
    lister = FolderLister(tmp_path, follows=True, stays_on_device=True)
    rows = [row for page in lister.pages() for row in page]
    assert odd(rows) == {b"mounted/": Oddity.MOUNTED, b"one": Oddity.MOUNTED}
    assert [row.key for row in rows if oddity_of(row) is None] == [b"here/file"]


def test_what_is_neither_file_nor_directory_is_named_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert odd(listed(tmp_path)) == dict.fromkeys([b"pipe", b"socket"], Oddity.SPECIAL)


def test_a_name_that_is_no_text_is_listed_as_its_bytes(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))).write_bytes(b"x")
    (row,) = listed(tmp_path)
    assert (row.key, row.size_bytes) == (b"caf\xe9", 1)


def test_our_own_folders_are_named_and_not_entered(tmp_path: Path) -> None:
    make(tmp_path, ".s3plan/plan", "a/.s3plan-tmp/x", "a/.s3plan", "a/b", ".s3plans")
    rows = listed(tmp_path)
    assert odd(rows) == dict.fromkeys([b".s3plan/", b"a/.s3plan", b"a/.s3plan-tmp/"], Oddity.OWN)
    assert [row.key for row in rows if oddity_of(row) is None] == [b".s3plans", b"a/b"]


@pytest.mark.skipif(ROOT, reason="root may read everything")
def test_a_directory_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    make(tmp_path, "a/b", "c")
    (tmp_path / "a").chmod(0)
    try:
        rows = listed(tmp_path)
    finally:
        (tmp_path / "a").chmod(0o700)
    assert odd(rows) == {b"a/": Oddity.UNREADABLE}


def fail(what: str, name: bytes, error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a system call fail for one name."""
    real: Callable[..., object] = getattr(os, what)

    def failing(path: object, *args: object, **more: object) -> object:
        if path == name:
            raise error
        return real(path, *args, **more)

    monkeypatch.setattr(os, what, failing)


def test_what_cannot_be_looked_at_is_named_wherever_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/b", "c", "d")
    fail("open", b"a", PermissionError(13, "Permission denied"), monkeypatch)
    fail("stat", b"c", PermissionError(13, "Permission denied"), monkeypatch)
    rows = listed(tmp_path)
    assert odd(rows) == {b"a/": Oddity.UNREADABLE, b"c": Oddity.UNREADABLE}
    assert rows[-1].key == b"d"


def test_what_goes_away_while_it_is_listed_has_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/b", "c", "d")
    fail("open", b"a", FileNotFoundError(2, "No such file"), monkeypatch)
    fail("stat", b"c", FileNotFoundError(2, "No such file"), monkeypatch)
    assert [row.key for row in listed(tmp_path)] == [b"d"]


def test_a_folder_that_is_not_there_cannot_be_listed(tmp_path: Path) -> None:
    make(tmp_path, "file")
    for wrong in ("missing", "file"):
        with pytest.raises(ListingUnusable, match="cannot be read"):
            listed(tmp_path / wrong)


def test_empty_directories_are_counted(tmp_path: Path) -> None:
    lister = FolderLister(tmp_path)
    assert list(lister.pages()) == []
    assert lister.note is None
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert list(lister.pages()) == []
    assert lister.note == "1 empty directory is left out"


@pytest.mark.parametrize("below", [b"a/", b"a/b", b"a/b/c", b"x", b"a-", b"a"])
def test_only_what_may_matter_is_listed(tmp_path: Path, below: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a-b", "a/a", "a/b/c", "a/b/d", "a/bc", "x/y", "z")
    fail("open", b"nothing", OSError(), monkeypatch)
    every = [row.key for row in listed(tmp_path)]
    assert [row.key for row in listed(tmp_path, below=below)] == [key for key in every if key.startswith(below)]


def test_pages_are_full_and_no_descriptor_stays_open(tmp_path: Path) -> None:
    make(tmp_path, *(f"d{number % 7}/e{number % 3}/f{number}" for number in range(3_000)))
    before = len(list(Path("/proc/self/fd").iterdir()))
    pages = FolderLister(tmp_path).pages()
    first = next(pages)
    assert 1000 <= len(first) < 2000
    pages.close()  # type: ignore[attr-defined]
    rows = listed(tmp_path)
    assert len(rows) == 3_000
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_deep_tree_is_listed(tmp_path: Path) -> None:
    deep = "/".join(["d" * 100] * 9) + "/file"
    make(tmp_path, deep)
    assert [row.key for row in listed(tmp_path)] == [deep.encode()]
