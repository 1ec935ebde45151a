"""What a killed probe left is removed, and nothing else, whatever the store lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from s3plan.schemas import requests as r
from s3plan.storage.memory_engine import MemoryEngine
from s3plan.storage.memory_store import MemoryStore
from s3plan.storage.patience import Patience
from s3plan.storage.probe_keys import new_probe_stem
from s3plan.storage.probe_remains import remove_remains

_QUICK = Patience(attempts=2, sleep=lambda _: None)


class PrefixBlind(MemoryEngine):
    """A store that lists everything, whatever prefix it is asked for."""

    def call(self, request: r.Request) -> r.Reply:
        if isinstance(request, r.ListObjects | r.ListMultipartUploads):
            request = replace(request, prefix="")
        return super().call(request)


@pytest.mark.parametrize("engine_of", [MemoryEngine, PrefixBlind])
def test_objects_and_uploads_of_others_stay(engine_of: Callable[[MemoryStore], MemoryEngine]) -> None:
    store = MemoryStore(min_part_size_bytes=1, now_ms=lambda: 0)
    store.create_bucket("b")
    engine, stem = engine_of(store), new_probe_stem("out/")
    for key in ("out/precious", new_probe_stem("out/") + "-source", "precious", stem + "-source"):
        engine.call(r.PutObject("b", key, b"body"))
        engine.call(r.CreateMultipartUpload("b", key, r.ObjectAttributes()))
    remove_remains(engine, "b", stem, patience=_QUICK)
    bucket = store.bucket("b")
    assert len(bucket.objects) == 3
    assert {upload.key for upload in bucket.uploads.values()} == set(bucket.objects)
    assert stem + "-source" not in bucket.objects
