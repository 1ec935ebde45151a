"""An engine whose store lists in an order of its own, as directory buckets do."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests import ListObjects, ObjectsPage, Reply, Request


class ShuffledStore:
    """Answers listings with the other engine's rows, shuffled, `page_keys` to a page; passes on everything else."""

    def __init__(self, engine: Engine, chance: random.Random, *, page_keys: int) -> None:
        self._engine = engine
        self._chance = chance
        self._page_keys = page_keys
        self._orders: dict[tuple[str, str, str | None], list[ObjectRow]] = {}

    @property
    def clock_offset_ms(self) -> int:
        return self._engine.clock_offset_ms

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        on_reply(self.call(request))

    def call(self, request: Request) -> Reply:
        if not isinstance(request, ListObjects) or request.delimiter is not None:
            return self._engine.call(request)
        asked = (request.bucket, request.prefix, request.start_after)
        if asked not in self._orders:
            self._orders[asked] = self._shuffled(request)
        rows = self._orders[asked]
        first = 0 if request.token is None else int(request.token)
        last = first + min(self._page_keys, request.max_keys)
        truncated = last < len(rows)
        return ObjectsPage(rows[first:last], [], next_token=str(last) if truncated else None, truncated=truncated)

    def _shuffled(self, request: ListObjects) -> list[ObjectRow]:
        page = self._engine.call(replace(request, token=None, max_keys=1000))
        assert isinstance(page, ObjectsPage)
        assert not page.truncated
        rows = list(page.rows)
        self._chance.shuffle(rows)
        return rows

    def close(self) -> None:
        self._engine.close()
