"""Jobs whose connections stand in the user's own file, by the real command on a real server."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.workplace import Workplace

JOB = """
version: 1
name: job
source: { url: "s3://source/", connection: mine }
destination: { url: "s3://destination/", connection: mine }
"""


def own_file(place: Workplace, text: str | None = None) -> Path:
    path = Path(place.command.environment["XDG_CONFIG_HOME"]) / "s3plan" / "connections.yaml"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(
        f"connections: {{ mine: {{ endpoint: '{place.server.endpoint}', region: us-east-1 }} }}\n"
        if text is None
        else text
    )
    path.chmod(0o600)
    return path


@pytest.fixture
def job(place: Workplace) -> Workplace:
    (place.folder / "job.yaml").write_text(JOB, encoding="utf-8")
    place.seed("source", "a", "b")
    place.buckets("destination")
    return place


def test_a_job_is_planned_and_applied_by_a_connection_of_the_users_own(job: Workplace) -> None:
    own_file(job)
    assert job.command.run("validate", "job.yaml").exit_code == 0
    planned = job.command.run("plan", "job.yaml")
    assert planned.exit_code == 0, planned.output
    assert f"NOT AWS: {job.server.endpoint}, region us-east-1, connection mine" in planned.stdout
    applied = job.command.run("apply", "--yes")
    assert applied.exit_code == 0, applied.output
    assert job.keys("destination") == {"a", "b"}
    verified = job.command.run("verify", "job.yaml")
    assert verified.exit_code == 0, verified.output


def test_without_the_file_apply_wants_the_digest_and_then_needs_nothing_but_the_plan(job: Workplace) -> None:
    own = own_file(job)
    made = job.plan()
    own.unlink()
    refused = job.command.run("apply", "--yes")
    assert refused.exit_code == 4
    assert f"leads to {job.server.endpoint}, which no manifest next to it names, nor do your own" in refused.stderr
    assert job.keys("destination") == set()
    applied = job.command.run("apply", "--expect", made.digest)
    assert applied.exit_code == 0, applied.output
    assert job.keys("destination") == {"a", "b"}


def test_a_file_that_changed_since_the_plan_leads_apply_nowhere_else(job: Workplace) -> None:
    own_file(job)
    made = job.plan()
    own_file(job, "connections: { mine: { endpoint: 'http://127.0.0.1:9' } }\n")
    assert job.command.run("apply", "--yes").exit_code == 4
    applied = job.command.run("apply", "--expect", made.digest)
    assert applied.exit_code == 0, applied.output
    assert job.keys("destination") == {"a", "b"}


def test_one_of_the_manifests_that_leads_elsewhere_ends_with_65(job: Workplace) -> None:
    own = own_file(job)
    (job.folder / "job.yaml").write_text(JOB + "connections: { mine: { region: eu-west-1 } }\n")
    for command in ("validate", "plan", "verify"):
        refused = job.command.run(command, "job.yaml")
        assert refused.exit_code == 65, refused.output
        assert f"the connection mine of your own, in {own}, leads to {job.server.endpoint}" in refused.stderr


def test_a_file_that_others_may_write_is_used_for_nothing(job: Workplace) -> None:
    own_file(job).chmod(0o666)
    refused = job.command.run("plan", "job.yaml")
    assert refused.exit_code == 65
    assert "may be written by others" in refused.stderr


def test_a_credential_in_the_file_never_comes_into_a_plan(job: Workplace) -> None:
    secret = job.server.environment()["AWS_SECRET_ACCESS_KEY"]
    own_file(
        job,
        f"connections: {{ mine: {{ endpoint: '{job.server.endpoint}', role_arn: 'arn:aws:iam::111122223333:role/x', "
        f"external_id: '{secret}' }} }}\n",
    )
    refused = job.command.run("plan", "job.yaml")
    assert (refused.exit_code, job.plan_file.exists()) == (65, False), refused.output
    assert "in the connection mine" in refused.stderr
    assert secret not in refused.output
