"""By which engine requests go is never silent: `plan`, `apply` and `status` say so."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fakes.command import Command
from fakes.forward_proxy import forward_proxy
from fakes.s3server import Fault, FaultKind
from fakes.workplace import Workplace


def connection(place: Workplace, engine: str | None) -> dict[str, str]:
    said = {"endpoint": place.server.endpoint, "region": "us-east-1"}
    return said if engine is None else {**said, "engine": engine}


@pytest.mark.parametrize("engine", ["native", "crt", "boto3"])
def test_status_tells_the_engine_that_was_asked_for(place: Workplace, engine: str) -> None:
    place.seed("source", count=5, size_bytes=10)
    place.buckets("destination")
    path = place.manifest(connections={"store": connection(place, engine)})
    assert place.command.run("plan", path).exit_code == 0
    assert "Requests" not in place.command.run("status").stdout  # none went yet
    applied = place.command.run("apply", "--yes")
    assert applied.exit_code == 0, applied.stderr
    assert "slower" not in applied.output
    assert f"\n  Requests were sent by {engine}.\n" in place.command.run("status", place.plan_file).stdout
    document = json.loads(place.command.run("status", place.plan_file, "--json").stdout)
    assert [run["engines"] for run in document["runs"]] == [[{"connection": "store", "engine": engine, "reason": None}]]


def test_a_connection_that_falls_back_to_boto3_is_told_of_by_every_command(place: Workplace) -> None:
    place.seed("source", count=5, size_bytes=10)
    place.buckets("destination")
    connections = {"store": connection(place, "auto"), "other": connection(place, "boto3")}
    path = place.manifest(connections=connections, destination={"connection": "other"})
    place.server.faults(
        [Fault(kind=FaultKind.ACCESS_DENIED, operation="CopyObject", times=None, key="data/000000003.bin")]
    )
    with forward_proxy() as proxy:
        variables = {"http_proxy": f"http://127.0.0.1:{proxy.server_port}", "NO_PROXY": ""}
        command: Command = replace(place.command, variables={**place.command.variables, **variables})
        planned = command.run("plan", path)
        applied = command.run("apply", place.plan_file, "--yes")
        assert proxy.forwarded > 5
    reason = "a proxy is set in the environment (http_proxy), which only boto3 takes"
    said = f"connection store: requests are sent by boto3, the slower engine: {reason}"
    assert planned.exit_code == 0
    assert f"warning: {said}" in planned.stdout
    assert applied.exit_code == 3
    assert said in applied.stderr
    # Where the command runs that asks for the status does not matter: the journal knows how the requests went.
    status = place.command.run("status", place.plan_file)
    assert "  Requests of connection other were sent by boto3.\n" in status.stdout
    assert f"  Requests of connection store were sent by boto3, the slower engine: {reason}.\n" in status.stdout
    document = json.loads(place.command.run("status", place.plan_file, "--json").stdout)
    assert document["runs"][0]["engines"] == [
        {"connection": "other", "engine": "boto3", "reason": None},
        {"connection": "store", "engine": "boto3", "reason": reason},
    ]
