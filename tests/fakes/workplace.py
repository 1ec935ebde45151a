"""A folder with a manifest, two buckets on the test server, and both ways to reach s3plan: library and command."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import pytest
import s3plan
from s3plan.app.requests import ApplyReport, PlanMade
from s3plan.schemas.events import Event, OnEvent, Warned
from s3plan.schemas.outcomes import OutcomeKind

from fakes.command import Command, Started
from fakes.later_second import NO_WAIT_S, PLACE
from fakes.manifests import write_manifest
from fakes.s3server import ServerProcess
from fakes.torture import BOTH_ENGINES

MIB = 2**20
PROBE = ".s3plan-probe-"
_PATIENCE_S = 30
MIRROR: Mapping[str, object] = {"mode": "mirror", "delete": {"extraneous": True}}


@dataclass(frozen=True, slots=True)
class Listed:
    """One object as boto3 lists it."""

    etag: str
    size_bytes: int
    modified_s: float
    storage_class: str


class Server(Protocol):
    """What every server of the tests gives, ours or not."""

    endpoint: str

    def client(self) -> Any: ...

    def environment(self) -> dict[str, str]: ...

    def seed(self, bucket: str, *args: Any, **what: Any) -> object: ...


ServerT = TypeVar("ServerT", bound=Server)


@dataclass
class WorkplaceOn(Generic[ServerT]):
    """What a test of the whole journey stands on. Nothing in it reads an end state with s3plan's own code."""

    folder: Path
    server: ServerT
    engine: str = "auto"
    told: list[str] = field(default_factory=list)  # warnings of `apply`, and what a test adds of its commands
    s3: Any = field(init=False)
    command: Command = field(init=False)

    def __post_init__(self) -> None:
        self.s3 = self.server.client()
        variables = self.server.environment()
        del variables["AWS_ENDPOINT_URL_S3"]  # manifests name the endpoint
        self.command = Command(self.folder, variables, is_server_later=isinstance(self.server, ServerProcess))

    @property
    def plan_file(self) -> Path:
        """Where a plan lies if nothing else is said."""
        return self.folder / ".s3plan" / "job.s3plan"

    @property
    def journal(self) -> Path:
        return self.plan_file.with_suffix(".s3run")

    def seed(self, bucket: str, *keys: str, **what: Any) -> None:
        """Put objects into a bucket; those of the same bytes have the same ETag wherever they lie."""
        self.server.seed(bucket, **({"keys": list(keys)} if keys else {}), **what)

    def buckets(self, *names: str) -> None:
        for name in names or ("source", "destination"):
            self.server.seed(name, keys=[])

    def manifest(self, **sections: object) -> Path:
        return write_manifest(self.folder, endpoint=self.server.endpoint, engine=self.engine, **sections)

    def plan(self, *, probe: bool = False, allow: Mapping[str, int] | None = None) -> PlanMade:
        return s3plan.plan(self.folder / "job.yaml", probe=probe, allow=allow)

    def apply(self, **options: Any) -> ApplyReport:
        on_event: OnEvent = options.pop("on_event", lambda _: None)

        def note(event: Event) -> None:
            if isinstance(event, Warned):
                self.told.append(event.message)
            on_event(event)

        return s3plan.apply(self.plan_file, on_event=note, **options)

    def carry_out(self, **sections: object) -> ApplyReport:
        """Write the manifest, plan, apply, and see that a second plan is empty."""
        self.manifest(**sections)
        self.plan()
        report = self.apply()
        assert (report.state, report.exit_code) == ("completed", 0), report
        self.assert_nothing_left()
        return report

    def assert_nothing_left(self) -> None:
        """Plan the same job again: there must be nothing to do."""
        again = s3plan.plan(self.folder / "job.yaml", output=self.folder / "again.s3plan")
        assert not again.has_changes, again.header.jobs[0].totals

    def listed(self, bucket: str, prefix: str = "") -> dict[str, Listed]:
        """What boto3 lists."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {
            row["Key"]: Listed(
                row["ETag"].strip('"'), row["Size"], row["LastModified"].timestamp(), row["StorageClass"]
            )
            for page in pages
            for row in page.get("Contents", [])
        }

    def keys(self, bucket: str, prefix: str = "") -> set[str]:
        return set(self.listed(bucket, prefix))

    def body(self, bucket: str, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def assert_same_content(self, source: str = "source", destination: str = "destination") -> None:
        """Both buckets hold the same keys and the same bytes."""
        expected, found = self.listed(source), self.listed(destination)
        assert found.keys() == expected.keys()
        for key in expected:
            assert self.body(destination, key) == self.body(source, key), key

    @contextmanager
    def at_work(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Let the library find credentials and cache in the environment, as the command does."""
        environment = self.command.environment
        shared = {name: environment[name] for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
        for name, value in {**self.command.variables, **shared}.items():
            monkeypatch.setenv(name, value)
        yield
        self.s3.close()


class Workplace(WorkplaceOn[ServerProcess]):
    """One on the fake S3 server, which counts what comes in."""

    def assert_all_done_once(self) -> None:
        """Both sides hold the same keys and sizes, each was written once, and nothing is left to do."""
        source, destination = self.listed("source"), self.listed("destination")
        assert {key: row.size_bytes for key, row in destination.items()} == {
            key: row.size_bytes for key, row in source.items()
        }
        assert set(self.writes().values()) == {1}
        assert self.untold_uploads() == []
        self.assert_nothing_left()

    def untold_uploads(self) -> list[str]:
        """Return the uploads left open that nobody was told of: what an unclear attempt may have left is named.

        By its id, or by its key where the store, in the middle of a storm, would not say which uploads there are.
        """
        told = " ".join(self.told)
        left = [found for found in self.server.uploads("destination") if PROBE not in found.key]
        unlisted = {line.partition(":")[0] for line in self.told if "that cannot be looked up" in line}
        return [found.upload_id for found in left if found.upload_id not in told and found.key not in unlisted]

    def wait_for_copies(self, started: Started, *, copies: int) -> None:
        """Return once so many copies were answered; the command must be running still."""
        until_s = time.monotonic() + _PATIENCE_S
        while self.server.stats().answered("CopyObject") < copies:
            assert started.is_running, started.wait().output
            assert time.monotonic() < until_s
            time.sleep(0.02)

    def writes(self, bucket: str = "destination") -> dict[str, int]:
        """How many requests wrote each key; without those of s3plan's own probe."""
        return {key: count for key, count in self.server.writes(bucket).items() if PROBE not in key}


def counted(report: ApplyReport) -> dict[str, int]:
    """A report's counts by word."""
    return {OutcomeKind(kind).value: number for kind, number in report.counts.items()}


BY_BOTH_ENGINES = pytest.mark.parametrize("engine", BOTH_ENGINES, indirect=True)
"""For tests of what is promised whichever engine sends the requests; the short version takes one of them for each."""


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The engine that manifests name; `auto` unless a test says otherwise."""
    return str(getattr(request, "param", "auto"))


@pytest.fixture
def place(server: ServerProcess, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    """A workplace on the session's server."""
    workplace = Workplace(tmp_path, server, engine)
    monkeypatch.setattr(*PLACE, NO_WAIT_S)
    with workplace.at_work(monkeypatch):
        yield workplace
