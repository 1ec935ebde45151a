"""How fast an audit asks: `run.rate` and `run.bandwidth`, as they hold for runs."""

from __future__ import annotations

import time
from collections.abc import Callable

from s3plan.executors.pace.pacing import RunControl
from s3plan.schemas.plan.header import RunRecord
from s3plan.schemas.plan.places import Place
from s3plan.schemas.requests.objects import GetObject, Request

_BOTH_SIDES = Place("", None, None)  # rate and bandwidth are of all places together


def audit_pace(
    run: RunRecord, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> Callable[[Request], None] | None:
    """Return what waits for the turn of a request, on any thread; None where the manifest sets no pace.

    Bandwidth is of objects' bytes that are fetched: listings and HEADs only count as requests. `clock` and `sleep` take
    and give seconds.
    """
    if run.rate_per_s is None and run.bandwidth_bytes_per_s is None:
        return None
    control = RunControl(
        in_flight=1, rate_per_s=run.rate_per_s, bandwidth_bytes_per_s=run.bandwidth_bytes_per_s, clock=clock
    )

    def wait(request: Request) -> None:
        wait_s = control.reserve(_BOTH_SIDES, size_bytes=_size_bytes(request))
        if wait_s > 0:
            sleep(wait_s)

    return wait


def _size_bytes(request: Request) -> int:
    """Return how many bytes of an object an audit asks for."""
    if not isinstance(request, GetObject) or request.first_byte is None or request.last_byte is None:
        return 0
    return request.last_byte - request.first_byte + 1
