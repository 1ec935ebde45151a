"""Conditions on the fake S3 server, each atomic with its write: what every pin test relies on."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fakes.s3asking import code_of, keys_of, raw_request, start_upload, upload_parts
from fakes.s3server import ServerProcess

RACERS = 8
NOT_IN_XML = ("control\x01\x1b", "no character \uffff")
SOURCE = {"Bucket": "bucket", "Key": "source"}


def race(attempt: Callable[[int], object]) -> Counter[str]:
    """How the attempts of eight threads end that start at the same moment."""
    barrier = Barrier(RACERS)

    def run(number: int) -> str:
        barrier.wait()
        try:
            attempt(number)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "won"

    with ThreadPoolExecutor(RACERS) as pool:
        return Counter(pool.map(run, range(RACERS)))


@pytest.fixture
def client(server: ServerProcess) -> Any:
    server.set_mode(min_part_size_bytes=1)
    client = server.client()
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="source", Body=b"source bytes")
    return client


def put(client: Any, **conditions: str) -> Callable[[int], object]:
    return lambda number: client.put_object(Bucket="bucket", Key="to", Body=b"%d" % number, **conditions)


def copy(client: Any, **conditions: str) -> Callable[[int], object]:
    for number in range(RACERS):
        client.put_object(Bucket="bucket", Key=f"from-{number}", Body=b"copied %d" % number)
    return lambda number: client.copy_object(
        Bucket="bucket", Key="to", CopySource={"Bucket": "bucket", "Key": f"from-{number}"}, **conditions
    )


def complete(client: Any, **conditions: str) -> Callable[[int], object]:
    ready = []
    for number in range(RACERS):
        upload_id = start_upload(client, "to")
        ready.append((upload_id, upload_parts(client, "to", upload_id, b"part %d" % number)))
    return lambda number: client.complete_multipart_upload(
        Bucket="bucket", Key="to", UploadId=ready[number][0], MultipartUpload=ready[number][1], **conditions
    )


WRITERS = (put, copy, complete)


@pytest.mark.parametrize("write", WRITERS)
def test_of_racing_creators_exactly_one_wins(
    client: Any, server: ServerProcess, write: Callable[..., Callable[[int], object]]
) -> None:
    assert race(write(client, IfNoneMatch="*")) == {"won": 1, "PreconditionFailed": RACERS - 1}
    assert server.snapshot("bucket")["to"].writes == 1


@pytest.mark.parametrize("write", WRITERS)
def test_of_racing_replacers_of_one_etag_exactly_one_wins(
    client: Any, server: ServerProcess, write: Callable[..., Callable[[int], object]]
) -> None:
    etag = client.put_object(Bucket="bucket", Key="to", Body=b"old")["ETag"]
    assert race(write(client, IfMatch=etag)) == {"won": 1, "PreconditionFailed": RACERS - 1}
    assert server.snapshot("bucket")["to"].writes == 2


@pytest.mark.parametrize("write", WRITERS)
def test_replacing_a_missing_key_is_no_such_key(client: Any, write: Callable[..., Callable[[int], object]]) -> None:
    attempt = write(client, IfMatch='"0123"')
    assert code_of(lambda: attempt(0)) == "404 NoSuchKey"


@pytest.mark.parametrize("write", WRITERS)
def test_a_store_without_conditions_lets_everybody_win(
    client: Any, server: ServerProcess, write: Callable[..., Callable[[int], object]]
) -> None:
    server.set_mode(conditions="none")
    client.put_object(Bucket="bucket", Key="to", Body=b"old")
    write(client, IfMatch='"wrong"')(0)
    write(client, IfNoneMatch="*")(1)


def test_a_store_without_conditions_ignores_those_of_sources_reads_and_deletes(
    client: Any, server: ServerProcess
) -> None:
    server.set_mode(conditions="none")
    client.copy_object(Bucket="bucket", Key="to", CopySource=SOURCE, CopySourceIfMatch='"wrong"')
    client.get_object(Bucket="bucket", Key="to", IfMatch='"wrong"')
    client.delete_object(Bucket="bucket", Key="to", IfMatch='"wrong"')
    client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "source", "ETag": '"wrong"'}]})
    assert keys_of(client, "bucket") == []


def test_a_store_that_knows_conditions_only_on_put_ignores_them_elsewhere(client: Any, server: ServerProcess) -> None:
    server.set_mode(conditions="put-only")
    client.copy_object(Bucket="bucket", Key="to", CopySource=SOURCE, IfNoneMatch="*")
    client.copy_object(Bucket="bucket", Key="to", CopySource=SOURCE, IfNoneMatch="*", CopySourceIfMatch='"wrong"')
    complete(client, IfNoneMatch="*")(0)
    assert code_of(lambda: put(client, IfNoneMatch="*")(0)) == "412 PreconditionFailed"


def test_a_store_that_is_not_atomic_refuses_late_comers_but_lets_racers_win(client: Any, server: ServerProcess) -> None:
    server.set_mode(conditions="not-atomic", not_atomic_pause_s=0.2)
    assert race(copy(client, IfNoneMatch="*"))["won"] > 1
    assert code_of(lambda: copy(client, IfNoneMatch="*")(0)) == "412 PreconditionFailed"


def test_a_copy_checks_its_source_first(client: Any) -> None:
    def attempt(**conditions: object) -> Callable[[], object]:
        return lambda: client.copy_object(Bucket="bucket", Key="to", CopySource=SOURCE, **conditions)

    etag = client.head_object(**SOURCE)["ETag"]
    assert code_of(attempt(CopySourceIfMatch='"wrong"', IfNoneMatch="*")) == "412 PreconditionFailed"
    assert code_of(attempt(CopySourceIfNoneMatch=etag)) == "412 PreconditionFailed"
    attempt(CopySourceIfMatch=etag, IfNoneMatch="*")()
    assert client.head_object(Bucket="bucket", Key="to")["ETag"] == etag
    missing = {"Bucket": "bucket", "Key": "missing"}
    assert code_of(lambda: client.copy_object(Bucket="bucket", Key="to", CopySource=missing)) == "404 NoSuchKey"


def test_reads_honour_their_conditions(client: Any) -> None:
    etag = client.head_object(**SOURCE)["ETag"]
    assert client.get_object(**SOURCE, IfMatch=etag)["Body"].read() == b"source bytes"
    assert code_of(lambda: client.get_object(**SOURCE, IfMatch='"wrong"')) == "412 PreconditionFailed"
    assert code_of(lambda: client.head_object(**SOURCE, IfMatch='"wrong"')).startswith("412")
    assert code_of(lambda: client.get_object(**SOURCE, IfNoneMatch=etag)).startswith("304")


def test_a_conditional_delete_keeps_what_changed_and_forgives_what_is_gone(client: Any) -> None:
    assert code_of(lambda: client.delete_object(**SOURCE, IfMatch='"wrong"')) == "412 PreconditionFailed"
    client.delete_object(**SOURCE, IfMatch=client.head_object(**SOURCE)["ETag"])
    client.delete_object(**SOURCE, IfMatch='"wrong"')
    assert keys_of(client, "bucket") == []


def test_a_batch_delete_answers_for_each_key(client: Any) -> None:
    for key in ("changed", "kept-etag", "unpinned"):
        client.put_object(Bucket="bucket", Key=key, Body=key.encode())
    entries = [
        {"Key": "changed", "ETag": '"wrong"'},
        {"Key": "kept-etag", "ETag": client.head_object(Bucket="bucket", Key="kept-etag")["ETag"]},
        {"Key": "unpinned"},
        {"Key": "missing", "ETag": '"wrong"'},
    ]
    answer = client.delete_objects(Bucket="bucket", Delete={"Objects": entries})
    assert [(error["Key"], error["Code"]) for error in answer["Errors"]] == [("changed", "PreconditionFailed")]
    assert [row["Key"] for row in answer["Deleted"]] == ["kept-etag", "unpinned", "missing"]
    assert keys_of(client, "bucket") == ["changed", "source"]
    quiet = client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "changed"}], "Quiet": True})
    assert "Deleted" not in quiet
    assert "Errors" not in quiet


def test_a_batch_delete_refuses_too_many_keys_and_keys_that_xml_cannot_carry(client: Any) -> None:
    many = {"Objects": [{"Key": f"{number}"} for number in range(1001)]}
    assert code_of(lambda: client.delete_objects(Bucket="bucket", Delete=many)) == "400 MalformedXML"
    for key in NOT_IN_XML:
        attempt = partial(client.delete_objects, Bucket="bucket", Delete={"Objects": [{"Key": "source"}, {"Key": key}]})
        assert code_of(attempt) == "400 MalformedXML"
    assert keys_of(client, "bucket") == ["source"]


def test_a_batch_delete_needs_a_digest(client: Any, server: ServerProcess) -> None:
    body = b"<Delete><Object><Key>source</Key></Object></Delete>"
    headers = {"content-length": str(len(body))}
    assert b"<Code>InvalidRequest</Code>" in raw_request(server, "POST /bucket?delete", body, headers)
    headers["content-md5"] = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert b"<Code>BadDigest</Code>" in raw_request(server, "POST /bucket?delete", body, headers)
