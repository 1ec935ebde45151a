"""Credentials come from wherever AWS's tools find them, and what is shown for them is never told.

A store that checks signatures lets in those only that the source gives.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import pytest
from fakes.child_processes import children_of
from fakes.command import Command
from fakes.credential_program import CredentialProgram
from fakes.credential_services import ACCOUNT, CredentialServices, credential_services
from fakes.s3server import Fault, FaultKind
from fakes.sts import Issued, TokenService, sts
from fakes.workplace import Workplace

SOURCES = ["instance", "container", "sso", "process", "web-identity"]
EACH_ENGINE = pytest.mark.parametrize("engine", ["native", "crt", "boto3"])
KEY_ID = "ASIASOURCE"
# What a user is told to do where a source gives nothing.
ADVICE = {
    "instance": "no credentials were found",
    "container": "correct that, or choose others by profile or env_prefix",
    "sso": "log in again (aws sso login)",
    "process": "correct that, or choose others by profile or env_prefix",
    "web-identity": "AWS_WEB_IDENTITY_TOKEN_FILE",
}
LISTENING = """
import logging, sys
logging.basicConfig(level=logging.DEBUG)
import s3plan
print(repr(s3plan.plan(sys.argv[1])))
print(repr(s3plan.apply(sys.argv[2])))
"""


def canary(purpose: str) -> str:
    return f"{purpose}+canary=" + base64.b64encode(os.urandom(24)).decode()


@dataclass
class Source:
    """One source of credentials, what leads to it, and all that must not be told."""

    variables: dict[str, str]
    secrets: list[str]
    services: CredentialServices | None = None
    tokens: TokenService | None = None
    program: CredentialProgram | None = None

    def break_(self) -> None:
        """Let it give nothing from now on."""
        if self.services is not None:
            self.services.is_broken = True
        if self.tokens is not None:
            self.tokens.web_token = "another"
        if self.program is not None:
            self.program.break_()


@pytest.fixture
def source(place: Workplace, request: pytest.FixtureRequest) -> Iterator[Source]:
    """The source that a test is about; the store knows whom it gives credentials."""
    secret, token, shown = (canary(purpose) for purpose in ("secret", "token", "shown"))
    place.server.set_mode(principals={KEY_ID: {"secret": secret, "token": token, "account": ACCOUNT}}, owner=ACCOUNT)
    place.seed("source", "a", "b c", size_bytes=20, synthetic=False)
    place.buckets("destination")
    secrets = [secret, token, shown]
    with ExitStack() as stack:
        if request.param == "process":
            program = CredentialProgram(place.folder / "program", KEY_ID, secret, life_s=3600)
            place.server.set_mode(principals={KEY_ID: {"secret": secret, "account": ACCOUNT}})
            yield Source(dict(program.variables()), [secret], program=program)
            return
        if request.param == "web-identity":
            tokens = stack.enter_context(sts({}, web_token=shown, canary=canary("role")))

            def note(issued: Issued) -> None:
                known = {
                    each.key_id: {"secret": each.secret, "token": each.token, "account": ACCOUNT}
                    for each in tokens.issued
                }
                place.server.set_mode(principals=known)
                secrets.extend((issued.secret, issued.token))

            tokens.on_issue = note
            (place.folder / "web-token").write_text(shown)
            yield Source(
                {
                    "AWS_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/copier",
                    "AWS_WEB_IDENTITY_TOKEN_FILE": str(place.folder / "web-token"),
                    "AWS_ENDPOINT_URL_STS": tokens.endpoint,
                },
                secrets,
                tokens=tokens,
            )
            return
        services = stack.enter_context(credential_services(KEY_ID, secret, token, shown=shown))
        ways: dict[str, Callable[[], dict[str, str]]] = {
            "instance": services.of_instance,
            "container": lambda: services.of_container(place.folder),
            # botocore looks for its home when it is imported: this command is to start anew.
            "sso": lambda: {**services.of_sso(place.folder), "PYTHONHASHSEED": "0"},
        }
        yield Source(ways[request.param](), secrets, services=services)


def command(place: Workplace, source: Source) -> Command:
    """One without any credentials but those of the source."""
    others = {name: value for name, value in place.command.variables.items() if "ACCESS_KEY" not in name}
    return replace(place.command, variables={**others, **source.variables})


def assert_untold(source: Source, place: Workplace, *texts: str) -> None:
    """Nothing that was printed or written has a secret in it; where the source itself lies is left out."""
    own = {"container-token", "web-token", "program.py"}
    files = [path for path in place.folder.rglob("*") if path.is_file() and path.name not in own]
    written = [path.read_bytes().decode("latin-1") for path in files if ".aws" not in path.parts]
    for secret in source.secrets:
        for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()[:40]):
            for text in (*texts, *written):
                at = text.find(form)
                assert at < 0, text[max(0, at - 300) : at + 10]


@pytest.mark.sampled(3)
@EACH_ENGINE
@pytest.mark.parametrize("source", SOURCES, indirect=True)
def test_credentials_of_every_source_sign_what_the_store_takes(place: Workplace, source: Source, engine: str) -> None:
    place.engine = engine
    place.manifest()
    ours = command(place, source)
    planned = ours.run("plan", "job.yaml")
    assert planned.exit_code == 0, planned.output
    ended = ours.run("apply", "--yes")
    assert ended.exit_code == 0, ended.output
    found = {bucket: place.server.snapshot(bucket) for bucket in ("source", "destination")}
    assert {key: one.etag for key, one in found["destination"].items()} == {
        key: one.etag for key, one in found["source"].items()
    }
    assert_untold(source, place, planned.output, ended.output)


@pytest.mark.sampled(3)
@EACH_ENGINE
@pytest.mark.parametrize(
    ("source", "advice"), [(name, ADVICE[name]) for name in SOURCES], indirect=["source"], ids=SOURCES
)
def test_a_source_that_gives_nothing_ends_with_10_and_what_to_do(
    place: Workplace, source: Source, advice: str, engine: str
) -> None:
    place.engine = engine
    place.manifest()
    source.break_()
    ended = command(place, source).run("plan", "job.yaml")
    assert ended.exit_code == 10, ended.output
    assert advice in " ".join(ended.stderr.split()), ended.stderr
    assert "Traceback" not in ended.stderr
    assert_untold(source, place, ended.output)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("source", SOURCES, indirect=True)
def test_no_log_of_any_library_tells_what_is_shown_for_credentials(place: Workplace, source: Source) -> None:
    place.manifest()
    ours = command(place, source)
    words = [str(place.folder / "job.yaml"), str(place.plan_file)]
    ended = subprocess.run(
        [sys.executable, "-c", LISTENING, *words],
        env=ours.environment,
        cwd=place.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert "DEBUG:botocore" in ended.stderr
    assert_untold(source, place, ended.stdout, ended.stderr)


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("source", "engine"),
    [("instance", "native"), ("container", "crt"), ("container", "native"), ("instance", "boto3")],
    indirect=["source"],
)
def test_credentials_that_end_while_it_runs_are_fetched_anew(place: Workplace, source: Source, engine: str) -> None:
    place.engine = engine
    place.seed("source", count=100, size_bytes=10)
    place.manifest(run={"in_flight": 4})
    ours, services = command(place, source), source.services
    assert services is not None
    assert ours.run("plan", "job.yaml", "--probe").exit_code == 0
    place.server.set_mode(latency_s=0.03)
    old = {"secret": services.secret, "token": services.token, "account": ACCOUNT}
    with ours.start("apply", place.plan_file, "--yes") as started:
        place.wait_for_copies(started, copies=20)
        services.key_id, services.secret, services.token = "ASIANEWER", canary("secret"), canary("token")
        source.secrets += [services.secret, services.token]
        newer = {"secret": services.secret, "token": services.token, "account": ACCOUNT}
        place.server.set_mode(principals={KEY_ID: old, "ASIANEWER": newer})
        place.server.faults([Fault(kind=FaultKind.EXPIRED_TOKEN, operation="CopyObject", times=1)])
        ended = started.wait()
    assert ended.exit_code == 0, ended.output
    assert {one.key_id for one in place.server.log() if one.operation == "CopyObject"} == {KEY_ID, "ASIANEWER"}
    assert len(place.server.snapshot("destination")) == 102
    assert_untold(source, place, ended.output)


def test_a_login_that_has_ended_says_to_log_in_again(place: Workplace) -> None:
    place.buckets()
    place.manifest()
    shown = canary("shown")
    with credential_services(KEY_ID, "secret", "token", shown=shown) as services:
        variables = {**services.of_sso(place.folder, ends_in_s=-60), "PYTHONHASHSEED": "0"}
        ended = command(place, Source(variables, [shown], services=services)).run("plan", "job.yaml")
    assert ended.exit_code == 10, ended.output
    assert "log in again (aws sso login)" in " ".join(ended.stderr.split())
    assert shown not in ended.output


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="nowhere else a process's environment can be read")
@pytest.mark.parametrize("source", ["container"], indirect=True)
def test_workers_get_no_credentials_and_nothing_more_in_their_environment(place: Workplace, source: Source) -> None:
    place.seed("source", count=100, size_bytes=10)
    place.manifest(run={"in_flight": 4})
    ours = command(place, source)
    assert ours.run("plan", "job.yaml", "--probe").exit_code == 0
    place.server.set_mode(latency_s=0.05)
    words = ("apply", place.plan_file, "--yes", "--executor", "processes", "--workers", "2")
    with ours.start(*words, anew=True) as started:
        place.wait_for_copies(started, copies=10)
        workers = [Path("/proc") / str(pid) for pid in children_of(started.pid)]
        environments = [(worker / "environ").read_bytes().decode() for worker in workers]
        command_lines = [(worker / "cmdline").read_bytes().decode() for worker in workers]
        assert started.wait().exit_code == 0
    assert workers
    names = {line.partition("=")[0] for text in environments for line in text.split("\0") if line}
    assert names <= ours.environment.keys()
    assert_untold(source, place, *environments, *command_lines)
