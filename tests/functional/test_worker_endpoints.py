"""A worker whose own environment leads to another store than the plan's performs nothing there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.command import Command
from fakes.dask_clusters import ClusterProcesses
from fakes.s3server import ServerProcess
from fakes.workplace import Workplace


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ServerProcess]:
    """Another store with buckets of the same names."""
    with ServerProcess() as server:
        yield server


@pytest.fixture
def planned(place: Workplace, elsewhere: ServerProcess) -> Command:
    """A plan on the default connection, made where the environment leads to the test's own server."""
    elsewhere.reset()
    for server in (place.server, elsewhere):
        server.seed("source", count=20, size_bytes=10)
        server.seed("destination", keys=[])
    places = {side: f"s3://{side}/" for side in ("source", "destination")}
    manifest = {"version": 1, "name": "job", **places}
    (place.folder / "job.yaml").write_text(json.dumps(manifest), encoding="utf-8")
    command = replace(place.command, variables=place.server.environment())
    assert command.run("plan", "job.yaml", "--probe").exit_code == 0
    place.server.reset_stats()
    return command


def leading_to(elsewhere: ServerProcess, folder: Path, *, by_a_file: bool) -> dict[str, str]:
    """The variables of a process that the other store is the default for."""
    if not by_a_file:
        return {"AWS_ENDPOINT_URL_S3": elsewhere.endpoint}
    path = folder / "aws-config"
    section = f"[default]\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = {elsewhere.endpoint}\n"
    path.write_text(section, encoding="utf-8")
    return {"AWS_CONFIG_FILE": str(path)}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("by_a_file", [False, True], ids=["variable", "services section"])
def test_a_dask_worker_that_leads_to_another_store_is_refused_and_asks_it_nothing(
    place: Workplace, planned: Command, elsewhere: ServerProcess, *, by_a_file: bool
) -> None:
    own = {name: value for name, value in planned.environment.items() if not name.startswith("AWS_ENDPOINT")}
    own |= leading_to(elsewhere, place.folder, by_a_file=by_a_file)
    with ClusterProcesses(place.folder, own) as cluster:
        cluster.start(workers=1)
        ended = planned.run("apply", "--yes", "--executor", "dask", "--cluster", cluster.address)
    assert elsewhere.writes("destination") == {}
    assert elsewhere.stats().requests == {}
    assert ended.exit_code == 4, ended.output
    assert "dask worker tcp://127.0.0.1:" in ended.stderr
    assert f"the plan was made against {place.server.endpoint}" in ended.stderr
    assert f"leads to {elsewhere.endpoint}" in ended.stderr
    assert place.writes() == {}
    again = planned.run("apply", "--yes")
    assert again.exit_code == 0, again.output
    assert place.keys("destination") == place.keys("source")
