"""Multipart uploads on the fake S3 server, asked by boto3."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from fakes.s3asking import code_of, start_upload, upload_parts
from fakes.s3server import ServerProcess

SOURCE = {"Bucket": "bucket", "Key": "source"}


@pytest.fixture
def client(server: ServerProcess) -> Any:
    server.set_mode(min_part_size_bytes=1)
    client = server.client()
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="source", Body=b"source bytes")
    return client


def test_a_multipart_upload_keeps_what_it_was_created_with(client: Any, server: ServerProcess) -> None:
    upload_id = start_upload(
        client, "to", Metadata={"m": "1"}, Tagging="a=1", StorageClass="STANDARD_IA", ContentType="text/plain"
    )
    parts = upload_parts(client, "to", upload_id, b"first", b"second")
    (listed,) = client.list_multipart_uploads(Bucket="bucket")["Uploads"]
    assert (listed["Key"], listed["UploadId"]) == ("to", upload_id)
    assert [upload.parts for upload in server.uploads("bucket")] == [[1, 2]]
    done = client.complete_multipart_upload(Bucket="bucket", Key="to", UploadId=upload_id, MultipartUpload=parts)
    digests = hashlib.md5(b"first").digest() + hashlib.md5(b"second").digest()
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    head = client.head_object(Bucket="bucket", Key="to")
    assert (head["Metadata"], head["StorageClass"], head["ContentLength"]) == ({"m": "1"}, "STANDARD_IA", 11)
    assert client.get_object_tagging(Bucket="bucket", Key="to")["TagSet"] == [{"Key": "a", "Value": "1"}]
    assert "Uploads" not in client.list_multipart_uploads(Bucket="bucket")
    client.copy_object(Bucket="bucket", Key="single", CopySource={"Bucket": "bucket", "Key": "to"})
    single = client.head_object(Bucket="bucket", Key="single")
    assert single["ETag"] == f'"{hashlib.md5(b"firstsecond").hexdigest()}"'


def test_completes_that_s3_refuses_are_refused(client: Any, server: ServerProcess) -> None:
    upload_id = start_upload(client, "to")
    parts: Any = upload_parts(client, "to", upload_id, b"first", b"second")["Parts"]

    def attempt(*chosen: object, **conditions: str) -> Callable[[], object]:
        return lambda: client.complete_multipart_upload(
            Bucket="bucket", Key="to", UploadId=upload_id, MultipartUpload={"Parts": list(chosen)}, **conditions
        )

    assert code_of(attempt()) == "400 MalformedXML"
    assert code_of(attempt(parts[1], parts[0])) == "400 InvalidPartOrder"
    assert code_of(attempt({**parts[0], "ETag": '"wrong"'})) == "400 InvalidPart"
    assert code_of(attempt(*parts, {"PartNumber": 3, "ETag": '"x"'})) == "400 InvalidPart"
    server.set_mode(min_part_size_bytes=6)
    assert code_of(attempt(*parts)) == "400 EntityTooSmall"
    server.set_mode(min_part_size_bytes=5)
    client.put_object(Bucket="bucket", Key="to", Body=b"there")
    assert code_of(attempt(*parts, IfNoneMatch="*")) == "412 PreconditionFailed"
    attempt(*parts)()  # a refused one leaves its upload
    assert code_of(attempt(*parts)) == "404 NoSuchUpload"
    server.set_mode(complete_again=True)
    attempt(*parts)()
    assert server.writes("bucket")["to"] == 2


def test_an_aborted_upload_is_gone(client: Any) -> None:
    upload_id = start_upload(client, "to")
    client.abort_multipart_upload(Bucket="bucket", Key="to", UploadId=upload_id)
    assert code_of(lambda: upload_parts(client, "to", upload_id, b"late")) == "404 NoSuchUpload"
    assert code_of(lambda: client.list_parts(Bucket="bucket", Key="to", UploadId=upload_id)) == "404 NoSuchUpload"


def test_parts_are_copied_by_range_and_under_a_condition(client: Any) -> None:
    upload_id = start_upload(client, "to")

    def attempt(number: int, **parameters: str) -> Any:
        return client.upload_part_copy(
            Bucket="bucket", Key="to", UploadId=upload_id, PartNumber=number, CopySource=SOURCE, **parameters
        )["CopyPartResult"]["ETag"]

    assert code_of(lambda: attempt(1, CopySourceIfMatch='"wrong"')) == "412 PreconditionFailed"
    assert code_of(lambda: attempt(1, CopySourceRange="bytes=0-12")) == "400 InvalidArgument"
    assert code_of(lambda: attempt(1, CopySourceRange="bytes=3-")) == "400 InvalidArgument"
    ranges = ("bytes=7-11", "bytes=6-6", "bytes=0-5")
    chosen = [{"PartNumber": n, "ETag": attempt(n, CopySourceRange=text)} for n, text in enumerate(ranges, start=1)]
    assert chosen[0]["ETag"] == f'"{hashlib.md5(b"bytes").hexdigest()}"'
    pages = client.get_paginator("list_parts").paginate(
        Bucket="bucket", Key="to", UploadId=upload_id, PaginationConfig={"PageSize": 2}
    )
    assert [(part["PartNumber"], part["Size"]) for page in pages for part in page["Parts"]] == [(1, 5), (2, 1), (3, 6)]
    client.complete_multipart_upload(Bucket="bucket", Key="to", UploadId=upload_id, MultipartUpload={"Parts": chosen})
    assert client.get_object(Bucket="bucket", Key="to")["Body"].read() == b"bytes source"


def test_a_synthetic_object_of_six_gib_is_copied_in_parts_without_its_bytes(client: Any, server: ServerProcess) -> None:
    size, half = 6 << 30, 3 << 30
    server.seed("bucket", keys=["huge"], size_bytes=size, seed=7)
    etags = []
    for key in ("one", "two"):
        upload_id = start_upload(client, key)
        chosen = [
            {
                "PartNumber": number,
                "ETag": client.upload_part_copy(
                    Bucket="bucket",
                    Key=key,
                    UploadId=upload_id,
                    PartNumber=number,
                    CopySource={"Bucket": "bucket", "Key": "huge"},
                    CopySourceRange=f"bytes={low}-{low + half - 1}",
                )["CopyPartResult"]["ETag"],
            }
            for number, low in ((1, 0), (2, half))
        ]
        done = client.complete_multipart_upload(
            Bucket="bucket", Key=key, UploadId=upload_id, MultipartUpload={"Parts": chosen}
        )
        etags.append(done["ETag"])
    assert etags[0] == etags[1]
    assert client.head_object(Bucket="bucket", Key="one")["ContentLength"] == size
    tail = client.get_object(Bucket="bucket", Key="one", Range=f"bytes={size - 3_000_000}-")["Body"].read()
    assert tail == bytes(3_000_000)


def test_open_uploads_are_listed_by_prefix_and_page(client: Any) -> None:
    wanted = [("a/1", start_upload(client, "a/1")), ("a/1", start_upload(client, "a/1"))]
    wanted.append(("a/2", start_upload(client, "a/2")))
    start_upload(client, "b")
    pages = client.get_paginator("list_multipart_uploads").paginate(
        Bucket="bucket", Prefix="a/", PaginationConfig={"PageSize": 1}
    )
    assert [(row["Key"], row["UploadId"]) for page in pages for row in page["Uploads"]] == wanted
