"""Two buckets in memory, an engine that can be made to fail, and the performer between them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from s3plan.schemas.bitmaps import bitmap_of, full_bitmap
from s3plan.schemas.evidence.verification import REPLIES_ALONE
from s3plan.schemas.objects import STANDARD
from s3plan.schemas.outcomes import Outcome, OutcomeKind, PartDone, Progress, Remark, UploadBegun, UploadEnded
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.plan.places import Place
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.requests.attributes import ALL_KEPT, Encryption, ObjectAttributes
from s3plan.schemas.tasks import BatchTask, KnownUpload, TaskSettings
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.memory.store import MemoryStore, StoredObject
from s3plan.storage.transfer.performer import EnginePerformer

from fakes.faulty_engine import FaultyEngine, ProcessKilled

SOURCE = PlanLocation(1, LocationKind.S3, "s3://left/in/", "", None, None, "left", "in/")
DESTINATION = PlanLocation(2, LocationKind.S3, "s3://right/out/", "", None, None, "right", "out/")
ALL_ENFORCED: Mapping[Condition, Enforcement] = dict.fromkeys(Condition, Enforcement.ENFORCED)
ALL_CHECKED: Mapping[Condition, Enforcement] = dict.fromkeys(Condition, Enforcement.CHECKED)
BEGUN_MS = 1_799_999_999_999  # the last millisecond of a second, so that no large object waits for the next
PART_BYTES = 4
LARGE_BYTES = 10  # copied in parts from here


@dataclass(slots=True)
class Steering:
    """A Control that a test holds in its hands."""

    in_flight: int = 8
    stopping: bool = False
    abandoned: bool = False
    in_doubt: bool = False
    reserved_bytes: list[int] = field(default_factory=list)

    def holds(self, places: frozenset[Place]) -> bool:
        return False

    def reserve(self, place: Place, *, size_bytes: int) -> float:
        self.reserved_bytes.append(size_bytes)
        return 0.0


@dataclass(slots=True)
class Attempt:
    """What one perform told."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    items: list[Progress] = field(default_factory=list)

    def take(self, item: Progress) -> None:
        self.items.append(item)
        if isinstance(item, Outcome):
            assert item.position not in self.outcomes, f"told twice: {item}"
            self.outcomes[item.position] = item

    @property
    def kinds(self) -> list[str]:
        """The outcomes' words by position."""
        return [self.outcomes[position].kind.value for position in sorted(self.outcomes)]

    @property
    def remarks(self) -> list[str]:
        return [item.message for item in self.items if isinstance(item, Remark)]

    @property
    def only(self) -> Outcome:
        (outcome,) = self.outcomes.values()
        return outcome


