"""How many files, sockets among them, this process may have open; connections leave some of them for everything else.

The journal, the plan, pipes to workers and what the resolver opens need theirs whatever connections take: without one
a journal cannot be written. Systems give the lowest free number to what is opened, so a number tells how many are
open at the least (https://pubs.opengroup.org/onlinepubs/9799919799/functions/V2_chap02.html#tag_16_06).
"""

from __future__ import annotations

import errno
import os
import resource
import socket
from contextlib import suppress
from pathlib import Path

_OPEN_FILES = Path("/dev/fd")
_OPEN_AT_A_GUESS = 32
_KEPT_BACK_AT_LEAST = 16
_KEPT_BACK_AT_MOST = 64
# What 1,024 connections to each of three stores need, and less than what any system refuses (macOS: 10,240).
_WANTED = 4096

NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE})


def most_open_files() -> int | None:
    """Return how many files this process may have open; None if as many as it likes."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def most_open_files_of_workers() -> int | None:
    """Return how many files each process may have open that raises its limit as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else max(soft, _within(hard))


def raise_most_open_files() -> int | None:
    """Let this process open more files, up to what it can use or the system lets it; return what was before.

    None if nothing was changed. What waits with select() for files beyond 1,023 breaks by this: only for processes of
    our own.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _within(hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return None
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # then it stays as it is
        return None
    return soft


def restore_most_open_files(soft: int) -> None:
    """Take back what raise_most_open_files did."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def leaves_room(descriptor: int) -> bool:
    """Return whether a connection may have this number: enough files can be opened besides it."""
    most = most_open_files()
    return most is None or descriptor < most - _kept_back(most)


def open_socket(family: int) -> socket.socket:
    """Return a new TCP socket; OSError with a number of NO_ROOM where no file may be opened, or too few others then."""
    opened = socket.socket(family, socket.SOCK_STREAM)
    if leaves_room(opened.fileno()):
        return opened
    opened.close()
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def room_for_connections(most: int | None, *, open_now: int | None = None) -> int | None:
    """Return how many connections fit into so many open files besides those that are open; None for any number."""
    if most is None:
        return None
    return max(1, most - _kept_back(most) - (_count_open() if open_now is None else open_now))


def _within(hard: int) -> int:
    return _WANTED if hard == resource.RLIM_INFINITY else min(hard, _WANTED)


def _kept_back(most: int) -> int:
    return min(_KEPT_BACK_AT_MOST, _KEPT_BACK_AT_LEAST + most // 8)


def _count_open() -> int:
    try:
        return sum(1 for _ in _OPEN_FILES.iterdir()) - 1  # listing them opens one
    except OSError:
        return _OPEN_AT_A_GUESS
