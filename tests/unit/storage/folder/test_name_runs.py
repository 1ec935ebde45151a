"""Names come in order, whether memory holds them or runs on disk do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.errors import S3PlanError
from s3plan.storage.folder import name_runs
from s3plan.storage.folder.listing import FolderLister
from s3plan.storage.folder.name_runs import sorted_names

NAMES = st.sets(st.binary(min_size=1, max_size=12), max_size=80)


@pytest.fixture(scope="module", autouse=True)
def _few_in_memory() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(name_runs, "_MOST_IN_MEMORY", 7)
        patch.setattr(name_runs, "_AT_ONCE", 3)
        patch.setattr(name_runs, "_READ_BYTES", 16)
        yield


@given(NAMES)
def test_all_names_come_once_and_in_order(names: set[bytes]) -> None:
    assert list(chain.from_iterable(sorted_names(names))) == sorted(names)


def test_long_names_come_whole() -> None:
    names = [bytes([65 + at]) * 265 for at in range(20)]
    assert list(chain.from_iterable(sorted_names(reversed(names)))) == names


def test_a_directory_of_many_names_is_listed_as_one_of_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "a-b", "a.b", "\xe9", *(f"n{at}" for at in range(40))):
        (tmp_path / name).write_bytes(b"x")
    for name in ("a b", "d", "n"):
        (tmp_path / name).mkdir()
        for at in range(15):
            (tmp_path / name / f"{at}").write_bytes(b"x")
    by_runs = [row.key for page in FolderLister(tmp_path).pages() for row in page]
    monkeypatch.setattr(name_runs, "_MOST_IN_MEMORY", 1000)
    assert by_runs == [row.key for page in FolderLister(tmp_path).pages() for row in page]
    assert by_runs == sorted(by_runs)
    assert len(by_runs) == 44 + 45


def test_a_disk_that_is_full_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(name_runs, "TemporaryFile", full)
    with pytest.raises(S3PlanError, match="No space left on device; make room, or set TMPDIR"):
        list(sorted_names([b"%d" % at for at in range(8)]))


def test_what_the_directory_raises_comes_out_as_it_is() -> None:
    def broken(names: int) -> Iterator[bytes]:
        yield from (b"%d" % at for at in range(names))
        raise PermissionError

    for names in (1, 8, 30):
        with pytest.raises(PermissionError):
            list(sorted_names(broken(names)))
