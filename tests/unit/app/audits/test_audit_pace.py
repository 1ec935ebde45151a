"""An audit asks no faster than the manifest says."""

from __future__ import annotations

from dataclasses import dataclass, field

from s3plan.app.audits.audit_pace import audit_pace
from s3plan.planner.manifest.job import run_record
from s3plan.schemas.manifest.models import RunSettings
from s3plan.schemas.manifest.values import Plain
from s3plan.schemas.requests.objects import GetObject, HeadObject, Request

MIB = 1 << 20


@dataclass
class Clock:
    """Passes only where somebody sleeps."""

    now_s: float = 100.0
    slept_s: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.slept_s.append(round(seconds, 6))


def asked(*requests: Request, **run: str) -> list[float]:
    """Return how long each that had to wait has waited for its turn."""
    clock = Clock()
    settings = run_record(RunSettings.model_validate({name: Plain(text) for name, text in run.items()}))
    wait = audit_pace(settings, clock=lambda: clock.now_s, sleep=clock.sleep)
    assert wait is not None
    for request in requests:
        wait(request)
    return clock.slept_s


def test_where_nothing_is_said_nobody_waits() -> None:
    assert audit_pace(run_record(RunSettings())) is None


def test_requests_follow_each_other_at_the_rate() -> None:
    assert asked(*[HeadObject("bucket", "key")] * 4, rate="10/s") == [0.1, 0.1, 0.1]


def test_bytes_that_are_fetched_keep_to_the_bandwidth_and_no_other_request_counts_for_it() -> None:
    piece = GetObject("bucket", "key", first_byte=0, last_byte=MIB - 1)
    assert asked(piece, HeadObject("bucket", "key"), piece, piece, bandwidth="4MiB/s") == [0.25, 0.25]
