"""From one account to another: a role is assumed there, and the store holds every signature and grant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from fakes.command import Command
from fakes.sts import Issued, TokenService, sts
from fakes.workplace import Workplace

OURS, THEIRS = "111122223333", "444455556666"
KEY_ID, SECRET = "AKIDOURS", "secret-of-ours"
ROLE = f"arn:aws:iam::{THEIRS}:role/backup"
EXTERNAL_ID = "ours-and-theirs"
EACH_ENGINE = pytest.mark.parametrize("engine", ["native", "crt", "boto3"])


@pytest.fixture
def tokens(place: Workplace) -> Iterator[TokenService]:
    """A token service whose credentials the store knows, and two buckets, one of each account."""
    principals: dict[str, Mapping[str, str]] = {KEY_ID: {"secret": SECRET, "account": OURS}}

    def note(issued: Issued) -> None:
        principals[issued.key_id] = {"secret": issued.secret, "token": issued.token, "account": issued.account}
        place.server.set_mode(principals=principals)

    place.seed("source", "a", "b c/+d", size_bytes=20, synthetic=False)
    place.buckets("destination")
    place.server.set_mode(principals=principals, owners={"source": OURS, "destination": THEIRS})
    with sts({KEY_ID: SECRET}, external_id=EXTERNAL_ID, accounts={KEY_ID: OURS}) as service:
        service.on_issue = note
        yield service


def command(place: Workplace, tokens: TokenService) -> Command:
    said = {"OURS_ACCESS_KEY_ID": KEY_ID, "OURS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL_STS": tokens.endpoint}
    others = {name: value for name, value in place.command.variables.items() if "ACCESS_KEY" not in name}
    return replace(place.command, variables={**others, **said})


def manifest(place: Workplace, engine: str, **said: object) -> None:
    common = {"endpoint": place.server.endpoint, "region": "us-east-1", "engine": engine, "env_prefix": "OURS_"}
    wanted = {**common, "role_arn": ROLE, "external_id": EXTERNAL_ID, **said}
    theirs = {name: value for name, value in wanted.items() if value is not None}
    place.manifest(
        source={"connection": "ours"},
        destination={"connection": "theirs", "expected_bucket_owner": THEIRS, "acl": "bucket-owner-full-control"},
        connections={"ours": common, "theirs": theirs},
    )


def signers(place: Workplace, operation: str) -> set[str]:
    return {one.key_id for one in place.server.log() if one.operation == operation}


def bodies(place: Workplace, bucket: str) -> dict[str, tuple[str, int]]:
    return {key: (found.etag, found.size_bytes) for key, found in place.server.snapshot(bucket).items()}


@pytest.mark.sampled(1)
@EACH_ENGINE
def test_a_role_that_may_read_the_source_has_the_store_copy_it(
    place: Workplace, tokens: TokenService, engine: str
) -> None:
    place.server.set_mode(grants={"source": {THEIRS: ["list", "read"]}})
    manifest(place, engine)
    planned = command(place, tokens).run("plan", "job.yaml")
    assert planned.exit_code == 0, planned.output
    said = " ".join(planned.stdout.split())
    assert f"connection theirs (role {ROLE}), account {THEIRS}" in said
    assert f"account {OURS}" in said
    ended = command(place, tokens).run("apply", "--yes")
    assert ended.exit_code == 0, ended.output
    assert bodies(place, "destination") == bodies(place, "source")
    assert signers(place, "CopyObject") <= {each.key_id for each in tokens.issued}
    assert place.server.stats().requested("CopyObject") >= 2
    assert place.server.stats().requested("GetObject") == 0
    assert {found.acl for found in place.server.snapshot("destination").values()} == {"bucket-owner-full-control"}
    assert {call.parameters.get("ExternalId") for call in tokens.calls if call.action == "AssumeRole"} == {EXTERNAL_ID}


@pytest.mark.sampled(1)
@EACH_ENGINE
def test_a_role_that_may_not_read_the_source_gets_the_bytes_through_us(
    place: Workplace, tokens: TokenService, engine: str
) -> None:
    manifest(place, engine)
    ours = command(place, tokens)
    planned = ours.run("plan", "job.yaml")
    assert planned.exit_code == 0, planned.output
    (job,) = json.loads(ours.run("show", "--json").stdout)["header"]["jobs"]
    assert job["transfer"]["way"] == "relay"
    assert "may not read the source (403)" in job["transfer"]["why"]
    ended = ours.run("apply", "--yes")
    assert ended.exit_code == 0, ended.output
    assert bodies(place, "destination") == bodies(place, "source")
    assert signers(place, "GetObject") == {KEY_ID}
    assert signers(place, "PutObject") <= {each.key_id for each in tokens.issued}
    assert place.server.stats().requested("PutObject") >= 2
    copied = [one for one in place.server.log() if one.operation == "CopyObject" and one.status == "200"]
    assert {one.key.partition("probe")[1] for one in copied} <= {"probe"}


@pytest.mark.parametrize("engine", ["auto"])
def test_a_wrong_external_id_ends_with_10_and_says_which_role(
    place: Workplace, tokens: TokenService, engine: str
) -> None:
    manifest(place, engine, external_id="somebody-elses")
    ended = command(place, tokens).run("plan", "job.yaml")
    assert ended.exit_code == 10, ended.output
    assert f"is not authorized to perform: sts:AssumeRole on resource: {ROLE}" in ended.stderr
    assert "check role_arn and external_id" in ended.stderr
    assert SECRET not in ended.output


def test_another_owner_than_the_expected_one_is_refused_by_the_plan(place: Workplace, tokens: TokenService) -> None:
    place.server.set_mode(owners={"source": OURS, "destination": OURS}, grants={"destination": {THEIRS: ["list"]}})
    manifest(place, "auto")
    ended = command(place, tokens).run("plan", "job.yaml")
    assert ended.exit_code == 4, ended.output
    assert f"not owned by {THEIRS}" in ended.stderr


@pytest.mark.parametrize("engine", ["native"])
def test_a_signature_by_another_secret_ends_with_10(place: Workplace, tokens: TokenService, engine: str) -> None:
    manifest(place, engine, role_arn=None, external_id=None)
    theirs = command(place, tokens)
    wrong = replace(theirs, variables={**theirs.variables, "OURS_SECRET_ACCESS_KEY": "another"})
    ended = wrong.run("plan", "job.yaml")
    assert ended.exit_code == 10, ended.output
    assert "SignatureDoesNotMatch" in ended.stderr
