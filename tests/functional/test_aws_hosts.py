"""Which hosts the command asks for a bucket on AWS: TLS and names as on the internet, all on this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.aws_front import DOMAIN, aws_front
from fakes.name_shim import leading_here, why_not
from fakes.workplace import Workplace

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


def manifest(folder: Path, *, engine: str, region: str | None, **said: object) -> None:
    connection = {"engine": engine, **said} | ({} if region is None else {"region": region})
    said = {
        "version": 1,
        "name": "job",
        "source": {"url": "s3://source/", "connection": "aws"},
        "destination": {"url": "s3://destination/", "connection": "aws"},
        "connections": {"aws": connection},
    }
    (folder / "job.yaml").write_text(json.dumps(said))


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("engine", "region", "is_told"),
    [
        ("native", "eu-south-2", True),
        ("native", "ap-southeast-4", False),
        ("boto3", "eu-south-2", False),
        ("crt", "eu-south-2", False),
    ],
)
def test_a_young_region_is_asked_at_its_own_hosts_and_signed_for(
    place: Workplace, tmp_path: Path, engine: str, region: str, is_told: bool
) -> None:
    place.seed("source", "a", "b/c", region=region)
    place.server.seed("destination", keys=[], region=region)
    manifest(place.folder, engine=engine, region=region if is_told else None)
    server_port = int(place.server.endpoint.rpartition(":")[2])
    with aws_front(server_port, tmp_path, region=region) as (front, bundle):
        variables = {
            **place.command.variables,
            **leading_here(tmp_path, domain=DOMAIN, port=front.server_port),
            "AWS_CA_BUNDLE": str(bundle),
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        }
        variables.pop("AWS_DEFAULT_REGION", None)
        command = replace(place.command, variables=variables)
        for words in (["plan", "job.yaml"], ["apply", "--yes"]):
            ended = command.run(*words)
            assert ended.exit_code == 0, ended.output
        asked = list(front.asked)
    place.assert_same_content()
    own = {f"{bucket}.s3.{region}.{DOMAIN}" for bucket in ("source", "destination")}
    first = {f"{bucket}.s3.us-east-1.{DOMAIN}" for bucket in ("source", "destination")}
    assert {one.host for one in asked if one.region == region} == own
    # Where nobody names a region, each bucket is asked for at the first one, once.
    assert {one.host for one in asked if one.region != region} == (set() if is_told else first)
    assert all(one.method == "HEAD" for one in asked if one.region != region)
    assert all(one.tls_name == one.host for one in asked)
    assert all("s3plan/" in one.user_agent for one in asked)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("engine", ["native", "crt", "boto3"])
@pytest.mark.parametrize(
    ("said", "host"),
    [
        ({"accelerate": True}, "s3-accelerate"),
        ({"dualstack": True}, "s3.dualstack.eu-south-2"),
        ({"accelerate": True, "dualstack": True}, "s3-accelerate.dualstack"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_an_accelerated_or_dualstack_connection_asks_those_hosts_for_everything(
    place: Workplace, tmp_path: Path, engine: str, said: dict[str, object], host: str
) -> None:
    region = "eu-south-2"
    place.seed("source", "a", "b/c", region=region)
    place.server.seed("destination", keys=[], region=region)
    manifest(place.folder, engine=engine, region=region, **said)
    with aws_front(int(place.server.endpoint.rpartition(":")[2]), tmp_path, region=region) as (front, bundle):
        variables = {
            **place.command.variables,
            **leading_here(tmp_path, domain=DOMAIN, port=front.server_port),
            "AWS_CA_BUNDLE": str(bundle),
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        }
        command = replace(place.command, variables=variables)
        for words in (["plan", "job.yaml"], ["apply", "--yes"]):
            ended = command.run(*words)
            assert ended.exit_code == 0, ended.output
        asked = list(front.asked)
    place.assert_same_content()
    assert {one.host for one in asked} == {f"{bucket}.{host}.{DOMAIN}" for bucket in ("source", "destination")}
    assert {one.region for one in asked} == {region}


def test_a_copy_between_regions_is_refused_by_the_plan_of_an_accelerated_destination(
    place: Workplace, tmp_path: Path
) -> None:
    place.seed("source", "a", region="eu-south-2")
    place.server.seed("destination", keys=[], region="eu-west-3")
    said = {
        "version": 1,
        "name": "job",
        "source": {"url": "s3://source/", "connection": "far"},
        "destination": {"url": "s3://destination/", "connection": "fast"},
        "connections": {"far": {"region": "eu-south-2"}, "fast": {"region": "eu-west-3", "accelerate": True}},
    }
    (place.folder / "job.yaml").write_text(json.dumps(said))
    port = int(place.server.endpoint.rpartition(":")[2])
    with aws_front(port, tmp_path, region="eu-south-2", others=["eu-west-3"]) as (front, bundle):
        variables = {
            **place.command.variables,
            **leading_here(tmp_path, domain=DOMAIN, port=front.server_port),
            "AWS_CA_BUNDLE": str(bundle),
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        }
        ended = replace(place.command, variables=variables).run("plan", "job.yaml")
    assert ended.exit_code == 4, ended.output
    assert "is in eu-south-2, s3://destination/ in eu-west-3" in ended.stderr
    assert "remove it from connection fast" in ended.stderr


def test_aws_that_does_not_refuse_wrong_conditions_is_found_out_before_an_overwrite(
    place: Workplace, tmp_path: Path
) -> None:
    region = "eu-south-2"
    place.seed("source", "a", size_bytes=10, region=region)
    place.server.seed("destination", keys=["a"], size_bytes=9, modified_s=1, region=region)
    manifest(place.folder, engine="native", region=region)
    with aws_front(int(place.server.endpoint.rpartition(":")[2]), tmp_path, region=region) as (front, bundle):
        variables = {
            **place.command.variables,
            **leading_here(tmp_path, domain=DOMAIN, port=front.server_port),
            "AWS_CA_BUNDLE": str(bundle),
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        }
        command = replace(place.command, variables=variables)
        assert command.run("plan", "job.yaml").exit_code == 0
        place.server.set_mode(conditions="none")
        ended = command.run("apply", "--yes")
        assert ended.exit_code == 4, ended.output
        assert "enforces less than the plan states" in ended.stderr
        place.server.set_mode(conditions="all")
        assert command.run("apply", "--yes").exit_code == 0
    place.assert_same_content()
