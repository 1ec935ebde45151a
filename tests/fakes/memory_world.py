"""The whole journey without a network: manifest, plan and apply by the library, buckets in memory, clocks by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import s3plan
from s3plan.app.requests import ApplyReport, PlanMade
from s3plan.planfile.reader import open_plan
from s3plan.schemas.events import Event, OnEvent, Warned
from s3plan.schemas.objects import STANDARD
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import ObjectFound, Reply, Request
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.memory.store import MemoryStore

from fakes.faulty_engine import FaultyEngine
from fakes.later_second import NO_WAIT_S, PLACE
from fakes.manifests import write_manifest

AWS = "https://s3.us-east-1.amazonaws.com"  # a store of which it is known that it holds every condition
START_MS = 1_800_000_000_000
SOURCE, DESTINATION = "left", "right"
PREFIXES: Mapping[str, str] = {SOURCE: "in/", DESTINATION: "out/"}
QUICK_RETRIES: Mapping[str, object] = {"attempts": 9, "initial": "1ms", "max": "2ms", "jitter": "none"}


class Stored(NamedTuple):
    """One object as a test speaks of it; `etag` is None for the MD5 of its body."""

    body: bytes
    mtime_ms: int = START_MS - 86_400_000
    storage_class: str = STANDARD
    etag: str | None = None

    def __repr__(self) -> str:
        """Some are of megabytes."""
        shown = f"{self.body[:8]!r} of {len(self.body)}"
        return f"Stored({shown}, mtime_ms={self.mtime_ms}, {self.storage_class}, etag={self.etag})"


Tree = Mapping[str, Stored]
"""Objects of one location by key, relative to it."""


class MemoryWorld:
    """Locations `s3://left/in/` and `s3://right/out/`. Each request takes the store a second of its clock.

    `skew_ms` is how much this machine's clock is ahead of the store's.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.now_ms = START_MS
        self.skew_ms = 0
        self.warnings: list[str] = []  # of all applies
        self.store = MemoryStore(now_ms=lambda: self.now_ms)
        self.engine = FaultyEngine(MemoryEngine(self.store))
        self.engine.on_request = self._tick
        self.in_between: Callable[[Engine], Engine] = lambda engine: engine
        for bucket in PREFIXES:
            self.store.create_bucket(bucket)
        patch.setattr(*PLACE, NO_WAIT_S)  # each request takes a second of the store's clock
        # Each apply stands for a process of its own, and the ones before it are gone.
        patch.setattr("s3plan.storage.conditions.capabilities._is_alive", lambda pid: False)
        patch.setattr("s3plan.app.stores.open_engine", lambda settings, **_: self.in_between(self.engine))
        for name in ("s3plan.app.clock.time_ns", "s3plan.app.plans.sides.time_ns"):
            patch.setattr(name, self._local_clock_ns)

    def _tick(self, _: Request) -> None:
        self.now_ms += 1000
        self.engine.clock_offset_ms = -self.skew_ms  # as a reply's `Date` tells

    def _local_clock_ns(self) -> int:
        return (self.now_ms + self.skew_ms) * 1_000_000

    @property
    def plan_file(self) -> Path:
        return self.folder / ".s3plan" / "job.s3plan"

    @property
    def journal(self) -> Path:
        return self.plan_file.with_suffix(".s3run")

    def put(self, bucket: str, objects: Tree) -> None:
        """Put objects into a location; what was there under other keys stays."""
        for key, (body, mtime_ms, storage_class, etag) in objects.items():
            made = self.store.new_object(body, etag=etag, storage_class=storage_class)
            self.store.bucket(bucket).put(PREFIXES[bucket] + key, replace(made, mtime_ms=mtime_ms))

    def tree(self, bucket: str) -> dict[str, Stored]:
        """Return what a location holds."""
        prefix = PREFIXES[bucket]
        return {
            key.removeprefix(prefix): Stored(found.body, found.mtime_ms, found.storage_class, found.etag)
            for key, found in self.store.bucket(bucket).objects.items()
            if key.startswith(prefix)
        }

    @property
    def open_uploads(self) -> list[str]:
        return sorted(self.store.bucket(DESTINATION).uploads)

    def manifest(self, **sections: object) -> Path:
        run = {"executor": "serial", "retries": QUICK_RETRIES}
        places = {"source": f"s3://{SOURCE}/in/", "destination": f"s3://{DESTINATION}/out/"}
        said: dict[str, Any] = {**places, "run": run, **sections}
        return write_manifest(self.folder, endpoint=AWS, **said)

    def plan(self, *, output: Path | None = None, allow: Mapping[str, int] | None = None) -> PlanMade:
        return s3plan.plan(self.folder / "job.yaml", output=output, allow=allow)

    def apply(self, **options: Any) -> ApplyReport:
        on_event: OnEvent = options.pop("on_event", lambda _: None)

        def note(event: Event) -> None:
            if isinstance(event, Warned):
                self.warnings.append(event.message)
            on_event(event)

        return s3plan.apply(self.plan_file, on_event=note, **options)

    @property
    def untold_uploads(self) -> list[str]:
        """Return the open uploads that no apply has told of: one whose end is unclear is left alone, and named."""
        told = " ".join(self.warnings)
        return [upload_id for upload_id in self.open_uploads if upload_id not in told and "looked up" not in told]


def content_digest_of(plan: Path) -> bytes:
    """Return the digest of a plan's content, without its header."""
    with open_plan(plan) as reader:
        return reader._content_digest


@contextmanager
def memory_world() -> Iterator[MemoryWorld]:
    """Give a new world; for tests that need many, so in memory where there is a file system for that."""
    quick = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(dir=quick if quick.is_dir() else None, prefix="s3plan-test-") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        yield MemoryWorld(Path(folder), patch)


def without_checksums(_: Request, reply: Reply) -> Reply:
    """Answer as a store that keeps no checksums of whole objects: for MemoryWorld.engine.answer."""
    return replace(reply, checksums={}) if isinstance(reply, ObjectFound) else reply
