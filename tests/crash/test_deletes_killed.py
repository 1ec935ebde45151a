"""SIGKILL at every commit of the journal of a job that only deletes: the next apply ends it, and nothing else goes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fakes.command_host import Circumstances, CommandHost
from fakes.manifests import STORE
from fakes.torture import TORTURE
from fakes.workplace import Workplace

OLD, SPARED = 30, 5
KEPT = {f"app/kept-{number}" for number in range(SPARED)} | {"elsewhere/old"}
_MOST_COMMITS = 500


@pytest.fixture
def host(place: Workplace) -> Iterator[CommandHost]:
    with CommandHost(place.folder, place.command.environment, watched=place.plan_file.parent) as host:
        yield host


def seed(place: Workplace) -> None:
    place.server.wipe()
    place.seed("logs", *(f"app/old-{number:02}" for number in range(OLD)), "elsewhere/old", size_bytes=9, modified_s=1)
    place.seed("logs", *(f"app/kept-{number}" for number in range(SPARED)), size_bytes=7)


def plan(place: Workplace) -> None:
    seed(place)
    document = {
        "version": 1,
        "name": "job",
        "connections": {STORE: {"endpoint": place.server.endpoint, "region": "us-east-1"}},
        "mode": "delete",
        "location": {"url": "s3://logs/app/", "connection": STORE},
        "filters": {"modified": {"older_than": "90d"}},
        "guards": {"max_delete": "100%"},
        "delete": {"unpinned": "allow"},
        "run": {"in_flight": 4},
    }
    (place.folder / "job.yaml").write_text(json.dumps(document))
    place.plan(probe=True)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("conditions", ["all", "none"])
@pytest.mark.parametrize("before", [False, True])
def test_killed_at_any_commit_the_next_apply_deletes_the_rest_and_nothing_that_came_since(
    place: Workplace, host: CommandHost, conditions: str, *, before: bool
) -> None:
    place.server.set_mode(conditions=conditions)
    plan(place)
    kills = 0
    for number in range(1, _MOST_COMMITS):
        seed(place)
        for path in place.plan_file.parent.glob("job.s3run*"):
            path.unlink()
        point = Circumstances(killed_at_commit=number, before_commit=before, flush_every=1 if TORTURE else 10)
        ran = host.run("apply", place.plan_file, "--yes", circumstances=point)
        if not ran.was_killed:
            assert ran.ended.exit_code == 0, ran.ended.output
            break
        kills += 1
        left = {key for key in place.keys("logs") if "old-" in key}
        again = f"app/old-{number % OLD:02}"
        place.seed("logs", again, size_bytes=8)  # by somebody else, be the old one gone or not
        ended = host.run("apply", place.plan_file, "--yes").ended
        ends = (3,) if again in left else (0, 3)  # of one that was gone the journal may know
        assert ended.exit_code in ends, f"{point}: {ended.output}"
        assert place.keys("logs") == KEPT | {again}, point
    assert kills >= 3
