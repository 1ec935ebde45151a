"""An engine whose store lists in an order of its own, from which start-after and the tokens count, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import ListObjects, ObjectsPage, Reply, Request

from fakes.s3server.orders import OrderOf, case_blind, utf_16

ORDERS: dict[str, OrderOf] = {"case-blind": case_blind, "utf-16": utf_16}


class OrderedStore:
    """Answers listings with all rows of another engine in `order`; passes on everything else."""

    def __init__(self, engine: Engine, order: OrderOf, *, page_keys: int = 1000) -> None:
        self._engine = engine
        self._order = order
        self._page_keys = page_keys

    @property
    def clock_offset_ms(self) -> int:
        return self._engine.clock_offset_ms

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        on_reply(self.call(request))

    def call(self, request: Request) -> Reply:
        if not isinstance(request, ListObjects) or request.delimiter is not None:
            return self._engine.call(request)
        page = self._engine.call(replace(request, start_after=None, token=None, max_keys=1000))
        if not isinstance(page, ObjectsPage):
            return page
        assert not page.truncated
        after = request.start_after if request.token is None else request.token
        rows = sorted(page.rows, key=lambda row: self._order(row.key.decode()))
        rows = [row for row in rows if after is None or self._comes_after(row, after)]
        shown = rows[: min(self._page_keys, request.max_keys)]
        truncated = len(shown) < len(rows)
        return ObjectsPage(shown, [], next_token=shown[-1].key.decode() if truncated else None, truncated=truncated)

    def _comes_after(self, row: ObjectRow, key: str) -> bool:
        return self._order(row.key.decode()) > self._order(key)

    def close(self) -> None:
        self._engine.close()
