"""Files on their way up, with a pace that makes them wait, and what a store or a disk has against them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

import pytest
from fakes.copy_world import ALL_CHECKED, ALL_ENFORCED, BEGUN_MS, DESTINATION, Attempt, Steering
from fakes.faulty_engine import Fault, FaultyEngine
from s3plan.schemas.bitmaps import bitmap_of, full_bitmap
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.conditions import Capabilities
from s3plan.schemas.plan.places import Place
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import HeadObject, ObjectWritten, PutObject, Request
from s3plan.schemas.tasks import BatchTask, TaskSettings
from s3plan.storage.folder.engine import FolderEngine
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.memory.store import MemoryStore
from s3plan.storage.transfer.performer import EnginePerformer

PACE_S = 0.1


@dataclass(slots=True)
class OneAfterTheOther(Steering):
    """A Control that lets one file go every PACE_S."""

    next_s: float = 0.0
    asked: list[int] = field(default_factory=list)

    def reserve(self, place: Place, *, size_bytes: int) -> float:
        if not size_bytes:
            return 0.0
        self.asked.append(size_bytes)
        now_s = monotonic()
        turn_s = max(now_s, self.next_s)
        self.next_s = turn_s + PACE_S
        return turn_s - now_s


class UploadWorld:
    """A folder, and a bucket in memory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = MemoryStore()
        self.store.create_bucket("right")
        self.engine = FaultyEngine(MemoryEngine(self.store))
        self.files = FolderEngine(root, threads=2)
        self.sent: list[tuple[float, Request]] = []
        self.engine.on_request = lambda request: self.sent.append((monotonic(), request))
        self.source = PlanLocation(
            1, LocationKind.FOLDER, f"file://{root}/", "", None, None, "", "", path=str(root), root_inode=1
        )

    def plan(self, *keys: str) -> list[Action]:
        found = []
        for key in keys:
            (self.root / key).write_bytes(key.encode() * 10)
            status = (self.root / key).stat()
            pin = str(Stamp.of(status))
            found.append(Action(ActionKind.UPLOAD, key.encode(), status.st_size, "planned", source_pin=pin))
        return found

    def perform(self, actions: list[Action], control: Steering, capabilities: Capabilities = ALL_ENFORCED) -> Attempt:
        task = BatchTask(
            batch_id=1,
            generation=1,
            actions=actions,
            digest=b"",
            todo=full_bitmap(len(actions)),
            doubtful=bitmap_of((), size=len(actions)),
            uploads=(),
            source=self.source,
            destination=DESTINATION,
            settings=TaskSettings(capabilities, 1 << 30, 1 << 24, None),
            begun_at_ms=BEGUN_MS,
            doubtful_since_ms={},
        )
        attempt = Attempt()
        performer = EnginePerformer(lambda _: self.engine, files_of=lambda _: self.files)
        for item in performer.perform(task, control):
            attempt.take(item)
        return attempt


@pytest.fixture
def world(tmp_path: Path) -> Iterator[UploadWorld]:
    made = UploadWorld(tmp_path)
    yield made
    made.files.close()


@pytest.mark.parametrize("capabilities", [ALL_ENFORCED, ALL_CHECKED])
def test_uploads_keep_to_the_pace_and_each_asks_once(world: UploadWorld, capabilities: Capabilities) -> None:
    actions = world.plan(*(f"{number}" for number in range(6)))
    control = OneAfterTheOther(in_flight=16)
    began_s = monotonic()
    assert world.perform(actions, control, capabilities).kinds == ["done"] * 6
    puts = sorted(at_s for at_s, request in world.sent if isinstance(request, PutObject))
    assert all(at_s - began_s >= number * PACE_S * 0.9 for number, at_s in enumerate(puts)), puts
    assert control.asked == [10] * 6


def test_what_is_looked_at_first_is_sent_right_after_its_look(world: UploadWorld) -> None:
    actions = world.plan(*(f"{number}" for number in range(6)))
    assert world.perform(actions, OneAfterTheOther(in_flight=16), ALL_CHECKED).kinds == ["done"] * 6
    keys = [request.key for _, request in world.sent if isinstance(request, HeadObject | PutObject)]
    assert keys[0::2] == keys[1::2]
    assert len(set(keys)) == 6


def test_a_body_that_cannot_be_read_is_no_answer_of_the_store(world: UploadWorld) -> None:
    actions = world.plan("a")
    broken = Failure(FailureKind.LOCAL_IO, "PutObject", "BodyUnreadable", "the disk is broken")
    world.engine.answer = lambda request, reply: broken if isinstance(request, PutObject) else reply
    only = world.perform(actions, Steering()).only
    assert (only.kind, only.side, only.failure) == (OutcomeKind.FAILED, Side.SOURCE, FailureKind.LOCAL_IO)


def test_a_denied_upload_names_the_permission(world: UploadWorld) -> None:
    actions = world.plan("a")
    world.engine.fail(Fault.DENIED, operation=PutObject)
    only = world.perform(actions, Steering()).only
    assert (only.kind, only.side) == (OutcomeKind.FAILED, Side.DESTINATION)
    assert "s3:PutObject on the destination may be missing" in only.reason


def test_an_upload_whose_store_has_other_bytes_is_failed(world: UploadWorld) -> None:
    actions = world.plan("a")
    world.engine.answer = lambda _, reply: (
        replace(reply, crc64nvme="AAAAAAAAAAE=") if isinstance(reply, ObjectWritten) else reply
    )
    only = world.perform(actions, Steering()).only
    assert (only.kind, only.side, only.evidence) == (OutcomeKind.FAILED, Side.DESTINATION, "")
    assert only.reason.startswith("verification: its CRC64NVME is ")
    assert only.reason.endswith(", the store has AAAAAAAAAAE=")


@pytest.mark.parametrize(
    ("told", "proved_by"),
    [
        (ObjectWritten("0" * 32), ""),  # as under SSE-KMS: it only looks like an MD5 sum
        (ObjectWritten(None), ""),
        (ObjectWritten("0" * 32, crc64nvme="no checksum"), ""),
    ],
)
def test_what_the_store_answers_is_proof_only_if_it_speaks_of_the_bytes(
    world: UploadWorld, told: ObjectWritten, proved_by: str
) -> None:
    actions = world.plan("a")
    world.engine.answer = lambda _, reply: told if isinstance(reply, ObjectWritten) else reply
    only = world.perform(actions, Steering()).only
    assert (only.kind, only.evidence) == (OutcomeKind.DONE, proved_by)
