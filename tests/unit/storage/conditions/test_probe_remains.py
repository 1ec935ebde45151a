"""What a killed probe left is removed, and nothing else, whatever the store lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fakes.faulty_engine import Fault, FaultyEngine
from s3plan.schemas.requests import objects as r
from s3plan.schemas.requests import uploads as u
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.storage.conditions.probe_remains import remove_remains
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.memory.store import MemoryStore
from s3plan.storage.probe_keys import new_probe_stem
from s3plan.storage.s3.patience import Patience

_QUICK = Patience(attempts=2, sleep=lambda _: None)


class PrefixBlind(MemoryEngine):
    """A store that lists everything, whatever prefix it is asked for."""

    def call(self, request: r.Request) -> r.Reply:
        if isinstance(request, r.ListObjects | u.ListMultipartUploads):
            request = replace(request, prefix="")
        return super().call(request)


@pytest.mark.parametrize("engine_of", [MemoryEngine, PrefixBlind])
def test_objects_and_uploads_of_others_stay(engine_of: Callable[[MemoryStore], MemoryEngine]) -> None:
    store = MemoryStore(min_part_size_bytes=1, now_ms=lambda: 0)
    store.create_bucket("b")
    engine, stem = engine_of(store), new_probe_stem("out/")
    for key in ("out/precious", new_probe_stem("out/") + "-source", "precious", stem + "-source"):
        engine.call(r.PutObject("b", key, b"body"))
        engine.call(u.CreateMultipartUpload("b", key, ObjectAttributes()))
    remove_remains(engine, "b", stem, patience=_QUICK)
    bucket = store.bucket("b")
    assert len(bucket.objects) == 3
    assert {upload.key for upload in bucket.uploads.values()} == set(bucket.objects)
    assert stem + "-source" not in bucket.objects


class OddlyNamed(MemoryEngine):
    """A store that lists keys of which no request can be made."""

    def call(self, request: r.Request) -> r.Reply:
        reply = super().call(request)
        if isinstance(reply, r.ObjectsPage):
            return replace(reply, rows=[row._replace(key=row.key + b"\xff") for row in reply.rows])
        return reply


def test_a_key_that_is_no_text_is_nothing_that_a_probe_has_made() -> None:
    store = MemoryStore(min_part_size_bytes=1, now_ms=lambda: 0)
    store.create_bucket("b")
    engine, stem = OddlyNamed(store), new_probe_stem("")
    engine.call(r.PutObject("b", stem + "-own", b"body"))
    assert remove_remains(engine, "b", stem, patience=_QUICK)


@pytest.mark.parametrize(
    ("fault", "is_done"),
    [(Fault.SLOW_DOWN, False), (Fault.INTERNAL, False), (Fault.EXPIRED, False), (Fault.DENIED, True)],
)
@pytest.mark.parametrize("refused", [r.ListObjects, u.ListMultipartUploads, r.DeleteObject, u.AbortMultipartUpload])
def test_what_the_store_does_not_let_us_remove_now_is_not_taken_for_removed(
    fault: Fault, refused: type[r.Request], *, is_done: bool
) -> None:
    store = MemoryStore(min_part_size_bytes=1, now_ms=lambda: 0)
    store.create_bucket("b")
    engine, stem = FaultyEngine(MemoryEngine(store)), new_probe_stem("")
    engine.call(r.PutObject("b", stem + "-own", b"body"))
    engine.call(u.CreateMultipartUpload("b", stem + "-upload", ObjectAttributes()))
    engine.fail(fault, operation=refused, times=9)
    assert remove_remains(engine, "b", stem, patience=_QUICK) is is_done
    engine.mend()
    assert remove_remains(engine, "b", stem, patience=_QUICK)
    assert not store.bucket("b").objects
    assert not store.bucket("b").uploads
