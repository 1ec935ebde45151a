"""The tools: where they are found, what they are called with, and how many copies a plan of theirs names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.processes import Command, output_of
from benchmarks.store_port import credentials
from benchmarks.works import DESTINATION, PREFIX, RESUMED_ACTIONS, SOURCE, Kind, Work

S3PLAN = "s3plan"
PEERS = ("s5cmd", "rclone", "aws")
BOTO3 = "boto3"
_LIMIT_REACHED = 8
_VERSION_ARGUMENTS = {"s5cmd": "version", "rclone": "version", "aws": "--version"}
_FROM, _TO = f"s3://{SOURCE}/{PREFIX}", f"s3://{DESTINATION}/{PREFIX}"
_REMOTE_FROM, _REMOTE_TO = f"store:{SOURCE}/{PREFIX}", f"store:{DESTINATION}/{PREFIX}"
# rclone asks for each object's own time with a HEAD unless it is told to compare something else: its manual advises
# --checksum between two stores of one kind, which is also what is fastest for it.
_PEER_ARGUMENTS: Mapping[str, Mapping[Kind, tuple[str, ...]]] = {
    "s5cmd": {
        Kind.PLAN: ("--dry-run", "sync", f"{_FROM}*", _TO),
        Kind.COPY: ("cp", f"{_FROM}*", _TO),
        Kind.MIRROR: ("sync", "--delete", f"{_FROM}*", _TO),
        Kind.DELETE: ("rm", f"{_TO}*"),
    },
    "rclone": {
        Kind.PLAN: ("sync", "--checksum", "--dry-run", _REMOTE_FROM, _REMOTE_TO),
        Kind.COPY: ("copy", _REMOTE_FROM, _REMOTE_TO),
        Kind.MIRROR: ("sync", "--checksum", _REMOTE_FROM, _REMOTE_TO),
        Kind.DELETE: ("delete", _REMOTE_TO),
    },
    "aws": {
        Kind.PLAN: ("s3", "sync", "--dryrun", _FROM, _TO),
        Kind.COPY: ("s3", "cp", "--recursive", _FROM, _TO),
        Kind.MIRROR: ("s3", "sync", "--delete", _FROM, _TO),
        Kind.DELETE: ("s3", "rm", "--recursive", _TO),
    },
}
_PLANNED_WORDS = {"s5cmd": "cp s3://", "rclone": "Skipped copy as --dry-run is set", "aws": "(dryrun) copy: "}


@dataclass(frozen=True, slots=True)
class Steps:
    """What a tool runs for a work: `before` is not measured."""

    timed: tuple[Command, ...]
    before: tuple[Command, ...] = ()


class Tool(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    def steps(self, work: Work, *, folder: Path, endpoint: str) -> Steps | None:
        """Return what to run in this folder, after writing what it needs there; None if the tool has no such work."""
        ...

    def planned(self, folder: Path) -> int:
        """Return how many copies the plan that was made in this folder names."""
        ...


@dataclass(frozen=True, slots=True)
class S3Plan:
    """s3plan of the Python that runs this, each command a process of its own."""

    version: str
    name: str = S3PLAN

    def steps(self, work: Work, *, folder: Path, endpoint: str) -> Steps:
        plan = _s3plan("plan", "job.yaml", "--json-into", "events.jsonl")
        apply = _s3plan("apply", "--yes")
        if work.kind is Kind.START:
            return Steps((_s3plan("--help"),))
        is_begun = (folder / ".s3plan").exists()
        (folder / "job.yaml").write_text(_manifest(work, endpoint), encoding="utf-8")
        match work.kind:
            case Kind.PLAN:
                return Steps((plan,))
            case Kind.MIRROR:
                return Steps((plan, apply))
            case Kind.RESUME:
                half = _limited_apply(work.objects // 2)
                return Steps((_limited_apply(RESUMED_ACTIONS),), () if is_begun else (plan, half))
        return Steps((apply,), (plan,))

    def planned(self, folder: Path) -> int:
        lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
        saved = [event for event in map(json.loads, lines) if event["event"] == "plan-saved"]
        return int(saved[-1]["actions"]) if saved else 0


def _s3plan(*arguments: str) -> Command:
    return Command((sys.executable, "-m", "s3plan", *arguments))


def _limited_apply(actions: int) -> Command:
    command = _s3plan("apply", "--yes", "--limit", str(actions))
    return Command(command.arguments, frozenset({0, _LIMIT_REACHED}))


def _manifest(work: Work, endpoint: str) -> str:
    lines = [
        "version: 1",
        "name: benchmark",
        f'source: {{ url: "{_FROM}", connection: store }}',
        f'destination: {{ url: "{_TO}", connection: store }}',
    ]
    if work.kind in (Kind.MIRROR, Kind.DELETE):
        lines += ["mode: mirror", "delete: { extraneous: true }", "guards: { max_delete: 100% }"]
    lines += ["connections:", f'  store: {{ endpoint: "{endpoint}", region: us-east-1 }}']
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool that is installed next to s3plan, with the number of requests at a time that it chooses itself."""

    name: str
    version: str
    path: str

    def steps(self, work: Work, *, folder: Path, endpoint: str) -> Steps | None:  # noqa: ARG002 (as of Tool)
        arguments = _PEER_ARGUMENTS[self.name].get(work.kind)
        return None if arguments is None or work.only_s3plan else Steps((Command((self.path, *arguments)),))

    def planned(self, folder: Path) -> int:
        return sum(_PLANNED_WORDS[self.name] in line for line in output_of(folder).splitlines())


