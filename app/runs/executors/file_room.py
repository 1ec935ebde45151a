"""Fits the number of requests under way to the files that a process may have open: each takes a connection."""

from __future__ import annotations

from dataclasses import replace

from s3plan.app.runs.executors.opening import EngineLimits
from s3plan.storage.s3.open_files import most_open_files, most_open_files_of_workers, room_for_connections

_OPEN_IN_A_WORKER = 32  # before it has any connection


def fit_to_files(limits: EngineLimits, *, engines: int) -> tuple[EngineLimits, str | None]:
    """Return what the limit of open files leaves of these limits, and a sentence if that is less.

    `engines` are as many as share a process's open files (Stores.count_engines). Of workers that others have started
    nothing is known here; what they open is bounded where they run.
    """
    if limits.sends_from_here:
        most, processes, open_now = most_open_files(), 1, None
    elif limits.owns_workers:
        most, processes, open_now = most_open_files_of_workers(), limits.workers, _OPEN_IN_A_WORKER
    else:
        return limits, None
    room = room_for_connections(most, open_now=open_now)
    if room is None:
        return limits, None
    fitting = max(1, room // max(1, engines)) * processes
    if fitting >= limits.most_in_flight:
        return limits, None
    told = (
        f"a process may have {most:,} files open here (ulimit -n), so at most {fitting:,} requests are under way at a "
        f"time, not {limits.most_in_flight:,}; raise that limit for more"
    )
    in_flight = min(limits.in_flight, fitting)
    workers = min(limits.workers, in_flight)
    return replace(limits, workers=workers, in_flight=in_flight, most_in_flight=fitting), told
