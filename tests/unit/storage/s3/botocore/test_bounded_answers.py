"""A store that sends without end fills no memory, and its answer is none."""

from __future__ import annotations

import socket

import pytest
from fakes.raw_store import store
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.requests.objects import DeleteObjects, GetBucketEncryption, GetObject, HeadBucket, Request
from s3plan.storage.s3.botocore.bounded_answers import MOST_BODY_BYTES
from s3plan.storage.s3.botocore.engine import open_boto3_engine
from s3plan.storage.s3.connections.sessions import ConnectionSettings

_PIECE = b"<x/>" * (1 << 18)
_IN_SOCKETS_BYTES = 32 << 20


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (GetBucketEncryption("bucket"), b"200 OK"),
        (GetBucketEncryption("bucket"), b"403 Forbidden"),
        (GetObject("bucket", "key"), b"403 Forbidden"),
        (GetObject("bucket", "key", first_byte=0, last_byte=0), b"200 OK\r\netag: x"),  # Range is unknown there
    ],
)
def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch, status: bytes, request_: Request) -> None:
    sent = 0

    def serve(client: socket.socket, _number: int) -> None:
        nonlocal sent
        client.recv(65536)
        client.sendall(b"HTTP/1.1 %b\r\nconnection: close\r\n\r\n" % status)
        while sent < 8 * MOST_BODY_BYTES:
            client.sendall(_PIECE)
            sent += len(_PIECE)

    reply = ask(monkeypatch, serve, request_)
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.TRANSIENT
    assert "longer than" in reply.message
    assert sent < MOST_BODY_BYTES + _IN_SOCKETS_BYTES


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n<x/>", "ResponseStreamingError|ConnectionClosedError"),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            "ConnectionClosedError|ResponseStreamingError",
        ),
        (b"", "ConnectionClosedError"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", "ConnectionClosedError"),
    ],
)
@pytest.mark.parametrize("request_", [GetBucketEncryption("bucket"), DeleteObjects("bucket", [("key", None)])])
def test_an_answer_that_is_cut_off_is_none(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, code: str, request_: Request
) -> None:
    def serve(client: socket.socket, _number: int) -> None:
        client.recv(65536)
        client.sendall(answer)

    reply = ask(monkeypatch, serve, request_)
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.TRANSIENT
    assert reply.code in code.split("|")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"content-length: 100\r\n\r\nabc", "IncompleteReadError"),
        (b"transfer-encoding: chunked\r\n\r\nzz\r\n", "ResponseStreamingError"),
    ],
)
def test_an_object_that_is_cut_off_may_come_whole_the_next_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, body: bytes, code: str
) -> None:
    def serve(client: socket.socket, _number: int) -> None:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 206 Partial Content\r\netag: x\r\n" + body)

    reply = ask(monkeypatch, serve, GetObject("bucket", "key", first_byte=0, last_byte=99))
    assert isinstance(reply, Failure)
    assert (reply.kind, reply.code) == (FailureKind.TRANSIENT, code)
    assert caplog.text == ""


def test_an_answer_to_head_is_read_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def serve(client: socket.socket, _number: int) -> None:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n")

    assert not isinstance(ask(monkeypatch, serve, HeadBucket("bucket")), Failure)


def ask(monkeypatch: pytest.MonkeyPatch, serve: object, request_: Request) -> object:
    monkeypatch.setenv("T_ACCESS_KEY_ID", "AKIDMINE")
    monkeypatch.setenv("T_SECRET_ACCESS_KEY", "secret")
    with store(serve) as server:  # type: ignore[arg-type]
        endpoint = f"http://127.0.0.1:{server.place.port}"
        settings = ConnectionSettings(endpoint=endpoint, region="us-east-1", env_prefix="T_")
        engine = open_boto3_engine(settings, max_in_flight=1, read_timeout_s=5)
        try:
            return engine.call(request_)
        finally:
            engine.close()
