"""The fake S3 server, asked by boto3: access, clock, seeding, records and its process."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fakes.s3asking import code_of, raw_request
from fakes.s3server import ServerProcess

TESTS_FOLDER = Path(__file__).parents[1]
SOURCE = {"Bucket": "bucket", "Key": "source"}


@pytest.fixture
def client(server: ServerProcess) -> Any:
    server.set_mode(min_part_size_bytes=1)
    client = server.client()
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="source", Body=b"source bytes")
    return client


def test_only_the_named_access_key_is_let_in_and_nobody_without_one(server: ServerProcess, client: Any) -> None:
    server.set_mode(credential="AKIDOTHER")
    assert code_of(client.list_buckets) == "403 InvalidAccessKeyId"
    server.client(access_key_id="AKIDOTHER").list_buckets()
    no_credentials = {"authorization": ""}
    assert b"<Code>AccessDenied</Code>" in raw_request(server, "GET /bucket/source", headers=no_credentials)
    server.set_mode(anonymous=True)
    assert raw_request(server, "GET /bucket/source", headers=no_credentials).endswith(b"source bytes")


def test_the_clock_is_the_servers_own(client: Any, server: ServerProcess) -> None:
    server.set_mode(clock_offset_s=-86_400)
    answer = client.copy_object(Bucket="bucket", Key="to", CopySource=SOURCE)
    age_s = time.time() - answer["CopyObjectResult"]["LastModified"].timestamp()
    assert 86_390 < age_s < 86_500
    head = client.head_object(Bucket="bucket", Key="to")
    assert head["LastModified"] == answer["CopyObjectResult"]["LastModified"]
    (row,) = client.list_objects_v2(Bucket="bucket", Prefix="to")["Contents"]
    assert row["LastModified"] == head["LastModified"]


def test_seeded_objects_are_equal_by_index_and_differ_where_told(client: Any, server: ServerProcess) -> None:
    server.seed("one", count=10, size_bytes=100, modified_s=1_700_000_000)
    server.seed("two", count=10, size_bytes=100, key_format="copy/{}", changed=[3], skip_every=5)
    one = {key[-5]: state for key, state in server.snapshot("one").items()}
    two = {key[-1]: state for key, state in server.snapshot("two").items()}
    assert sorted(set(one) - set(two)) == ["0", "5"]
    assert [digit for digit in two if two[digit].etag != one[digit].etag] == ["3"]
    assert {(state.modified_s, state.writes) for state in one.values()} == {(1_700_000_000, 0)}
    server.seed("three", count=2, size_bytes=40, synthetic=False, parts=2, metadata={"m": "1"})
    got = client.get_object(Bucket="three", Key="data/000000001.bin")
    body = got["Body"].read()
    halves = hashlib.md5(body[:20]).digest() + hashlib.md5(body[20:]).digest()
    assert got["ETag"] == f'"{hashlib.md5(halves).hexdigest()}-2"'
    assert got["Metadata"] == {"m": "1"}
    with pytest.raises(ValueError, match="no such setting"):
        server.set_mode(nonsense=1)


def test_counters_and_log_tell_what_was_asked(client: Any, server: ServerProcess) -> None:
    server.reset_stats()
    client.copy_object(Bucket="bucket", Key="to", CopySource=SOURCE, IfNoneMatch="*")
    assert code_of(lambda: client.copy_object(Bucket="bucket", Key="to", CopySource=SOURCE, IfNoneMatch="*"))
    stats = server.stats()
    assert stats.requested("CopyObject") == 2
    assert (stats.answered("CopyObject"), stats.answered("CopyObject", 412)) == (1, 1)
    last = server.log()[-1]
    assert (last.operation, last.key, last.status, last.code) == ("CopyObject", "to", "412", "PreconditionFailed")
    assert last.headers["if-none-match"] == "*"


def test_the_server_leaves_with_the_process_that_started_it() -> None:
    script = (
        "import sys, time\n"
        "from fakes.s3server import ServerProcess\n"
        "server = ServerProcess()\n"
        "server.start()\n"
        "print(server.endpoint, flush=True)\n"
        "time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(TESTS_FOLDER)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        host, port = parent.stdout.readline().strip().removeprefix("http://").split(":")
        socket.create_connection((host, int(port)), timeout=5).close()
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    pytest.fail("the server outlived its parent")


def test_the_server_ends_when_told_and_its_port_is_free_again() -> None:
    server = ServerProcess()
    with server:
        host, port = server.endpoint.removeprefix("http://").split(":")
        server.client().list_buckets()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)
