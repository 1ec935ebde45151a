"""Lets this process open only so many more files than it has open."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from s3plan.storage.s3.open_files import leaves_room


@contextmanager
def few_files(more: int) -> Iterator[None]:
    """Let `more` files be opened until the end."""
    with _at_most(_lowest_free() + more):
        yield


@contextmanager
def few_connections(number: int) -> Iterator[None]:
    """Let the engine have about so many connections until the end, and everything else what it leaves."""
    first = _lowest_free()
    most = first + number
    while True:
        with _at_most(most):
            if leaves_room(first + number - 1):
                yield
                return
        most += 1


@contextmanager
def _at_most(most: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _lowest_free() -> int:
    found = os.dup(0)
    os.close(found)
    return found
