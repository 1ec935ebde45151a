"""Room on a disk is asked for, never made by writing."""

from __future__ import annotations

import ctypes
import errno
from pathlib import Path

import pytest
from s3plan.storage.folder.writes import reserving
from s3plan.storage.folder.writes.reserving import reserve


def answer(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: int) -> int:
        ctypes.set_errno(number)
        return -1

    monkeypatch.setattr(reserving, "_fallocate", lambda: refuse)


def test_a_disk_without_room_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, errno.ENOSPC)
    with (tmp_path / "file").open("wb") as file, pytest.raises(OSError, match="No space left on device"):
        reserve(file.fileno(), 100)


def test_a_file_system_that_cannot_reserve_writes_nothing_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, errno.EOPNOTSUPP)
    with (tmp_path / "file").open("wb") as file:
        reserve(file.fileno(), 100)
    assert (tmp_path / "file").stat().st_size == 0


def test_room_is_reserved_from_the_start(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        reserve(file.fileno(), 1 << 20)
    assert (tmp_path / "file").stat().st_size in {0, 1 << 20}  # none where the system cannot
