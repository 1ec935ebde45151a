"""A store that goes away for a while: the run waits for it, and no action fails of it."""

from __future__ import annotations

import pytest
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, Workplace


@pytest.mark.sampled(1)
@BY_BOTH_ENGINES
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_an_outage_longer_than_all_tries_fails_nothing(place: Workplace, executor: str) -> None:
    place.seed("source", count=600, size_bytes=10)
    place.buckets("destination")
    place.manifest(run={"retries": 1, "executor": executor, "workers": 2})
    place.plan(probe=True)
    # Also what asks whether it is back is not answered; the count covers every request of the run.
    place.server.faults([Fault(kind=FaultKind.RESET, after=150, times=None, lasts_s=6)])
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    warnings = [event["message"] for event in ended.events if event["event"] == "warning"]
    assert any(message.startswith("the store does not answer") for message in warnings)
    assert any(message.startswith("the store answers again") for message in warnings)
    assert place.keys("destination") == place.keys("source")
    assert set(place.writes().values()) == {1}
    place.assert_nothing_left()
