"""Canaries under SSE-C: keys of our own as a variable and as a file, and then nowhere else.

Each run is made with every logger at DEBUG, on a store that repeats in its refusals all that it was sent.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
from fakes.customer_keys import put
from fakes.echoing_store import EchoingStore, echoing_store
from fakes.told_secrets import COMMANDS, assert_absent, codes_of, written_below
from fakes.workplace import Workplace

OBJECTS = 8
ROLE = {"AccessKeyId": "AKIDROLE", "SecretAccessKey": "none", "SessionToken": "none"}

# A program of somebody else's that uses the library, and looks at everything that this starts.
PROGRAM = """
import logging, os, sys, traceback
from pathlib import Path
logging.basicConfig(level=logging.DEBUG)
import s3plan
from s3plan.storage.transfer.performer import EnginePerformer

folder, executor = sys.argv[1:]
seen = open(f"{folder}/processes.txt", "a", encoding="latin-1")

def look_at_processes():
    parents = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parents[place.name] = place.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            seen.write("CMDLINE " + place.joinpath("cmdline").read_bytes().decode("latin-1") + chr(10))
        except OSError:
            pass
    mine = {str(os.getpid())}
    for _ in range(5):
        mine |= {child for child, parent in parents.items() if parent in mine}
    for child in mine - {str(os.getpid())}:
        try:
            given = Path("/proc", child, "environ").read_bytes().decode("latin-1").split(chr(0))
        except OSError:
            continue
        told = [each for each in given if not each.startswith("CANARY_KEY=")]
        seen.write(f"CHILD {child} " + chr(10).join(told) + chr(10))

def tell(event):
    print(repr(event))
    if type(event).__name__ in {"RunStarted", "RunEnded", "Progressed"}:
        look_at_processes()

def broken(self, task, control):
    engine = self._engine_of(task.destination)
    key = self._key_of(task.destination)
    raise RuntimeError(f"at {key!r} {vars(engine)!r} {key._key!r} {key._key.hex()} {key.in_base64} {task!r}")
    yield

if __name__ == "__main__":
    print(repr(s3plan.plan(f"{folder}/job.yaml", probe=True, on_event=tell)))
    plan = f"{folder}/.s3plan/job.s3plan"
    for attempt in range(2):
        try:
            print(repr(s3plan.apply(plan, executor=executor, workers=2, on_event=tell)))
        except Exception:
            traceback.print_exc()
    EnginePerformer.perform = broken
    try:
        print(repr(s3plan.apply(plan, executor="threads", workers=2, on_event=tell)))
    except Exception:
        traceback.print_exc()
