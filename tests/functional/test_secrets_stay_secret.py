"""Canaries: secrets of our own in every place where credentials come from, and then nowhere else.

Each run is made with every logger at DEBUG, on a store that repeats in its refusals all that it was sent.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import pytest
import s3plan
from fakes.command import Command
from fakes.echoing_store import REFUSALS, EchoingStore, echoing_store
from fakes.told_secrets import COMMANDS, assert_absent, codes_of, written_below
from fakes.workplace import Workplace
from s3plan.schemas.errors import ManifestInvalid

IDENTITIES: Mapping[str, Mapping[str, object]] = {
    "chain": {},
    "env_prefix": {"env_prefix": "CANARY_"},
    "profile": {"profile": "canary"},
    "role": {"env_prefix": "CANARY_", "role_arn": "arn:aws:iam::111122223333:role/copy", "external_id": "not-a-secret"},
}
PASSES = 2
OBJECTS = 2 + len(REFUSALS)

# A program of somebody else's that uses the library, and wants to know everything.
PROGRAM = """
import logging, os, sys, traceback
logging.basicConfig(level=logging.DEBUG)
import s3plan
from s3plan.storage.transfer.performer import EnginePerformer

folder, executor = sys.argv[1:]
def tell(event):
    print(repr(event))
print(repr(s3plan.plan(f"{folder}/job.yaml", probe=True, on_event=tell)))
plan = f"{folder}/.s3plan/job.s3plan"
for attempt in range(2):
    try:
        print(repr(s3plan.apply(plan, executor=executor, workers=2, on_event=tell)))
    except Exception:
        traceback.print_exc()

def break_down(self, task, control):
    from botocore.session import Session
    found = self._engine_of(task.destination)
    session = getattr(found, "session", None) or found._session
    raise RuntimeError(f"at {session.get_credentials().get_frozen_credentials()!r} with {dict(os.environ)!r}")
    yield

EnginePerformer.perform = break_down
try:
    print(repr(s3plan.apply(plan, executor="threads", workers=2, on_event=tell)))
except Exception:
    traceback.print_exc()
"""

WORDS = (
    ("validate", "job.yaml"),
    ("plan", "job.yaml", "--probe", "--json-into", "plan.ndjson"),
    ("show",),
    ("show", "--list"),
    ("show", "--csv"),
    ("show", "--json"),
    ("graph",),
    ("graph", "--format", "dot"),
    ("apply", "--yes", "--json-into", "apply.ndjson"),
    ("apply", "--yes", "--json"),
    ("status",),
    ("status", "--json"),
    ("failures",),
    ("failures", "--csv"),
    ("failures", "--json"),
)

# The command itself, with a fault inside that quotes what it was working with.
BROKEN_COMMAND = """
import sys
from s3plan.cli.commands import plan as plan_command
from s3plan.cli.main import main

def break_down(request, **_):
    from s3plan.storage.s3.connections.sessions import ConnectionSettings, open_session
    frozen = open_session(ConnectionSettings(env_prefix="CANARY_")).get_credentials().get_frozen_credentials()
    raise RuntimeError(f"at {frozen!r}: {frozen.token} / {frozen.secret_key}")

