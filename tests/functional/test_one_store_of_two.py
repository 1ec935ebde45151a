"""Two jobs between two stores of which one goes away: the other's job goes on to its end, and then both are done."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import s3plan
from fakes.s3server import Fault, FaultKind, ServerProcess
from fakes.workplace import PROBE, Workplace, counted
from s3plan.schemas.events import ActionEnded, Event

HERE, THERE = 3_000, 400


@pytest.mark.sampled(1)
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_store_that_goes_away_holds_only_the_job_that_asks_it(place: Workplace, executor: str) -> None:
    with ServerProcess() as away:
        place.seed("source", count=HERE, size_bytes=10)
        place.buckets("destination")
        away.seed("source", count=THERE, size_bytes=10)
        away.seed("destination", keys=[])
        stores = {"here": place.server.endpoint, "away": away.endpoint}
        connections = {name: {"endpoint": url, "region": "us-east-1"} for name, url in stores.items()}
        jobs = {
            name: {
                "source": {"url": "s3://source/", "connection": name},
                "destination": {"url": "s3://destination/", "connection": name},
            }
            for name in ("away", "here")
        }
        run = {"executor": executor, "workers": 2, "retries": 1, "in_flight": 8}
        manifest = {"version": 1, "name": "job", "connections": connections, "jobs": jobs, "run": run}
        (place.folder / "job.yaml").write_text(json.dumps(manifest))
        place.plan(probe=True)
        away.faults([Fault(kind=FaultKind.RESET, after=60, times=None)])
        done_here = 0

        def look(event: Event) -> None:
            nonlocal done_here
            if isinstance(event, ActionEnded) and event.job == "here":
                done_here += 1
                if done_here == HERE:  # it comes back only now
                    away.clear_faults()

        report = place.apply(every_action=True, on_event=look, max_duration=timedelta(seconds=120))
        assert (report.exit_code, counted(report)) == (0, {"done": HERE + THERE}), report
        said = [message for message in place.told if "answer" in message]
        where = f"the store at {away.endpoint} (connection away)"
        assert said[0] == f"{where} does not answer: what asks it waits, the rest goes on"
        assert any(message.startswith(f"{where} answers again, after ") for message in said)
        assert set(place.writes().values()) == {1}
        writes = {key: count for key, count in away.writes("destination").items() if PROBE not in key}
        assert (len(writes), set(writes.values())) == (THERE, {1})
        again = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
        assert again.header.actions == 0
