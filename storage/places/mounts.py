"""On what kind of file system a folder lies."""

from __future__ import annotations

import os
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")


def file_system_of(folder: Path, *, mounts: Path = _MOUNTS) -> str | None:
    """Return the name of a folder's file system as the kernel has it (`ext4`, `fuse.rclone`); None if it is not known.

    https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    """
    try:
        device = folder.stat().st_dev
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        mount, _, source = line.partition(" - ")
        if mount.split(" ")[2:3] == [wanted]:
            return source.split(" ")[0]
    return None