plan_command.make_plan = break_down
sys.exit(main(sys.argv[1:]))
"""


def canary(place: str, purpose: str) -> str:
    """A value that looks like the real thing and stands nowhere else."""
    return f"{place}/{purpose}+canary=" + base64.b64encode(os.urandom(24)).decode()


@dataclass(frozen=True, slots=True)
class Canaries:
    """The secrets by the place that they lie in."""

    values: Mapping[str, tuple[str, str]]  # secret key and session token

    @classmethod
    def bred(cls) -> Canaries:
        return cls({place: (canary(place, "secret"), canary(place, "token")) for place in IDENTITIES})

    def variables(self, folder: Path, *, sts: str) -> dict[str, str]:
        """The environment that leads to them, and the file of profiles in the folder."""
        found = {"AWS_ENDPOINT_URL_STS": sts, "AWS_CONFIG_FILE": os.devnull}
        for prefix, place in (("AWS_", "chain"), ("CANARY_", "env_prefix")):
            secret, token = self.values[place]
            found |= {f"{prefix}ACCESS_KEY_ID": "AKIDCANARY", f"{prefix}SECRET_ACCESS_KEY": secret}
            found |= {f"{prefix}SESSION_TOKEN": token}
        secret, token = self.values["profile"]
        profiles = folder / "profiles"
        profiles.write_text(
            "[canary]\naws_access_key_id = AKIDPROFILE\n"
            f"aws_secret_access_key = {secret}\naws_session_token = {token}\n"
        )
        return found | {"AWS_SHARED_CREDENTIALS_FILE": str(profiles)}

    @property
    def role(self) -> dict[str, str]:
        secret, token = self.values["role"]
        return {"AccessKeyId": "AKIDROLE", "SecretAccessKey": secret, "SessionToken": token}

    def forms(self) -> Iterator[str]:
        """All that would give one away: the whole in several spellings, and either end of it."""
        for secret in (value for pair in self.values.values() for value in pair):
            data = secret.encode()
            yield from (secret, quote(secret, safe=""), data.hex(), data.hex(" "), data.hex(" ").upper())
            yield from (base64.b64encode(data).decode()[:40], secret[:16], secret[-16:])


def assert_nothing_tells(canaries: Canaries, store: EchoingStore, told: Mapping[str, str]) -> None:
    assert_absent((*canaries.forms(), *store.signatures), told)
    for where, text in told.items():
        presigned = re.search(r"Signature(?:=|%3D)[0-9a-f]{16}", text)
        assert presigned is None, f"{where}: ...{presigned}"


@pytest.fixture
def canaries() -> Canaries:
    return Canaries.bred()


@pytest.fixture
def store(place: Workplace, canaries: Canaries) -> Iterator[EchoingStore]:
    place.seed("source", *(f"key-{number}" for number in range(OBJECTS)), size_bytes=10)
    place.seed("destination", "extraneous", size_bytes=10)
    with echoing_store(place.server.endpoint, role=canaries.role, passes=PASSES) as store:
        yield store


def command_of(place: Workplace, canaries: Canaries, store: EchoingStore, **variables: str) -> Command:
    told = {**place.command.variables, **canaries.variables(place.folder, sts=store.endpoint), **variables}
    return replace(place.command, variables=told)


def run_program(place: Workplace, command: Command, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        env=command.environment,
        cwd=place.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def manifest(place: Workplace, store: EchoingStore, identity: str, engine: str, **sections: object) -> Path:
    connection = {"endpoint": store.endpoint, "region": "us-east-1", "engine": engine, **IDENTITIES[identity]}
    run = {"retries": {"attempts": 2}, "workers": 2}
    return place.manifest(connections={"store": connection}, **{"run": run, **sections})


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "way",
    [
        "native threads role",
        "native processes env_prefix",
        "boto3 threads role",
        "boto3 processes profile",
        "crt threads role",
        "crt processes chain",
    ],
)
def test_no_log_no_event_no_traceback_and_no_file_holds_a_secret(
    place: Workplace, canaries: Canaries, store: EchoingStore, way: str
) -> None:
    engine, executor, identity = way.split()
    manifest(place, store, identity, engine)
    ended = run_program(place, command_of(place, canaries, store), PROGRAM, str(place.folder), executor)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert canaries.values[identity][1] in store.tokens, "the secret was not used"
    assert len(store.refused) >= len(REFUSALS) - 1, "not every refusal was heard"
    assert "DEBUG:botocore.endpoint:Sending http request" in ended.stderr
    assert "DEBUG:botocore.parsers:Response body" in ended.stderr
    assert "[redacted]" in ended.stderr
    assert "the worker broke" in ended.stdout
    told = {"stdout": ended.stdout, "stderr": ended.stderr, **written_below(place.folder, but={"profiles"})}
    left = {Path(where).name for where in told}
    assert {"job.s3plan", "job.s3run", "job.s3run.lock", "capabilities.json"} <= left
    assert_nothing_tells(canaries, store, told)


def test_no_command_prints_a_secret(place: Workplace, canaries: Canaries, store: EchoingStore) -> None:
    manifest(place, store, "role", "auto")
    command = command_of(place, canaries, store, S3PLAN_DEBUG="1")
    ended = run_program(place, command, COMMANDS, *(" ".join(words) for words in WORDS))
    codes = codes_of(ended.stdout)
    assert len(codes) == len(WORDS), ended.stderr[-2000:]
    assert {code for words, code in codes.items() if "apply" not in words} == {"0"}, codes
    assert codes["apply --yes --json-into apply.ndjson"] != "0"
    assert "[redacted]" in ended.stdout
    assert canaries.values["role"][1] in store.tokens
    told = {"stdout": ended.stdout, "stderr": ended.stderr, **written_below(place.folder, but={"profiles"})}
    assert_nothing_tells(canaries, store, told)


@pytest.mark.parametrize(
    ("identity", "refusal"), [("role", (400, "InvalidRequest")), ("profile", (403, "SignatureDoesNotMatch"))]
)
def test_trying_a_connection_and_listing_profiles_prints_no_secret(
    place: Workplace, canaries: Canaries, store: EchoingStore, identity: str, refusal: tuple[int, str]
) -> None:
    store.refuses_all = refusal
    command = command_of(place, canaries, store, S3PLAN_DEBUG="1")
    options = [f"--{key.replace('_', '-')} {value}" for key, value in IDENTITIES[identity].items()]
    add = f"connections add store --endpoint {store.endpoint} --region us-east-1 {' '.join(options)}"
    tried = "connections test store --bucket source"
    words = [
        add,
        "connections show store",
        "connections test store",
        tried,
        f"{tried} --write",
        f"{tried} --write --json",
    ]
    words += ["profiles", "profiles --check", "profiles --check --json"]
    ended = run_program(place, command, COMMANDS, *words)
    assert ended.stdout.count("ENDED ") == len(words), ended.stderr[-2000:]
    assert "ENDED connections show store: 0" in ended.stdout
    assert "[redacted]" in ended.stdout
    assert canaries.values[identity][1] in store.tokens, "the secret was not used"
    told = {"stdout": ended.stdout, "stderr": ended.stderr, **written_below(place.folder, but={"profiles"})}
    assert_nothing_tells(canaries, store, told)


def test_a_fault_of_ours_prints_no_secret(place: Workplace, canaries: Canaries, store: EchoingStore) -> None:
    manifest(place, store, "env_prefix", "auto")
    command = command_of(place, canaries, store, S3PLAN_DEBUG="1")
    ended = run_program(place, command, BROKEN_COMMAND, "plan", "job.yaml", "--json-into", "events.ndjson")
    assert ended.returncode == 1
    assert "internal error: RuntimeError: at ReadOnlyCredentials(access_key='AKIDCANARY'" in ended.stderr
    assert "Traceback" in ended.stderr
    told = {"stdout": ended.stdout, "stderr": ended.stderr, **written_below(place.folder, but={"profiles"})}
    assert_nothing_tells(canaries, store, told)


@pytest.mark.parametrize("line", ["secret_access_key: {secret}", "x-ignored: {token}", "# {secret}", "# {encoded}"])
def test_a_manifest_that_holds_a_secret_is_refused_and_not_quoted(
    place: Workplace, canaries: Canaries, store: EchoingStore, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    path = manifest(place, store, "env_prefix", "auto")
    for name, value in command_of(place, canaries, store).variables.items():
        monkeypatch.setenv(name, value)
    secret, token = canaries.values["env_prefix"]
    said = line.format(secret=secret, token=token, encoded=base64.b64encode(secret.encode()).decode())
    document = json.loads(path.read_text())
    connection = document.pop("connections")["store"]
    path.write_text(
        "".join(f"{name}: {json.dumps(value)}\n" for name, value in document.items())
        + "connections:\n  store:\n"
        + "".join(f"    {name}: {value}\n" for name, value in connection.items())
        + f"    {said}\n"
    )
    with pytest.raises(ManifestInvalid) as refusal:
        s3plan.plan(path)
    assert "job.yaml:" in str(refusal.value)
    assert not place.plan_file.exists()
    path.unlink()  # it is the one place where they stand
    told = {
        "message": "".join(traceback.format_exception(refusal.value)),
        **written_below(place.folder, but={"profiles"}),
    }
    assert_nothing_tells(canaries, store, told)