@dataclass(frozen=True, slots=True)
class Boto3Pool:
    """Our own script, as a user would write it."""

    version: str
    name: str = BOTO3

    def steps(self, work: Work, *, folder: Path, endpoint: str) -> Steps | None:  # noqa: ARG002 (as of Tool)
        if work.only_s3plan:
            return None
        script = str(Path(__file__).with_name("boto3_pool.py"))
        places = (f"{SOURCE}/{PREFIX}", f"{DESTINATION}/{PREFIX}")
        return Steps((Command((sys.executable, script, work.kind.value, *places)),))

    def planned(self, folder: Path) -> int:
        lines = output_of(folder).splitlines()
        return next((int(line.removeprefix("copies: ")) for line in lines if line.startswith("copies: ")), 0)


def environment(folder: Path, *, endpoint: str, search_path: str) -> dict[str, str]:
    """Return what every tool is given: credentials and the endpoint in each one's own words, a home that is empty."""
    access_key, secret_key = credentials()
    return {
        "PATH": search_path,
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": endpoint,
        "S3_ENDPOINT_URL": endpoint,
        "RCLONE_CONFIG": str(folder / "rclone.conf"),
        "RCLONE_CONFIG_STORE_TYPE": "s3",
        "RCLONE_CONFIG_STORE_PROVIDER": "Minio",
        "RCLONE_CONFIG_STORE_ENV_AUTH": "true",
        "RCLONE_CONFIG_STORE_ENDPOINT": endpoint,
        "RCLONE_CONFIG_STORE_REGION": "us-east-1",
    }


def search_path(peer_paths: Sequence[str]) -> str:
    """Return where peers are looked for: the given folders, then PATH."""
    return os.pathsep.join([*peer_paths, os.environ.get("PATH", os.defpath)])


def found_tools(*, search_path: str) -> list[Tool]:
    """Return s3plan, then each peer that is installed. Asking for versions also warms the disk's cache for all."""
    tools: list[Tool] = [S3Plan(_first_line(sys.executable, "-m", "s3plan", "--version"))]
    for name in PEERS:
        path = shutil.which(name, path=search_path)
        if path is not None:
            tools.append(Peer(name, _first_line(path, _VERSION_ARGUMENTS[name]), str(Path(path).absolute())))
    version = _first_line(sys.executable, "-c", "import boto3; print('boto3', boto3.__version__)")
    return [*tools, Boto3Pool(version)]


def _first_line(*command: str) -> str:
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    return (said.stdout or said.stderr).strip().partition("\n")[0]
