"""Large bodies go over loops of their own, and small requests do not wait for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from contract.body_contract import some_bytes
from fakes.s3fixtures import s3_server, server
from fakes.s3server import ServerProcess
from s3plan.schemas.bodies import BodyInMemory, SinkInMemory
from s3plan.schemas.requests.objects import GetObject, ObjectRead, ObjectWritten, PutObject
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.native.engine import NativeEngine
from s3plan.storage.s3.native.lanes import WORTH_A_LANE_BYTES, Lanes
from s3plan.storage.s3.native.loop import HttpLoop

__all__ = ["s3_server", "server"]


class ThreadedBody(BodyInMemory):
    """Notes on which threads it is read."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.threads: set[str] = set()

    def read_into(self, view: memoryview, *, offset: int) -> int:
        self.threads.add(str(threading.get_ident()))
        return super().read_into(view, offset=offset)


@pytest.fixture
def engine(server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[NativeEngine]:
    monkeypatch.setenv("T_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("T_SECRET_ACCESS_KEY", "secret")
    server.seed("bucket", keys=["small"], body="bytes")
    opened = NativeEngine(
        ConnectionSettings(endpoint=server.endpoint, region="us-east-1", env_prefix="T_"), max_in_flight=4
    )
    yield opened
    opened.close()


def test_small_and_large_bodies_are_read_on_different_threads(engine: NativeEngine) -> None:
    small, large = (ThreadedBody(some_bytes(size)) for size in (WORTH_A_LANE_BYTES, WORTH_A_LANE_BYTES + 1))
    for body in (small, large):
        assert isinstance(engine.call(PutObject("bucket", f"{body.size_bytes}", body)), ObjectWritten)
    small.threads.discard(str(threading.get_ident()))  # which signed it
    large.threads.discard(str(threading.get_ident()))
    assert len(small.threads) == len(large.threads) == 1
    assert small.threads != large.threads
    sink = SinkInMemory(large.size_bytes)
    assert isinstance(engine.call(GetObject("bucket", f"{large.size_bytes}", into=sink)), ObjectRead)
    assert bytes(sink.content) == some_bytes(large.size_bytes)


def test_a_lane_is_opened_when_all_others_have_something_to_move_and_never_more_than_there_are_cores() -> None:
    def open_loop() -> HttpLoop:
        return HttpLoop(max_connections=1, connect_timeout_s=1.0, read_timeout_s=1.0)

    lanes = Lanes(open_loop, cores=2)
    first, leave_first = lanes.take(100)
    second, leave_second = lanes.take(10)
    third, leave_third = lanes.take(10)
    assert first is not second
    assert third is second  # it has less to move
    leave_first()
    assert lanes.take(5)[0] is first
    for leave in (leave_second, leave_third):
        leave()
    assert lanes.take(1)[0] is second
    lanes.close()
