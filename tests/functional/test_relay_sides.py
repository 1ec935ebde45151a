"""Each side of a relay has its own pace, breaker and credentials: what one of them suffers does not hold the other."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from fakes.relay_place import ORIGIN, STORE, RelayPlace
from fakes.s3server import Fault, FaultKind, ServerProcess
from fakes.workplace import BY_BOTH_ENGINES, MIB, PROBE, counted
from s3plan.schemas.events import ActionEnded, Event

LASTS_S = 3.0
_PATIENCE_S = 60
SIDES = pytest.mark.parametrize("side", [ORIGIN, STORE])
RUN: dict[str, Any] = {"workers": 2, "in_flight": 8}


def server_of(place: RelayPlace, side: str) -> ServerProcess:
    return place.origin if side == ORIGIN else place.server


def other_server(place: RelayPlace, side: str) -> ServerProcess:
    return place.server if side == ORIGIN else place.origin


def writes_of(side: str) -> str:
    """What a relay of small objects asks that side for."""
    return "GetObject" if side == ORIGIN else "PutObject"


def plan_two_jobs(place: RelayPlace, side: str, *, relayed: int, copied: int, run: dict[str, Any]) -> None:
    """A relay, and copies that stay at the side that nothing will happen to."""
    calm = STORE if side == ORIGIN else ORIGIN
    place.seed("source", count=relayed, size_bytes=100, synthetic=False)
    place.buckets("destination")
    server = other_server(place, side)
    server.seed("here", count=copied, size_bytes=10)
    server.seed("there", keys=[])
    place.manifest(run=run)
    manifest = json.loads((place.folder / "job.yaml").read_text())
    ends = {name: manifest.pop(name) for name in ("source", "destination")}
    copies = {
        "source": {"url": "s3://here/", "connection": calm},
        "destination": {"url": "s3://there/", "connection": calm},
    }
    manifest["jobs"] = {"relay": ends, "copies": copies}
    (place.folder / "job.yaml").write_text(json.dumps(manifest))
    place.plan(probe=True)
    for each in place.both:
        each.reset_stats()


@SIDES
def test_a_store_that_throttles_slows_down_only_what_asks_it(relay_place: RelayPlace, side: str) -> None:
    place, rate = relay_place, 300
    plan_two_jobs(place, side, relayed=300, copied=1000, run={**RUN, "rate": f"{rate}/s"})
    storm = Fault(kind=FaultKind.SLOW_DOWN, operation=writes_of(side), share=0.7, times=None, after=40, lasts_s=LASTS_S)
    server_of(place, side).faults([storm])
    with place.command.start("apply", place.plan_file, "--yes", "--json") as started:
        wait_for(lambda: sum(server_of(place, side).fired()) > 0)
        before = {name: served(server, side) for name, server in named(place, side).items()}
        time.sleep(LASTS_S)
        after = {name: served(server, side) for name, server in named(place, side).items()}
        ended = started.wait(timeout_s=_PATIENCE_S)
    assert ended.exit_code == 0, ended.output
    assert ended.event("run-ended")["counts"] == {"done": 1300}
    pace = {name: (after[name] - before[name]) / LASTS_S for name in after}
    assert pace["throttled"] < rate / 3, pace
    assert pace["calm"] > pace["throttled"] * 2, pace
    assert place.keys("destination") == place.keys("source")


def named(place: RelayPlace, side: str) -> dict[str, ServerProcess]:
    return {"throttled": server_of(place, side), "calm": other_server(place, side)}


def served(server: ServerProcess, side: str) -> int:
    """How many requests a server has been sent: of the relay at the one, of the copies at the other."""
    stats = server.stats()
    return stats.requested(writes_of(side)) + stats.requested("CopyObject")


def wait_for(is_so: Any) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < until_s
        time.sleep(0.02)


@BY_BOTH_ENGINES
@SIDES
def test_credentials_of_one_side_that_end_stop_the_run_by_name_and_it_goes_on_with_new_ones(
    relay_place: RelayPlace, side: str
) -> None:
    place = relay_place
    place.seed("source", count=200, size_bytes=100, synthetic=False)
    place.s3.put_object(Bucket="source", Key="large", Body=bytes(11 * MIB))
    place.buckets("destination")
    place.manifest(run={**RUN, "multipart_threshold": "5MiB", "part_size": "5MiB"})
    place.plan(probe=True)
    server = server_of(place, side)
    server.faults([Fault(kind=FaultKind.EXPIRED_TOKEN, operation=writes_of(side), after=50, times=None)])
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 10, ended.output
    assert ended.event("run-ended")["counts"].get("failed", 0) == 0
    told = place.command.run("status", place.plan_file).output + ended.stdout
    assert f"connection {side}" in told, told
    assert f"connection {STORE if side == ORIGIN else ORIGIN}" not in ended.stdout
    written = len(place.keys("destination"))
    assert 0 < written < 200
    server.clear_faults()
    server.set_mode(credential="AKIDNEW")
    place.log_in(**{side: ("AKIDNEW", "secret-of-the-fake-s3server")})
    again = place.command.run("apply", place.plan_file, "--yes")
    server.set_mode(credential=None)
    assert again.exit_code == 0, again.output
    place.assert_all_done_once()


@pytest.mark.parametrize("executor", ["threads", "processes"])
@pytest.mark.sampled(2)
@SIDES
def test_a_store_that_goes_away_is_waited_for_and_only_what_asks_it_waits(
    relay_place: RelayPlace, side: str, executor: str
) -> None:
    place = relay_place
    relayed, copied = 300, 1500
    plan_two_jobs(place, side, relayed=relayed, copied=copied, run={**RUN, "retries": 1, "executor": executor})
    away = server_of(place, side)
    away.faults([Fault(kind=FaultKind.RESET, after=60, times=None)])
    done_here = 0

    def look(event: Event) -> None:
        nonlocal done_here
        if isinstance(event, ActionEnded) and event.job == "copies":
            done_here += 1
            if done_here == copied:  # it comes back only now
                away.clear_faults()

    report = place.apply(every_action=True, on_event=look)
    assert (report.exit_code, counted(report)) == (0, {"done": relayed + copied}), report
    said = [message for message in place.told if "answer" in message]
    assert said[0].startswith(f"the store at {away.endpoint} (connection {side}) does not answer"), said
    assert not any(f"(connection {STORE if side == ORIGIN else ORIGIN})" in message for message in said)
    writes = {key: count for key, count in place.server.writes("destination").items() if PROBE not in key}
    assert (len(writes), set(writes.values())) == (relayed, {1})
