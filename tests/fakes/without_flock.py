"""The s3plan command on a file system that has no flock: `python -m fakes.without_flock`."""

from __future__ import annotations

import errno
import fcntl


def refuse(_descriptor: object, _operation: int, /) -> None:
    """Stand in for fcntl.flock."""
    raise OSError(errno.ENOLCK, "No locks available")


if __name__ == "__main__":
    fcntl.flock = refuse
    from s3plan.cli.main import run

    run()
