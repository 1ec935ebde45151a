"""Who pays says so with every request about objects, by each engine; with a copy if either connection does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest
from fakes.s3fixtures import s3_server, server
from fakes.s3server import ServerProcess
from s3plan.schemas.failures import Failure
from s3plan.schemas.manifest.words import EngineName
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.attributes import NO_ATTRIBUTES
from s3plan.schemas.requests.identity import FindAccount
from s3plan.schemas.requests.objects import (
    CopyObject,
    CreateBucket,
    DeleteObject,
    DeleteObjects,
    GetBucketEncryption,
    GetObject,
    GetObjectTags,
    HeadBucket,
    HeadObject,
    ListObjects,
    PutObject,
    Request,
)
from s3plan.schemas.requests.uploads import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListMultipartUploads,
    ListParts,
    UploadPart,
    UploadPartCopy,
)
from s3plan.schemas.requests.versions import ListVersions
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.engines import open_engine

__all__ = ["s3_server", "server"]

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/RequesterPaysBuckets.html: requests about objects are paid for.
PAID: list[Request] = [
    ListObjects("bucket"),
    HeadObject("bucket", "from"),
    GetObject("bucket", "from"),
    GetObjectTags("bucket", "from"),
    PutObject("bucket", "put", b"body"),
    CopyObject("bucket", "to", "bucket", "from"),
    CreateMultipartUpload("bucket", "parts", NO_ATTRIBUTES),
    UploadPart("bucket", "parts", "id", 1, b"body"),
    UploadPartCopy("bucket", "parts", "id", 1, "bucket", "from", None, None),
    CompleteMultipartUpload("bucket", "parts", "id", [(1, "0" * 32)]),
    AbortMultipartUpload("bucket", "parts", "id"),
    ListParts("bucket", "parts", "id"),
    ListMultipartUploads("bucket", ""),
    ListVersions("bucket", ""),
    DeleteObject("bucket", "put"),
    DeleteObjects("bucket", [("to", None)]),
]
# S3's own model has no such header with these.
UNPAID: list[Request] = [HeadBucket("bucket"), GetBucketEncryption("bucket"), CreateBucket("another")]
COPIES: list[Request] = [
    CopyObject("bucket", "to", "bucket", "from", requester_pays=True),
    UploadPartCopy("bucket", "parts", "id", 1, "bucket", "from", None, None, requester_pays=True),
]


@pytest.fixture(params=[EngineName.NATIVE, EngineName.CRT, EngineName.BOTO3])
def settings(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> ConnectionSettings:
    monkeypatch.setenv("T_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("T_SECRET_ACCESS_KEY", "secret")
    server.seed("bucket", keys=["from"], body="x")
    return ConnectionSettings(
        endpoint=server.endpoint,
        region="us-east-1",
        env_prefix="T_",
        engine=request.param,
        requester_pays=True,
    )


@pytest.fixture
def paying(settings: ConnectionSettings) -> Iterator[Engine]:
    engine = open_engine(settings, max_in_flight=2)
    yield engine
    engine.close()


def test_every_kind_of_request_is_in_one_of_the_tables() -> None:
    kinds = {type(each) for each in (*PAID, *UNPAID)} | {FindAccount}
    assert kinds == set(get_args(Request))


def test_each_request_about_objects_says_who_pays(server: ServerProcess, paying: Engine) -> None:
    for request in PAID:
        paying.call(request)
        assert server.log()[-1].headers.get("x-amz-request-payer") == "requester", request


def test_the_others_are_answered_as_ever(server: ServerProcess, paying: Engine) -> None:
    for request in UNPAID:
        reply = paying.call(request)
        assert not isinstance(reply, Failure), reply
        assert "x-amz-request-payer" not in server.log()[-1].headers


@pytest.mark.parametrize("engine", [EngineName.NATIVE, EngineName.CRT, EngineName.BOTO3])
def test_a_copy_says_so_where_only_the_connection_of_its_source_pays(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch, engine: EngineName
) -> None:
    monkeypatch.setenv("T_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("T_SECRET_ACCESS_KEY", "secret")
    server.seed("bucket", keys=["from"], body="x")
    unpaying = ConnectionSettings(endpoint=server.endpoint, region="us-east-1", env_prefix="T_", engine=engine)
    opened = open_engine(unpaying, max_in_flight=2)
    for request in COPIES:
        opened.call(request)
        assert server.log()[-1].headers.get("x-amz-request-payer") == "requester", request
    opened.close()
