"""An engine that is asked before each request whether it may be sent."""

from __future__ import annotations

import pytest
from fakes.faulty_engine import FaultyEngine
from s3plan.schemas.errors import Locked
from s3plan.schemas.requests.objects import HeadBucket, Reply, Request
from s3plan.storage.conditions.probe import probe
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.memory.store import MemoryStore
from s3plan.storage.s3.guarded_engine import GuardedEngine


def test_what_may_not_be_sent_is_not_sent_whichever_way_it_is_asked_for() -> None:
    store = MemoryStore(min_part_size_bytes=1, now_ms=lambda: 0)
    store.create_bucket("b")
    asked = FaultyEngine(MemoryEngine(store))
    left = 20

    def check(_: Request) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Locked("taken over")

    engine = GuardedEngine(asked, check)
    with pytest.raises(Locked):
        probe(engine, "b", "")
    assert len(asked.requests) == 20, "not even to clean up: that is for whoever has the plan now"
    replies: list[Reply] = []
    with pytest.raises(Locked):
        engine.submit(HeadBucket("b"), replies.append)
    assert (len(asked.requests), replies) == (20, [])
