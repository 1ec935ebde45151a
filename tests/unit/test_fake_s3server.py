"""The fake S3 server, asked by boto3: keys, listings, objects, buckets."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from fakes.ordered_store import ORDERS
from fakes.s3asking import code_of, keys_of, raw_request
from fakes.s3server import ServerProcess

SOURCE = {"Bucket": "bucket", "Key": "source"}
ODD_KEYS = (
    "//",
    "/leading",
    "a//b",
    "./dot",
    "../up",
    "a/../b",
    "..",
    "folder/",
    "space in it",
    " ",
    "trailing ",
    "plus+plus",
    "per%46cent",
    "%2F",
    "?versionId=null",
    "a&b=c#d",
    "quote\"'<&>",
    "tab\there",
    "new\nline",
    "return\rhere",
    "control\x01\x1b",
    "no character \uffff",
    "emoji \U0001f600",
    "\uff5e",
    "\U00010000",
    "e\u0301",
    "\u00e9",
    "~tilde*star",
    "back\\slash",
    "k" * 1024,
    "\u20ac" * 341,
)
NOT_IN_XML = ("control\x01\x1b", "no character \uffff")


@pytest.fixture
def client(server: ServerProcess) -> Any:
    server.set_mode(min_part_size_bytes=1)
    client = server.client()
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="source", Body=b"source bytes")
    return client


def test_odd_keys_come_back_from_listing_copy_and_delete(client: Any) -> None:
    client.create_bucket(Bucket="copies")
    for key in ODD_KEYS:
        client.put_object(Bucket="bucket", Key=key, Body=key.encode())
        client.copy_object(Bucket="copies", Key=key, CopySource={"Bucket": "bucket", "Key": key})
        assert client.get_object(Bucket="copies", Key=key)["Body"].read() == key.encode()
    ordered = sorted(ODD_KEYS, key=str.encode)
    assert keys_of(client, "copies") == ordered
    assert keys_of(client, "copies", PaginationConfig={"PageSize": 3}) == ordered
    for key in ODD_KEYS:
        assert key in keys_of(client, "copies", Prefix=key)
    for key in NOT_IN_XML:
        client.delete_object(Bucket="copies", Key=key)
    in_xml = [key for key in ODD_KEYS if key not in NOT_IN_XML]
    answer = client.delete_objects(Bucket="copies", Delete={"Objects": [{"Key": key} for key in in_xml]})
    assert sorted(row["Key"] for row in answer["Deleted"]) == sorted(in_xml)
    assert keys_of(client, "copies") == []


def test_a_listing_is_encoded_as_s3_does_it(client: Any, server: ServerProcess) -> None:
    client.put_object(Bucket="bucket", Key="a b/c+d\u00e9", Body=b"")
    answer = raw_request(server, "GET /bucket?list-type=2&encoding-type=url&prefix=a%20b/")
    assert b"<Prefix>a+b/</Prefix>" in answer
    assert b"<Key>a+b/c%2Bd%C3%A9</Key>" in answer


def test_a_key_above_1024_bytes_is_refused(client: Any) -> None:
    long = "\u20ac" * 342
    assert code_of(lambda: client.put_object(Bucket="bucket", Key=long, Body=b"")) == "400 KeyTooLongError"


def test_a_plus_in_a_copy_source_that_is_not_encoded_means_a_space(client: Any) -> None:
    client.put_object(Bucket="bucket", Key="a b", Body=b"space")
    client.put_object(Bucket="bucket", Key="a+b", Body=b"plus")
    client.meta.events.register(
        "before-call.s3.CopyObject", lambda params, **_: params["headers"].update({"x-amz-copy-source": "bucket/a+b"})
    )
    client.copy_object(Bucket="bucket", Key="to", CopySource=SOURCE)
    assert client.get_object(Bucket="bucket", Key="to")["Body"].read() == b"space"


def test_pages_follow_each_other_without_gap_or_repeat(client: Any, server: ServerProcess) -> None:
    server.seed("many", count=25, key_format="{:02d}/x")
    pages = list(client.get_paginator("list_objects_v2").paginate(Bucket="many", PaginationConfig={"PageSize": 10}))
    assert [page["KeyCount"] for page in pages] == [10, 10, 5]
    assert keys_of(client, "many", StartAfter="20/x") == ["21/x", "22/x", "23/x", "24/x"]
    assert keys_of(client, "many", Prefix="1", StartAfter="0") == [f"1{digit}/x" for digit in range(10)]
    paged = client.get_paginator("list_objects_v2").paginate(
        Bucket="many", Delimiter="/", PaginationConfig={"PageSize": 7}
    )
    assert [row["Prefix"] for page in paged for row in page["CommonPrefixes"]] == [f"{n:02d}/" for n in range(25)]
    assert client.list_objects_v2(Bucket="many", MaxKeys=25)["IsTruncated"] is False
    token_error = code_of(lambda: client.list_objects_v2(Bucket="many", ContinuationToken="\u00e9"))
    assert token_error == "400 InvalidArgument"


def test_the_first_listing_api_pages_by_marker(client: Any, server: ServerProcess) -> None:
    server.seed("many", count=25)
    pages = client.get_paginator("list_objects").paginate(Bucket="many", PaginationConfig={"PageSize": 10})
    assert [row["Key"] for page in pages for row in page["Contents"]] == keys_of(client, "many")


def test_an_unsorted_store_lists_every_key_once_in_no_order(client: Any, server: ServerProcess) -> None:
    server.seed("many", count=50)
    server.set_mode(order="unsorted")
    keys = keys_of(client, "many", PaginationConfig={"PageSize": 7})
    assert keys != sorted(keys)
    assert sorted(keys) == [f"data/{number:09d}.bin" for number in range(50)]


@pytest.mark.parametrize("order", sorted(ORDERS))
def test_a_store_with_an_order_of_its_own_begins_and_goes_on_by_it(
    client: Any, server: ServerProcess, order: str
) -> None:
    keys = ["A", "B", "a", "b", "\ufb00", "\U0001f600"]
    server.seed("many", keys=keys)
    server.set_mode(order=order)
    found = keys_of(client, "many", PaginationConfig={"PageSize": 2})
    assert found == sorted(keys, key=ORDERS[order])
    assert found != sorted(keys)
    assert keys_of(client, "many", StartAfter=found[2]) == found[3:]


def test_a_copy_keeps_metadata_and_tags_but_not_the_storage_class(client: Any) -> None:
    client.put_object(
        Bucket="bucket",
        Key="rich",
        Body=b"x",
        Metadata={"m": "1"},
        ContentType="text/plain",
        CacheControl="no-cache",
        Tagging="a=1&b=%20",
        StorageClass="STANDARD_IA",
    )
    client.copy_object(Bucket="bucket", Key="to", CopySource={"Bucket": "bucket", "Key": "rich"})
    head = client.head_object(Bucket="bucket", Key="to")
    assert (head["Metadata"], head["ContentType"], head["CacheControl"]) == ({"m": "1"}, "text/plain", "no-cache")
    assert "StorageClass" not in head
    tags = client.get_object_tagging(Bucket="bucket", Key="to")["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": " "}]
    client.copy_object(
        Bucket="bucket",
        Key="to",
        CopySource={"Bucket": "bucket", "Key": "rich"},
        MetadataDirective="REPLACE",
        TaggingDirective="REPLACE",
        Metadata={"n": "2"},
        StorageClass="GLACIER_IR",
    )
    head = client.head_object(Bucket="bucket", Key="to")
    assert (head["Metadata"], head["StorageClass"]) == ({"n": "2"}, "GLACIER_IR")
    assert client.get_object_tagging(Bucket="bucket", Key="to")["TagSet"] == []


def test_tags_change_neither_etag_nor_write_count(client: Any, server: ServerProcess) -> None:
    before = server.snapshot("bucket")["source"]
    client.put_object_tagging(**SOURCE, Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    assert server.snapshot("bucket")["source"].tags == {"k": "v"}
    client.delete_object_tagging(**SOURCE)
    assert server.snapshot("bucket")["source"] == before


def test_copies_that_s3_refuses_are_refused(client: Any, server: ServerProcess) -> None:
    def attempt(key: str, **parameters: object) -> Callable[[], object]:
        source = {"Bucket": "seeded", "Key": key}
        return lambda: client.copy_object(**{"Bucket": "bucket", "Key": "to", "CopySource": source, **parameters})

    server.seed("seeded", keys=["huge"], size_bytes=(5 << 30) + 1)
    server.seed("seeded", keys=["archived"], storage_class="GLACIER")
    server.seed("seeded", keys=["plain"], size_bytes=5 << 30)
    assert code_of(attempt("huge")) == "400 InvalidRequest"
    assert code_of(attempt("archived")) == "403 InvalidObjectState"
    assert code_of(attempt("plain", Bucket="seeded", Key="plain")) == "400 InvalidRequest"
    attempt("plain", Bucket="seeded", Key="plain", MetadataDirective="REPLACE")()
    versioned = {"Bucket": "seeded", "Key": "plain", "VersionId": "v1"}
    assert code_of(attempt("plain", CopySource=versioned)) == "400 InvalidArgument"
    assert code_of(attempt("plain", ExpectedSourceBucketOwner="000000000000")) == "403 AccessDenied"
    assert code_of(attempt("plain", ExpectedBucketOwner="000000000000")) == "403 AccessDenied"
    attempt("plain", ExpectedBucketOwner="123456789012", ExpectedSourceBucketOwner="123456789012")()


def test_wrong_digests_are_refused_and_right_ones_kept(client: Any, server: ServerProcess) -> None:
    def attempt(**parameters: object) -> Callable[[], object]:
        return lambda: client.put_object(Bucket="bucket", Key="to", Body=b"bytes", **parameters)

    wrong_md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    wrong_crc = base64.b64encode(zlib.crc32(b"other").to_bytes(4, "big")).decode()
    right_crc = base64.b64encode(zlib.crc32(b"bytes").to_bytes(4, "big")).decode()
    assert code_of(attempt(ContentMD5=wrong_md5)) == "400 BadDigest"
    assert code_of(attempt(ContentMD5="not base64")) == "400 InvalidDigest"
    assert code_of(attempt(ChecksumCRC32=wrong_crc)) == "400 BadDigest"
    attempt(ChecksumCRC32=right_crc)()
    client.copy_object(Bucket="bucket", Key="copy", CopySource={"Bucket": "bucket", "Key": "to"})
    for key in ("to", "copy"):
        assert client.head_object(Bucket="bucket", Key=key, ChecksumMode="ENABLED")["ChecksumCRC32"] == right_crc


@pytest.mark.parametrize(("crc_of", "status"), [(b"chunked bytes", b"200"), (b"other", b"400")])
def test_an_aws_chunked_body_is_unpacked_and_its_trailer_checked(
    client: Any, server: ServerProcess, crc_of: bytes, status: bytes
) -> None:
    crc = base64.b64encode(zlib.crc32(crc_of).to_bytes(4, "big")).decode()
    body = f"8\r\nchunked \r\n5\r\nbytes\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n".encode()
    headers = {
        "content-encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "13",
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    in_one = {**headers, "content-length": str(len(body))}
    assert raw_request(server, "PUT /bucket/in-one", body, in_one).startswith(b"HTTP/1.1 " + status)
    wrapped = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    in_chunks = {**headers, "transfer-encoding": "chunked"}
    assert raw_request(server, "PUT /bucket/in-chunks", wrapped, in_chunks).startswith(b"HTTP/1.1 " + status)
    if status == b"200":
        for key in ("in-one", "in-chunks"):
            got = client.get_object(Bucket="bucket", Key=key)
            assert got["Body"].read() == b"chunked bytes"
            assert "ContentEncoding" not in got


def test_ranges_are_read_as_http_says(client: Any) -> None:
    def read(header: str) -> tuple[str, bytes]:
        got = client.get_object(**SOURCE, Range=header)
        return got.get("ContentRange", ""), got["Body"].read()

    assert read("bytes=0-5") == ("bytes 0-5/12", b"source")
    assert read("bytes=7-") == ("bytes 7-11/12", b"bytes")
    assert read("bytes=-5") == ("bytes 7-11/12", b"bytes")
    assert read("bytes=7-100") == ("bytes 7-11/12", b"bytes")
    assert code_of(lambda: read("bytes=12-")) == "416 InvalidRange"


def test_under_kms_an_etag_is_no_md5_and_differs_between_equal_bytes(client: Any) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "key"}}
    client.put_bucket_encryption(Bucket="bucket", ServerSideEncryptionConfiguration={"Rules": [rule]})
    got = client.get_bucket_encryption(Bucket="bucket")["ServerSideEncryptionConfiguration"]["Rules"]
    assert got[0]["ApplyServerSideEncryptionByDefault"] == rule["ApplyServerSideEncryptionByDefault"]
    etags = {client.put_object(Bucket="bucket", Key=key, Body=b"same")["ETag"] for key in ("a", "b")}
    etags.add(client.copy_object(Bucket="bucket", Key="c", CopySource=SOURCE)["CopyObjectResult"]["ETag"])
    assert len(etags) == 3
    assert client.head_object(Bucket="bucket", Key="c")["ServerSideEncryption"] == "aws:kms"
    assert f'"{hashlib.md5(b"same").hexdigest()}"' not in etags


def test_buckets_know_region_versioning_and_emptiness(server: ServerProcess) -> None:
    client = server.client()
    client.create_bucket(Bucket="eu-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    head = client.head_bucket(Bucket="eu-bucket")
    assert head["BucketRegion"] == "eu-west-1"
    assert client.get_bucket_location(Bucket="eu-bucket")["LocationConstraint"] == "eu-west-1"
    assert "Status" not in client.get_bucket_versioning(Bucket="eu-bucket")
    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["eu-bucket"]
    again = {"LocationConstraint": "eu-west-1"}
    conflict = code_of(lambda: client.create_bucket(Bucket="eu-bucket", CreateBucketConfiguration=again))
    assert conflict == "409 BucketAlreadyOwnedByYou"
    server.seed("eu-bucket", count=1)
    assert code_of(lambda: client.delete_bucket(Bucket="eu-bucket")) == "409 BucketNotEmpty"
    server.wipe("eu-bucket")
    client.delete_bucket(Bucket="eu-bucket")
    assert code_of(lambda: client.list_objects_v2(Bucket="eu-bucket")) == "404 NoSuchBucket"
    assert code_of(lambda: client.head_bucket(Bucket="eu-bucket")).startswith("404")


def test_what_the_server_has_not_got_it_refuses(client: Any, server: ServerProcess) -> None:
    assert code_of(lambda: client.get_bucket_acl(Bucket="bucket")) == "501 NotImplemented"
    assert code_of(lambda: client.get_object(**SOURCE, VersionId="v1")) == "501 NotImplemented"
    assert code_of(lambda: client.list_object_versions(Bucket="bucket")) == "501 NotImplemented"
    put = partial(client.put_object, Bucket="bucket", Key="to", Body=b"")
    assert code_of(partial(put, IfNoneMatch='"etag"')) == "501 NotImplemented"
    assert code_of(partial(put, ACL="public-read")) == "400 AccessControlListNotSupported"
    assert b"<Code>MethodNotAllowed</Code>" in raw_request(server, "POST /bucket/key")
    assert raw_request(server, "nonsense").startswith(b"HTTP/1.1 400")
