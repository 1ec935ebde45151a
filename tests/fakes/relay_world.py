"""Two stores in memory, each behind an engine that can be made to fail, and the performer that relays between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from s3plan.schemas.failures import Failure
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.requests.buffers import BufferReply, BufferRequest
from s3plan.storage.buffers import Buffers
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.memory.store import MemoryStore, StoredObject
from s3plan.storage.memory_budget import MemoryBudget
from s3plan.storage.transfer.performer import EnginePerformer

from fakes.copy_world import ALL_ENFORCED, CopyWorld
from fakes.faulty_engine import FaultyEngine


class InlineBuffers(Buffers):
    """Buffers that answer where they are asked, so that every run asks in the same order."""

    def submit(self, request: BufferRequest, on_reply: Callable[[BufferReply | Failure], None]) -> None:
        self._answer(request, on_reply)


class RelayWorld(CopyWorld):
    """`left` is in `store`, behind `engine`; `right` in `away`, behind `away_engine`."""

    def __init__(
        self,
        *,
        capabilities: Mapping[Condition, Enforcement] = ALL_ENFORCED,
        memory_bytes: int = 1 << 20,
        is_inline: bool = True,
    ) -> None:
        super().__init__(capabilities=capabilities)
        self.away = MemoryStore(min_part_size_bytes=1, now_ms=lambda: self.now_ms)
        self.away.create_bucket("right")
        self.store.buckets.pop("right")
        self.away_engine = FaultyEngine(MemoryEngine(self.away))
        self.away_engine.on_request = lambda _: self.tick()
        self.memory = MemoryBudget(memory_bytes)
        self.buffers = (InlineBuffers if is_inline else Buffers)(self.memory, threads=2)
        self.restart()

    def restart(self) -> None:
        """Have another performer, as another process would."""
        self.performer = EnginePerformer(
            lambda location: self.engine if location.bucket == "left" else self.away_engine,
            buffer=self.memory.buffer,
            buffers=self.buffers,
            clock=lambda: self.clock_s,
        )

    def put_destination(self, key: str, body: bytes, **more: Any) -> StoredObject:
        here, self.store = self.store, self.away
        try:
            return super().put_destination(key, body, **more)
        finally:
            self.store = here

    def found(self, key: str) -> StoredObject | None:
        return self.away.bucket("right").objects.get(f"out/{key}")

    @property
    def open_uploads(self) -> list[str]:
        return sorted(self.away.bucket("right").uploads)

    def plan_relay(self, key: str, **more: Any) -> Action:
        return self.plan_copy(key, **more)._replace(kind=ActionKind.RELAY)
