"""A folder of this machine as a place: found, and seen to be the same one."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_IFDIR

import pytest
from s3plan.schemas.files.urls import FolderUrl
from s3plan.storage.places.folder import FolderMissing, find_folder


def test_an_inode_of_64_bits_fits_into_a_plan_and_is_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems number by hashes, and SQLite's integers are signed."""

    def found(inode: int) -> int | None:
        status = os.stat_result((S_IFDIR | 0o755, inode, 1, 1, 0, 0, 0, 0, 0, 0))
        with monkeypatch.context() as patched:
            patched.setattr(Path, "stat", lambda _: status)
            return find_folder(FolderUrl(str(tmp_path))).location.root_inode

    inodes = [0, 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1]
    kept = [found(inode) for inode in inodes]
    assert len(set(kept)) == len(inodes)
    assert all(number is not None and -(2**63) <= number < 2**63 for number in kept)
    assert kept[:3] == inodes[:3]


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FolderMissing, match="is no folder"):
        find_folder(FolderUrl(str(tmp_path / "file")))
    with pytest.raises(FolderMissing, match="is its disk mounted"):
        find_folder(FolderUrl(str(tmp_path / "gone")))
