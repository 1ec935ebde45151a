"""Every engine lets go of what it was to send or to fill as soon as a request has failed."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from fakes.raw_store import PATIENCE_S, store
from s3plan.schemas.bodies import BodyInMemory, Digests, SinkInMemory
from s3plan.schemas.failures import Failure
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import GetObject, PutObject, Reply, Request
from s3plan.storage.memory_budget import MemoryBudget
from s3plan.storage.s3.botocore.engine import open_boto3_engine
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.crt.engine import open_crt_engine
from s3plan.storage.s3.native.engine import open_native_engine

SIZE_BYTES = 1 << 20
Ask = Callable[[memoryview], Request]
OpenEngine = Callable[..., Any]


def hang_up(client: socket.socket, _: int) -> None:
    client.recv(1 << 16)


def get_into(room: memoryview) -> Request:
    return GetObject("bucket", "key", into=SinkInMemory(SIZE_BYTES, into=room))


def put_from(room: memoryview) -> Request:
    return PutObject("bucket", "key", BodyInMemory(room), digests=Digests(sha256="0" * 64))


def fail(engine: Engine, request: Request) -> Reply:
    replies: list[Reply] = []
    has_come = Event()

    def take(reply: Reply) -> None:
        replies.append(reply)
        has_come.set()

    engine.submit(request, take)
    assert has_come.wait(PATIENCE_S)
    return replies[0]


@pytest.mark.parametrize("ask", [get_into, put_from])
@pytest.mark.parametrize("open_engine", [open_native_engine, open_boto3_engine, open_crt_engine])
def test_the_room_of_a_request_whose_connection_breaks_is_free_without_the_collector(
    monkeypatch: pytest.MonkeyPatch, open_engine: OpenEngine, ask: Ask
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-a-test")
    memory = MemoryBudget(SIZE_BYTES)
    with store(hang_up) as server:
        engine = open_engine(ConnectionSettings(endpoint=f"http://{server.place}", region="us-east-1"), max_in_flight=1)
        gc.collect()
        gc.disable()
        try:
            reply = fail(engine, ask(memory.wait_for_buffer(SIZE_BYTES)))
            assert isinstance(reply, Failure)
            assert wait_for_room(memory)
        finally:
            gc.enable()
            engine.close()


def wait_for_room(memory: MemoryBudget) -> bool:
    """Return whether there is room, at the latest when the thread that has answered has gone on."""
    for _ in range(100):
        if memory.buffer(SIZE_BYTES) is not None:
            return True
        Event().wait(0.02)
    return False
