"""Answers of the fake S3 server that suffer on their way, read byte by byte; and those that never come."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError, ResponseStreamingError
from botocore.parsers import ResponseParserError
from fakes.s3asking import raw_request
from fakes.s3server import Fault, FaultKind, ServerProcess

BODY = b"what the object holds, and no byte more or less"
ACCESS = {"authorization": "AWS4-HMAC-SHA256 Credential=AKID/x"}


@pytest.fixture
def filled(server: ServerProcess) -> ServerProcess:
    server.seed("bucket", keys=["object"], body=BODY.decode())
    return server


@pytest.fixture
def http(filled: ServerProcess) -> Iterator[HTTPConnection]:
    connection = HTTPConnection(filled.endpoint.removeprefix("http://"), timeout=10)
    yield connection
    connection.close()


def get(http: HTTPConnection, method: str = "GET") -> tuple[int, bytes]:
    http.request(method, "/bucket/object", headers=ACCESS)
    answer = http.getresponse()
    return answer.status, answer.read()


def test_a_body_is_cut_and_the_connection_ends(filled: ServerProcess, http: HTTPConnection) -> None:
    filled.faults([Fault(kind=FaultKind.CUT_BODY)])
    with pytest.raises(IncompleteRead) as caught:
        get(http)
    assert caught.value.partial == BODY[: len(BODY) // 2]
    assert caught.value.expected == len(BODY) - len(BODY) // 2
    http.close()
    assert get(http) == (200, BODY)


def test_a_body_is_cut_by_a_reset(filled: ServerProcess, http: HTTPConnection) -> None:
    filled.faults([Fault(kind=FaultKind.RESET_MID_BODY)])
    http.request("GET", "/bucket/object", headers=ACCESS)
    answer = http.getresponse()
    assert answer.getheader("content-length") == str(len(BODY))
    with pytest.raises(ConnectionResetError):
        answer.read()


def test_an_answer_without_body_is_cut_in_its_head(filled: ServerProcess) -> None:
    whole = raw_request(filled, "HEAD /bucket/object")
    filled.faults([Fault(kind=FaultKind.CUT_BODY)])
    cut = raw_request(filled, "HEAD /bucket/object")
    assert cut.startswith(b"HTTP/1.1 200")
    assert b"\r\n\r\n" not in cut
    assert len(cut) < len(whole)


def test_a_body_is_longer_than_it_says(filled: ServerProcess) -> None:
    filled.faults([Fault(kind=FaultKind.LONG_BODY)])
    head, _, body = raw_request(filled, "GET /bucket/object").partition(b"\r\n\r\n")
    assert f"content-length: {len(BODY)}\r\n".encode() in head + b"\r\n"
    assert body.startswith(BODY)
    assert len(body) > len(BODY)


def test_a_bit_of_the_body_is_flipped_and_the_seed_says_which(filled: ServerProcess, http: HTTPConnection) -> None:
    filled.faults([Fault(kind=FaultKind.FLIPPED_BIT, seed=seed) for seed in (1, 1, 2)])
    first, again, other = (get(http)[1] for _ in range(3))
    assert first == again != other
    for spoilt in (first, other):
        assert len(spoilt) == len(BODY)
        assert sum((one ^ two).bit_count() for one, two in zip(spoilt, BODY, strict=True)) == 1
    assert get(http) == (200, BODY)


def test_a_body_trickles_in_and_the_connection_goes_on(filled: ServerProcess, http: HTTPConnection) -> None:
    filled.faults([Fault(kind=FaultKind.TRICKLE, delay_s=0.01)])
    began_s = time.monotonic()
    assert get(http) == (200, BODY)
    assert time.monotonic() - began_s >= 0.01 * (len(BODY) - 1)
    assert get(http) == (200, BODY)
    assert filled.fired() == [1]


def test_a_stalled_request_gets_nothing_and_others_are_served(filled: ServerProcess) -> None:
    filled.faults([Fault(kind=FaultKind.STALL, key="object")])
    with pytest.raises(ReadTimeoutError):
        filled.client(read_timeout=0.3).get_object(Bucket="bucket", Key="object")
    assert filled.client().get_object(Bucket="bucket", Key="object")["Body"].read() == BODY
    assert filled.stats().answered("GetObject", "silent") == 1


@pytest.mark.parametrize(
    "kind",
    [FaultKind.STALL, FaultKind.GARBAGE, FaultKind.OTHER_XML, FaultKind.UNKNOWN_ENCODING, FaultKind.EMPTY],
)
@pytest.mark.parametrize("after_commit", [False, True])
def test_what_comes_instead_of_an_answer_hides_whether_the_operation_ran(
    filled: ServerProcess, kind: FaultKind, after_commit: bool
) -> None:
    filled.faults([Fault(kind=kind, operation="PutObject", after_commit=after_commit)])
    with suppress(ReadTimeoutError, ClientError, ResponseParserError, LookupError):
        filled.client(read_timeout=0.3).put_object(Bucket="bucket", Key="new", Body=b"")
    assert ("new" in filled.snapshot("bucket")) is after_commit


@pytest.mark.parametrize("kind", [FaultKind.RESET_MID_BODY, FaultKind.CUT_BODY, FaultKind.LONG_BODY])
def test_what_happens_on_the_way_back_leaves_the_operation_done(filled: ServerProcess, kind: FaultKind) -> None:
    filled.faults([Fault(kind=kind, operation="CopyObject")])
    source = {"Bucket": "bucket", "Key": "object"}
    copy: Any = filled.client().copy_object
    if kind is FaultKind.LONG_BODY:
        copy(Bucket="bucket", Key="new", CopySource=source)
    else:
        with pytest.raises((ResponseStreamingError, ConnectionClosedError, ClientError)):
            copy(Bucket="bucket", Key="new", CopySource=source)
    assert filled.snapshot("bucket")["new"].writes == 1


def test_a_reply_lost_after_a_delay_comes_to_nothing(filled: ServerProcess, http: HTTPConnection) -> None:
    filled.faults([Fault(kind=FaultKind.REPLY_LOST, delay_s=0.05)])
    with pytest.raises(RemoteDisconnected):
        get(http)
    assert get(http) == (200, BODY)


def test_the_client_that_gives_up_a_stall_leaves_no_connection_behind(filled: ServerProcess) -> None:
    filled.faults([Fault(kind=FaultKind.STALL)])
    host, port = filled.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=0.2) as waiting:
        waiting.sendall(f"GET /bucket/object HTTP/1.1\r\nhost: {host}\r\nauthorization: {ACCESS}\r\n\r\n".encode())
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        waiting.shutdown(socket.SHUT_WR)
        assert waiting.recv(1) == b""
