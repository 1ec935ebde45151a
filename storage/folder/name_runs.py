"""The names of one directory in order, however many there are: those that are too many are sorted in runs on disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from heapq import merge
from itertools import islice
from tempfile import TemporaryFile
from typing import IO

from s3plan.schemas.errors import S3PlanError

_MOST_IN_MEMORY = 500_000
_AT_ONCE = 1000
_READ_BYTES = 256 << 10
_LENGTH_BYTES = 2  # a name has 255 bytes at most, and what is kept with it a few


def sorted_names(names: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield names in order: all at once if memory holds them, else some at a time, from a nameless temporary file.

    Raises S3PlanError where the disk takes them not; what `names` raises comes out. All are read before the first.
    """
    coming = iter(names)
    first = sorted(islice(coming, _MOST_IN_MEMORY))
    following = next(coming, None)
    if following is None:
        yield first
        return
    with _told_of_disk():
        file = TemporaryFile(prefix="s3plan-", buffering=0)  # noqa: SIM115  closed by the next one
    with file:
        runs = [_written(file, first)]
        first.clear()
        while following is not None:
            run = [following, *islice(coming, _MOST_IN_MEMORY - 1)]
            run.sort()
            runs.append(_written(file, run))
            del run
            following = next(coming, None)
        merged = merge(*(_read(file.fileno(), start, end) for start, end in runs))
        while some := list(islice(merged, _AT_ONCE)):
            yield some


@contextmanager
def _told_of_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise S3PlanError(
            "the names of a large directory cannot be sorted in a temporary file: "
            f"{error.strerror or error}; make room, or set TMPDIR to a folder with more room"
        ) from error


def _written(file: IO[bytes], run: list[bytes]) -> tuple[int, int]:
    """Append a run, and return where it begins and ends."""
    start = end = file.seek(0, os.SEEK_END)
    for at in range(0, len(run), _AT_ONCE):
        piece = b"".join(len(name).to_bytes(_LENGTH_BYTES, "big") + name for name in run[at : at + _AT_ONCE])
        left = memoryview(piece)
        with _told_of_disk():
            while left:
                left = left[file.write(left) :]
        end += len(piece)
    return start, end


def _read(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    """Yield the names of a run."""
    held = b""
    while start < end or held:
        with _told_of_disk():
            piece = os.pread(descriptor, min(_READ_BYTES, end - start), start)
            if not piece:
                raise OSError(errno.EIO, "it was cut short")
        start += len(piece)
        held += piece
        at = 0
        while at + _LENGTH_BYTES <= len(held):
            length = int.from_bytes(held[at : at + _LENGTH_BYTES], "big")
            if at + _LENGTH_BYTES + length > len(held):
                break
            yield held[at + _LENGTH_BYTES : at + _LENGTH_BYTES + length]
            at += _LENGTH_BYTES + length
        held = held[at:]