@dataclass(slots=True)
class Memory:
    """What a journal would have kept of a batch between two attempts."""

    ends: dict[int, Outcome] = field(default_factory=dict)
    unclear: set[int] = field(default_factory=set)
    uploads: dict[int, tuple[str, int, dict[int, str]]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def take(self, items: Iterable[Progress]) -> None:
        for item in items:
            match item:
                case Outcome():
                    self.ends[item.position] = item
                    if item.is_unclear:
                        self.unclear.add(item.position)
                case UploadBegun():
                    self.uploads[item.position] = (item.upload_id, item.part_size_bytes, {})
                case PartDone():
                    self.uploads[item.position][2][item.number] = item.etag
                case UploadEnded():
                    self.uploads.pop(item.position, None)
                case Remark():
                    self.remarks.append(item.message)

    def known(self) -> tuple[KnownUpload, ...]:
        return tuple(
            KnownUpload(position, upload_id, size, tuple(sorted(parts.items())))
            for position, (upload_id, size, parts) in self.uploads.items()
        )

    def todo(self, actions: Sequence[Action]) -> list[int]:
        again = {OutcomeKind.FAILED, OutcomeKind.UNKNOWN}
        return [at for at in range(len(actions)) if at not in self.ends or self.ends[at].kind in again]


class CopyWorld:
    """Buckets `left` (prefix `in/`) and `right` (prefix `out/`). Each request takes the store a second of its clock."""

    def __init__(self, *, capabilities: Mapping[Condition, Enforcement] = ALL_ENFORCED) -> None:
        self.capabilities = capabilities
        self.now_ms = BEGUN_MS - 3_600_000
        self.store = MemoryStore(min_part_size_bytes=1, now_ms=lambda: self.now_ms)
        for name in ("left", "right"):
            self.store.create_bucket(name)
        self.engine = FaultyEngine(MemoryEngine(self.store))
        self.engine.on_request = lambda _: self.tick()
        self.clock_s = 0.0  # of this machine
        self.performer = EnginePerformer(lambda _: self.engine, clock=lambda: self.clock_s)
        self.steering = Steering()
        self.encryption: Encryption | None = None
        self.verification = REPLIES_ALONE
        self.given = ALL_KEPT
        self.removes_source = False
        self.sums_parts = False
        self.source = SOURCE

    def tick(self, seconds: int = 1) -> None:
        self.now_ms += seconds * 1000

    def put_source(self, key: str, body: bytes, **more: Any) -> StoredObject:
        return self._put("left", SOURCE.prefix + key, body, **more)

    def put_destination(self, key: str, body: bytes, **more: Any) -> StoredObject:
        return self._put("right", DESTINATION.prefix + key, body, **more)

    def _put(
        self,
        bucket: str,
        key: str,
        body: bytes,
        *,
        etag: str | None = None,
        storage_class: str = STANDARD,
        attributes: ObjectAttributes | None = None,
        encryption: str = "AES256",
    ) -> StoredObject:
        stored = self.store.new_object(
            body, etag=etag, storage_class=storage_class, attributes=attributes, encryption=encryption
        )
        self.store.bucket(bucket).put(key, stored)
        return stored

    def remove_source(self, key: str) -> None:
        self.store.bucket("left").remove(SOURCE.prefix + key)

    def remove_destination(self, key: str) -> None:
        self.store.bucket("right").remove(DESTINATION.prefix + key)

    def found(self, key: str) -> StoredObject | None:
        """What stands at the destination."""
        return self.store.bucket("right").objects.get(DESTINATION.prefix + key)

    def body(self, key: str) -> bytes | None:
        found = self.found(key)
        return None if found is None else found.body

    @property
    def open_uploads(self) -> list[str]:
        return sorted(self.store.bucket("right").uploads)

    def plan_copy(self, key: str, *, storage_class: str | None = None) -> Action:
        """A copy of what lies in the source now, pinned to what lies at the destination now."""
        source = self.store.bucket("left").stored(SOURCE.prefix + key)
        there = self.found(key)
        return Action(
            ActionKind.COPY,
            key.encode(),
            len(source.body),
            "planned",
            source_pin=source.etag,
            source_mtime_ms=source.mtime_ms,
            destination_pin=None if there is None else there.etag,
            destination_mtime_ms=None if there is None else there.mtime_ms,
            storage_class=storage_class,
        )

    def plan_delete(self, key: str) -> Action:
        there = self.store.bucket("right").stored(DESTINATION.prefix + key)
        return Action(
            ActionKind.DELETE,
            key.encode(),
            len(there.body),
            "not in the source",
            destination_pin=there.etag,
            destination_mtime_ms=there.mtime_ms,
        )

    def task(
        self,
        actions: Sequence[Action],
        *,
        todo: Collection[int] | None = None,
        doubtful: Collection[int] = (),
        uploads: tuple[KnownUpload, ...] = (),
        generation: int = 1,
        begun_at_ms: int = BEGUN_MS,
        doubtful_since_ms: Mapping[int, int] | None = None,
        part_size_bytes: int = PART_BYTES,
        unverified: Collection[int] = (),
    ) -> BatchTask:
        size = len(actions)
        return BatchTask(
            batch_id=1,
            generation=generation,
            actions=actions,
            digest=b"",
            todo=full_bitmap(size) if todo is None else bitmap_of(todo, size=size),
            doubtful=bitmap_of(doubtful, size=size),
            uploads=uploads,
            source=self.source,
            destination=DESTINATION,
            settings=TaskSettings(
                self.capabilities,
                LARGE_BYTES,
                part_size_bytes,
                self.encryption,
                verification=self.verification,
                given=self.given,
                removes_source=self.removes_source,
                sums_parts=self.sums_parts,
            ),
            begun_at_ms=begun_at_ms,
            doubtful_since_ms=doubtful_since_ms or {},
            unverified=frozenset(unverified),
        )

    def begin(self) -> None:
        """Let the store's clock reach the moment at which batches begin."""
        self.now_ms = max(self.now_ms, BEGUN_MS)

    def perform(self, *actions: Action, **task: Any) -> Attempt:
        """Perform one attempt to its end."""
        self.begin()
        attempt = Attempt()
        for item in self.performer.perform(self.task(actions, **task), self.steering):
            attempt.take(item)
        return attempt

    def resume_until_ended(
        self, actions: Sequence[Action], *, memory: Memory | None = None, is_begun: bool = False, attempts: int = 6
    ) -> Memory:
        """Perform again and again what failed or is unknown, as a scheduler would, with what the journal keeps.

        After ProcessKilled what was told so far is kept, and all that has not ended is doubtful.
        """
        self.begin()
        memory = memory or Memory()
        for generation in range(1, attempts + 1):
            todo = memory.todo(actions)
            if not todo:
                break
            doubtful = todo if is_begun else [position for position in todo if position in memory.unclear]
            task = self.task(
                actions, todo=todo, doubtful=doubtful, uploads=memory.known(), generation=generation + is_begun
            )
            attempt = Attempt()
            is_begun = False
            try:
                for item in self.performer.perform(task, self.steering):
                    attempt.take(item)
            except ProcessKilled:
                is_begun = True
            memory.take(attempt.items)
        return memory
