"""A low limit of open files (ulimit -n) makes a run narrower, and never fails it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.s3server import Fault, FaultKind
from fakes.workplace import Workplace

COPIES = 120


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("engine", "executor"), [("native", "threads"), ("native", "processes"), ("boto3", "threads")], indirect=["engine"]
)
def test_an_apply_keeps_within_64_open_files_and_says_so(place: Workplace, executor: str) -> None:
    place.seed("source", count=COPIES, size_bytes=10)
    place.buckets("destination")
    place.manifest(run={"executor": executor, "workers": 2})
    place.plan(probe=True)
    place.server.faults([Fault(kind=FaultKind.DELAY, operation="CopyObject", times=None, delay_s=0.1)])
    ended = replace(place.command, most_open_files=64).run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    told = [event["message"] for event in ended.events if event["event"] == "warning"]
    assert any("64 files open" in message for message in told), told
    place.server.faults([])
    place.assert_all_done_once()
