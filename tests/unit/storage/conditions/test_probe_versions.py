"""In a bucket that keeps versions, what tries a store out leaves no version and no delete marker behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from s3plan.schemas.failures import Failure
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.requests import objects as r
from s3plan.schemas.requests import uploads as u
from s3plan.schemas.requests.versions import ListVersions, VersionsPage
from s3plan.storage.conditions.confirmation import confirm
from s3plan.storage.conditions.probe import probe
from s3plan.storage.conditions.probe_remains import remove_remains
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.memory.store import MemoryStore
from s3plan.storage.probe_keys import new_probe_stem
from s3plan.storage.s3.patience import Patience

_QUICK = Patience(attempts=2, sleep=lambda _: None)


class VersionedEngine:
    """A bucket `b` with versioning on; `kept` has the versions and delete markers that there are."""

    def __init__(self) -> None:
        store = MemoryStore(min_part_size_bytes=1, now_ms=lambda: 0)
        store.create_bucket("b")
        self._engine = MemoryEngine(store)
        self._made = 0
        self.kept: list[tuple[str, str]] = []
        self.most_kept = 0

    @property
    def clock_offset_ms(self) -> int:
        return 0

    def close(self) -> None:
        return

    def submit(self, request: r.Request, on_reply: Callable[[r.Reply], None]) -> None:
        on_reply(self.call(request))

    def call(self, request: r.Request) -> r.Reply:
        if isinstance(request, ListVersions):
            return VersionsPage([each for each in self.kept if each[0].startswith(request.prefix)])
        if isinstance(request, r.DeleteObject) and request.version is not None:
            self.kept.remove((request.key, request.version))
            return r.Acknowledged()
        reply = self._engine.call(request)
        if isinstance(reply, Failure):
            return reply
        if isinstance(request, r.PutObject | r.CopyObject | u.CompleteMultipartUpload):
            assert isinstance(reply, r.ObjectWritten)
            return r.ObjectWritten(reply.etag, self._keep(request.key))
        if isinstance(request, r.DeleteObject):
            self._keep(request.key)  # a delete marker, also where nothing is
        if isinstance(request, r.DeleteObjects) and isinstance(reply, r.KeysDeleted):
            for key in reply.deleted:
                self._keep(key)
        return reply

    def _keep(self, key: str) -> str:
        self._made += 1
        self.kept.append((key, f"version-{self._made}"))
        self.most_kept = max(self.most_kept, len(self.kept))
        return self.kept[-1][1]


@pytest.fixture
def engine() -> VersionedEngine:
    found = VersionedEngine()
    found.call(r.PutObject("b", "precious", b"one"))
    found.call(r.PutObject("b", "precious", b"two"))
    return found


@pytest.fixture(autouse=True)
def _nothing_is_left(engine: VersionedEngine) -> Iterator[None]:
    before = list(engine.kept)
    yield
    assert engine.most_kept > len(before)
    assert engine.kept == before


def test_a_probe_removes_its_versions_and_markers(engine: VersionedEngine) -> None:
    probe(engine, "b", "", patience=_QUICK)


def test_a_confirmation_removes_its_versions_and_markers(engine: VersionedEngine) -> None:
    confirm(engine, "b", new_probe_stem(""), {Condition.BATCH_DELETE_MATCH}, sample=None, patience=_QUICK)


def test_what_a_killed_probe_left_is_removed_with_its_versions_and_markers(engine: VersionedEngine) -> None:
    stem = new_probe_stem("")
    for name in ("-source", "-source", "-other"):
        engine.call(r.PutObject("b", stem + name, b"probe"))
    engine.call(r.DeleteObject("b", stem + "-other"))
    remove_remains(engine, "b", stem, patience=_QUICK)
