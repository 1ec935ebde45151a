"""Files that go up and come down keep to the pace that they are given, large ones and parts as well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from fakes.copy_world import ALL_ENFORCED, BEGUN_MS, DESTINATION, SOURCE, Attempt, Steering
from fakes.faulty_engine import FaultyEngine
from s3plan.schemas.bitmaps import bitmap_of, full_bitmap
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.places import Place
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.requests.objects import GetObject, HeadObject, ObjectFound, PutObject, Request
from s3plan.schemas.requests.uploads import UploadPart
from s3plan.schemas.tasks import BatchTask, TaskSettings
from s3plan.storage.folder.engine import FolderEngine
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.memory.store import MemoryStore
from s3plan.storage.transfer.performer import EnginePerformer

MIB = 1 << 20
PACE_BYTES_PER_S = 20 * MIB


class OneBandwidth(Steering):
    """A Control of one bandwidth for all."""

    def reserve(self, place: Place, *, size_bytes: int) -> float:
        now_s = monotonic()
        turn_s = max(now_s, getattr(self, "next_s", 0.0))
        self.next_s = turn_s + size_bytes / PACE_BYTES_PER_S
        return turn_s - now_s


class PacedWorld:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = MemoryStore()
        for bucket in (SOURCE.bucket, DESTINATION.bucket):
            self.store.create_bucket(bucket)
        self.engine = FaultyEngine(MemoryEngine(self.store))
        self.files = FolderEngine(root, threads=4)
        self.sent: list[tuple[float, Request]] = []
        self.engine.on_request = lambda request: self.sent.append((monotonic(), request))
        self.folder = PlanLocation(
            3, LocationKind.FOLDER, f"file://{root}/", "", None, None, "", "", path=str(root), root_inode=1
        )

    def perform(self, actions: list[Action], *, source: PlanLocation, destination: PlanLocation) -> list[str]:
        task = BatchTask(
            batch_id=1,
            generation=1,
            actions=actions,
            digest=b"",
            todo=full_bitmap(len(actions)),
            doubtful=bitmap_of((), size=len(actions)),
            uploads=(),
            source=source,
            destination=destination,
            settings=TaskSettings(ALL_ENFORCED, 5 * MIB, 5 * MIB, None, plan_digest="d" * 64),
            begun_at_ms=BEGUN_MS,
            doubtful_since_ms={},
        )
        attempt = Attempt()
        performer = EnginePerformer(lambda _: self.engine, files_of=lambda _: self.files)
        for item in performer.perform(task, OneBandwidth(in_flight=16)):
            attempt.take(item)
        return attempt.kinds

    def times(self, kind: type[Request]) -> list[float]:
        return sorted(at_s for at_s, request in self.sent if isinstance(request, kind))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[PacedWorld]:
    made = PacedWorld(tmp_path)
    yield made
    made.files.close()


def kept_to_the_pace(times_s: list[float], *, size_bytes: int) -> bool:
    each_s = size_bytes / PACE_BYTES_PER_S
    return all(at_s - times_s[0] >= number * each_s * 0.9 for number, at_s in enumerate(times_s))


@pytest.mark.parametrize("size_bytes", [MIB, 2 * MIB])
def test_downloads_keep_to_the_bandwidth_whether_memory_holds_them_or_a_file(
    world: PacedWorld, size_bytes: int
) -> None:
    actions = []
    for number in range(6):
        key = f"{number}"
        world.engine.call(PutObject(SOURCE.bucket, SOURCE.prefix + key, os.urandom(size_bytes)))
        found = world.engine.call(HeadObject(SOURCE.bucket, SOURCE.prefix + key))
        assert isinstance(found, ObjectFound)
        actions.append(Action(ActionKind.DOWNLOAD, key.encode(), size_bytes, "", found.etag, found.mtime_ms))
    assert world.perform(actions, source=SOURCE, destination=world.folder) == ["done"] * 6
    assert kept_to_the_pace(world.times(GetObject), size_bytes=size_bytes)


def test_parts_of_a_file_keep_to_the_bandwidth(world: PacedWorld) -> None:
    (world.root / "film").write_bytes(os.urandom(30 * MIB))
    pin = str(Stamp.of((world.root / "film").stat()))
    action = Action(ActionKind.UPLOAD, b"film", 30 * MIB, "", pin)
    assert world.perform([action], source=world.folder, destination=DESTINATION) == ["done"]
    assert len(world.times(UploadPart)) == 6
    assert kept_to_the_pace(world.times(UploadPart), size_bytes=5 * MIB)
