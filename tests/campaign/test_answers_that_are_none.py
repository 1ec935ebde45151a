"""200 and something else, from whoever stands between: no engine takes it for the store's word."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.s3server import Fault, FaultKind, ServerProcess
from fakes.s3server.process import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from s3plan.schemas.failures import Failure
from s3plan.schemas.manifest.words import EngineName
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests import objects as r
from s3plan.schemas.requests import uploads as u
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.engines import open_engine

REQUESTS: dict[str, r.Request] = {
    "HeadObject": r.HeadObject("bucket", "source"),
    "GetObjectTagging": r.GetObjectTags("bucket", "source"),
    "ListObjectsV2": r.ListObjects("bucket"),
    "PutObject": r.PutObject("bucket", "new", b"body"),
    "CopyObject": r.CopyObject("bucket", "new", "bucket", "source"),
    "CreateMultipartUpload": u.CreateMultipartUpload("bucket", "new", ObjectAttributes()),
    "UploadPartCopy": u.UploadPartCopy("bucket", "new", "id", 1, "bucket", "source", None, None),
    "CompleteMultipartUpload": u.CompleteMultipartUpload("bucket", "new", "id", [(1, "0" * 32)]),
    "AbortMultipartUpload": u.AbortMultipartUpload("bucket", "new", "id"),
    "ListParts": u.ListParts("bucket", "new", "id"),
    "ListMultipartUploads": u.ListMultipartUploads("bucket", "new"),
    "DeleteObject": r.DeleteObject("bucket", "source"),
}
ANSWERS = [FaultKind.GARBAGE, FaultKind.OTHER_XML, FaultKind.UNKNOWN_ENCODING, FaultKind.EMPTY]
SAYS_DELETED_BY_SAYING_NOTHING = {"AbortMultipartUpload", "DeleteObject"}


@pytest.fixture(params=["native", "boto3", "crt"])
def engine(request: pytest.FixtureRequest, server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
    server.seed("bucket", keys=["source"], body="source", tags={"a": "b"})
    settings = ConnectionSettings(endpoint=server.endpoint, region="us-east-1", engine=EngineName(request.param))
    opened = open_engine(settings, max_in_flight=4)
    yield opened
    opened.close()


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("operation", REQUESTS)
def test_it_is_unclear_what_became_of_the_request(
    engine: Engine, server: ServerProcess, operation: str, kind: FaultKind
) -> None:
    if kind is FaultKind.EMPTY and operation in SAYS_DELETED_BY_SAYING_NOTHING:
        pytest.skip("a delete is acknowledged without words")
    server.faults([Fault(kind=kind, operation=operation)])
    reply = engine.call(REQUESTS[operation])
    assert server.fired() == [1]
    assert isinstance(reply, Failure), reply
    assert reply.kind.is_unclear, reply


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_batch_delete_that_is_not_answered_confirms_no_key(
    engine: Engine, server: ServerProcess, kind: FaultKind
) -> None:
    server.faults([Fault(kind=kind, operation="DeleteObjects")])
    reply = engine.call(r.DeleteObjects("bucket", [("source", None)]))
    assert isinstance(reply, Failure), reply
    assert reply.kind.is_unclear, reply
    assert "source" in server.snapshot("bucket")
