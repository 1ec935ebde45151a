"""What kind of file system a folder lies on, by what the kernel lists."""

from __future__ import annotations

import os
from pathlib import Path

from s3plan.storage.places.mounts import file_system_of


def test_the_mount_of_the_device_of_a_folder_says_its_file_system(tmp_path: Path) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 999:999 / / rw shared:1 - ext4 /dev/sda rw\n"
        f"23 22 {os.major(device)}:{os.minor(device)} / /mnt/a\\040b rw shared:2 master:1 - fuse.rclone x: rw\n"
    )
    assert file_system_of(tmp_path, mounts=mounts) == "fuse.rclone"


def test_what_is_not_listed_or_not_there_is_not_known(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    assert file_system_of(tmp_path, mounts=mounts) is None
    mounts.write_text("22 1 999:999 / / rw\n\n")
    assert file_system_of(tmp_path, mounts=mounts) is None
    assert file_system_of(tmp_path / "missing") is None