"""

WORDS = (
    "validate job.yaml",
    "plan job.yaml --probe --json-into plan.ndjson",
    "show",
    "show --list",
    "show --csv",
    "show --json",
    "graph",
    "graph --format dot",
    "apply --yes --json-into apply.ndjson --executor processes",
    "apply --yes --json",
    "status",
    "status --json",
    "failures",
    "failures --csv",
    "failures --json",
    "retry",
    "verify job.yaml",
    "verify job.yaml --checksum --json",
)


@dataclass(frozen=True, slots=True)
class Keys:
    """One is read with and lies in a variable, the other is written with and lies in a file."""

    here: bytes = field(default_factory=lambda: os.urandom(32))
    there: bytes = field(default_factory=lambda: os.urandom(32))

    def forms(self) -> Iterator[str]:
        """All that would give one away: in several spellings, its MD5 too, and either end of it."""
        for key in (self.here, self.there):
            for data in (key, hashlib.md5(key).digest()):
                written = base64.b64encode(data).decode().rstrip("=")
                yield from (written, quote(written, safe=""), data.hex(), data.hex().upper(), data.hex(" "))
                yield from (data.decode("latin-1"), repr(data)[2:-1], base64.b64encode(data.hex().encode()).decode())
            yield from (base64.b64encode(key).decode()[:16], key.hex()[:16], key.hex()[-16:])


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def store(place: Workplace, keys: Keys) -> Iterator[EchoingStore]:
    place.buckets()
    for number in range(OBJECTS):
        put(place, "source", f"key-{number}", b"x" * 10, keys.here)
    with echoing_store(place.server.endpoint, role=ROLE, passes=2) as store:
        yield store


def variables(place: Workplace, keys: Keys, form: str) -> dict[str, str]:
    """The environment with one key, and a file with the other, in that notation."""
    notations: dict[str, Callable[[bytes], bytes]] = {
        "base64": base64.b64encode,
        "hex": lambda key: key.hex().encode(),
        "raw": bytes,
    }
    written = notations[form]
    path = place.folder / "there.key"
    path.write_bytes(written(keys.there))
    path.chmod(0o600)
    in_text = base64.b64encode if form == "raw" else written
    return {**place.command.environment, "CANARY_KEY": in_text(keys.here).decode(), "S3PLAN_DEBUG": "1"}


def manifest(place: Workplace, store: EchoingStore, engine: str) -> None:
    connection = {"endpoint": store.endpoint, "region": "us-east-1", "engine": engine}
    place.manifest(
        connections={"store": connection},
        run={"retries": {"attempts": 2}, "workers": 2, "verify": "checksum"},
        source={"decryption": {"type": "sse-c", "key": {"env": "CANARY_KEY"}}},
        destination={"encryption": {"type": "sse-c", "key": {"file": "there.key"}}},
    )


def run(place: Workplace, program: str, environment: Mapping[str, str], *words: str) -> Mapping[str, str]:
    """Run a program, and return all that it has told, by where."""
    script = place.folder / "program.py"
    script.write_text(program)
    ended = subprocess.run(
        [sys.executable, str(script), *words],
        env=dict(environment),
        cwd=place.folder,
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:].decode("latin-1")
    printed = {"stdout": ended.stdout.decode("latin-1"), "stderr": ended.stderr.decode("latin-1")}
    return printed | written_below(place.folder, but={"there.key"})


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "way",
    [
        "native threads hex",
        "native processes base64",
        "native dask hex",
        "boto3 threads raw",
        "boto3 processes hex",
        "crt threads base64",
    ],
)
def test_no_log_no_traceback_no_file_and_no_child_holds_a_key(
    place: Workplace, keys: Keys, store: EchoingStore, way: str
) -> None:
    engine, executor, form = way.split()
    manifest(place, store, engine)
    told = run(place, PROGRAM, variables(place, keys, form), str(place.folder), executor)
    heard = re.search(r"DEBUG:botocore.*server-side-encryption-customer-key", told["stderr"])
    assert heard or engine != "boto3", "botocore was not heard"
    assert "[redacted]" in told["stderr"]
    assert "the worker broke" in told["stdout"]
    assert "CMDLINE" in told["processes.txt"]
    assert ("CHILD" in told["processes.txt"]) is (executor != "threads")
    assert {".s3plan/job.s3plan", ".s3plan/job.s3run"} <= told.keys()
    assert_absent(keys.forms(), told)


def test_no_command_prints_a_key(place: Workplace, keys: Keys, store: EchoingStore) -> None:
    manifest(place, store, "auto")
    told = run(place, COMMANDS, variables(place, keys, "base64"), *WORDS)
    codes = codes_of(told["stdout"])
    assert len(codes) == len(WORDS), told["stderr"][-2000:]
    assert codes["apply --yes --json-into apply.ndjson --executor processes"] != "0"
    assert "[redacted]" in told["stdout"]
    assert_absent(keys.forms(), told)


def test_a_manifest_that_holds_the_key_in_a_comment_is_refused_and_not_quoted(place: Workplace, keys: Keys) -> None:
    place.buckets()
    environment = variables(place, keys, "hex")
    place.manifest(destination={"encryption": {"type": "sse-c", "key": {"env": "CANARY_KEY"}}})
    path = place.folder / "job.yaml"
    path.write_text(f"# {base64.b64encode(keys.here).decode()}\n{path.read_text()}")
    told = dict(run(place, COMMANDS, environment, "plan job.yaml"))
    assert "ENDED plan job.yaml: 65" in told["stdout"]
    assert "job.yaml:1: one of the credentials that were found for this job stands here" in told["stderr"]
    del told["job.yaml"]  # the one place where it stands
    assert_absent(keys.forms(), told)


def test_a_key_that_was_written_into_the_manifest_is_refused_and_not_quoted(place: Workplace, keys: Keys) -> None:
    place.buckets()
    place.manifest(destination={"encryption": {"type": "sse-c", "key": keys.there.hex()}})
    told = dict(run(place, COMMANDS, variables(place, keys, "hex"), "validate job.yaml", "plan job.yaml"))
    assert "ENDED plan job.yaml: 65" in told["stdout"]
    assert "write key: {env: PHOTO_KEY}" in told["stderr"]
    del told["job.yaml"]
    assert_absent(keys.forms(), told)
