"""The s3plan command on a file system that has no flock: `python -m fakes.without_flock`.

`S3PLAN_HEARTBEAT_S` lets its hearts beat faster, and takes a silent one for dead sooner, in proportion.
"""

from __future__ import annotations

import errno
import fcntl
import os

HEARTBEAT_VARIABLE = "S3PLAN_HEARTBEAT_S"
_TIMES = ("HEARTBEAT_S", "TAKE_OVER_AFTER_S", "_WATCH_S", "_SETTLE_S")


def refuse(_descriptor: object, _operation: int, /) -> None:
    """Stand in for fcntl.flock."""
    raise OSError(errno.ENOLCK, "No locks available")


def beat_every(seconds: float) -> None:
    """Shorten all times of the lock alike."""
    from s3plan.executors.journal import lock

    factor = seconds / lock.HEARTBEAT_S
    for name in _TIMES:
        setattr(lock, name, getattr(lock, name) * factor)


if __name__ == "__main__":
    fcntl.flock = refuse
    if HEARTBEAT_VARIABLE in os.environ:
        beat_every(float(os.environ[HEARTBEAT_VARIABLE]))
    from s3plan.cli.main import run

    run()
