"""A plan of a job without credentials, on a terminal and without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.command import Command, Ended
from fakes.s3server.process import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from fakes.terminal_dialogue import talk
from fakes.workplace import Workplace

JOB = """
version: 1
name: job
source: s3://source/
destination: { url: "s3://destination/" }
"""
CREDENTIALS = f"""
[broken]
region = eu-west-1
[my store]
aws_access_key_id = {ACCESS_KEY_ID}
aws_secret_access_key = {SECRET_ACCESS_KEY}
"""
QUESTION = "Use which profile for this plan? 1 to 2, nothing for none: "
KEEP = "Keep it in your own connections, so that apply knows it? Only 'yes' will be accepted: "


@pytest.fixture
def job(place: Workplace) -> Workplace:
    place.seed("source", "a", "b")
    place.buckets("destination")
    (place.folder / "job.yaml").write_text(JOB)
    (place.folder / "credentials").write_text(CREDENTIALS)
    variables = {
        "AWS_SHARED_CREDENTIALS_FILE": str(place.folder / "credentials"),
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_ENDPOINT_URL_S3": place.server.endpoint,
        "AWS_REGION": "us-east-1",
    }
    place.command = Command(place.folder, variables)
    return place


def plan(job: Workplace, *answers: tuple[str, str]) -> Ended:
    return talk("plan", "job.yaml", folder=job.folder, environment=job.command.environment, answers=list(answers))


def own_file(job: Workplace) -> Path:
    return Path(job.command.environment["XDG_CONFIG_HOME"]) / "s3plan" / "connections.yaml"


def test_a_profile_is_chosen_for_the_plan_and_kept_so_that_apply_uses_it(job: Workplace) -> None:
    ended = plan(job, (QUESTION, "3"), (QUESTION, "x"), (QUESTION, "2"), (KEEP, "yes"))
    assert ended.exit_code == 0, ended.output
    assert "  1  broken    eu-west-1  none of its own\n  2  my store  -          static keys\n" in ended.output
    assert "connection my-store (profile my store)" in ended.output
    assert "my-store: kept" in ended.output
    assert own_file(job).read_text() == 'connections:\n  my-store:\n    profile: "my store"\n'
    applied = job.command.run("apply", "--yes")
    assert applied.exit_code == 0, applied.output
    assert job.keys("destination") == {"a", "b"}
    assert (job.folder / "job.yaml").read_text() == JOB


def test_one_that_is_not_kept_is_in_the_plan_alone_so_apply_wants_its_digest(job: Workplace) -> None:
    ended = plan(job, (QUESTION, "1"), (QUESTION, "2"), (KEEP, ""))  # the first has no credentials either
    assert ended.exit_code == 0, ended.output
    assert "profile my store is named by this plan alone: apply it with --expect" in ended.output
    assert not own_file(job).exists()
    refused = job.command.run("apply", "--yes")
    assert refused.exit_code == 4, refused.output
    digest = ended.output.partition("--expect ")[2][:64]
    applied = job.command.run("apply", "--expect", digest)
    assert applied.exit_code == 0, applied.output
    assert job.keys("destination") == {"a", "b"}


def test_nothing_for_none_ends_as_without_a_terminal(job: Workplace) -> None:
    ended = plan(job, (QUESTION, ""))
    alone = job.command.run("plan", "job.yaml")
    for each in (ended, alone):
        assert each.exit_code == 10, each.output
        assert "no credentials were found" in each.output
        assert "`s3plan profiles` lists them" in each.output
    assert "Use which profile" not in alone.output
    assert not job.plan_file.exists()


def test_a_connection_of_the_manifest_gets_the_profile_for_this_plan(job: Workplace) -> None:
    job.command = replace(job.command, variables={**job.command.variables, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"})
    text = JOB.replace("source: s3://source/", 'source: { url: "s3://source/", connection: x }').replace(
        '"s3://destination/" }', '"s3://destination/", connection: x }'
    )
    text += f"connections: {{ x: {{ endpoint: '{job.server.endpoint}', region: us-east-1 }} }}\n"
    (job.folder / "job.yaml").write_text(text)
    ended = plan(job, (QUESTION, "2"))
    assert ended.exit_code == 0, ended.output
    assert "connection x (profile my store)" in ended.output
    assert KEEP not in ended.output
    digest = ended.output.partition("--expect ")[2][:64]
    assert job.command.run("apply", "--expect", digest).exit_code == 0
    assert job.keys("destination") == {"a", "b"}
