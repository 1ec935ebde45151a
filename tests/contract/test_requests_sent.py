"""What each engine puts on the wire, and how it takes what goes wrong there."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from contract.body_contract import crc_header
from fakes.s3fixtures import s3_server, server
from fakes.s3server import Fault, FaultKind, ServerProcess
from s3plan.schemas.bodies import BodyInMemory, Digests
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.manifest.words import EngineName
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.attributes import Encryption, ObjectAttributes
from s3plan.schemas.requests.objects import (
    CopyObject,
    DeleteObjects,
    HeadBucket,
    HeadObject,
    ListObjects,
    ObjectFound,
    ObjectsPage,
    ObjectWritten,
    PutObject,
    Reply,
    Request,
)
from s3plan.schemas.requests.uploads import CompleteMultipartUpload, CreateMultipartUpload, UploadPartCopy
from s3plan.storage.s3.connections.renewal import RENEWED
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.crt.engine import CrtEngine
from s3plan.storage.s3.engines import open_engine

__all__ = ["s3_server", "server"]


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T_ACCESS_KEY_ID", "AKIDONE")
    monkeypatch.setenv("T_SECRET_ACCESS_KEY", "secret")


@pytest.fixture(params=[EngineName.NATIVE, EngineName.CRT, EngineName.BOTO3])
def name(request: pytest.FixtureRequest) -> EngineName:
    return EngineName(request.param)


@pytest.fixture
def engine(server: ServerProcess, name: EngineName) -> Iterator[Engine]:
    server.seed("bucket", keys=["from"], body="source bytes")
    engine = open_engine(settings(server, name), max_in_flight=4, read_timeout_s=0.5)
    yield engine
    engine.close()


def settings(server: ServerProcess, name: EngineName) -> ConnectionSettings:
    return ConnectionSettings(endpoint=server.endpoint, region="us-east-1", env_prefix="T_", engine=name)


def headers_of(server: ServerProcess, engine: Engine, request: Request) -> Mapping[str, str]:
    reply = engine.call(request)
    assert not isinstance(reply, Failure), reply
    return server.log()[-1].headers


def failed(reply: Reply) -> Failure:
    assert isinstance(reply, Failure), reply
    return reply


COPY = CopyObject("bucket", "to", "bucket", "from")


def test_a_copy_quotes_its_pins_and_leaves_annotations_behind(server: ServerProcess, engine: Engine) -> None:
    etag = server.snapshot("bucket")["from"].etag
    request = CopyObject(
        "bucket",
        "to",
        "bucket",
        "from",
        source_if_match=etag,
        if_absent=True,
        storage_class="STANDARD_IA",
        encryption=Encryption("aws:kms", "key-1", True),
        owner="123456789012",
        source_owner="123456789012",
    )
    sent = headers_of(server, engine, request)
    assert sent["x-amz-copy-source-if-match"] == f'"{etag}"'
    assert sent["if-none-match"] == "*"
    assert sent["x-amz-object-annotation-directive"] == "EXCLUDE"
    assert "x-amz-metadata-directive" not in sent
    assert sent["x-amz-storage-class"] == "STANDARD_IA"
    assert sent["x-amz-server-side-encryption-aws-kms-key-id"] == "key-1"
    assert sent["x-amz-server-side-encryption-bucket-key-enabled"] == "true"
    assert sent["x-amz-expected-bucket-owner"] == "123456789012"
    assert sent["x-amz-source-expected-bucket-owner"] == "123456789012"


def test_every_request_says_who_sends_it(server: ServerProcess, engine: Engine) -> None:
    for request in (COPY, ListObjects("bucket"), HeadObject("bucket", "from"), HeadBucket("bucket")):
        assert re.search(r"(^| )s3plan/[0-9]", headers_of(server, engine, request)["user-agent"])


def test_an_upload_asks_for_no_checksum_that_its_parts_would_have_to_carry(
    server: ServerProcess, engine: Engine
) -> None:
    sent = headers_of(server, engine, CreateMultipartUpload("bucket", "to", ObjectAttributes()))
    assert not [name for name in sent if "checksum" in name]


def test_an_upload_of_checked_parts_says_that_the_whole_object_gets_their_checksum(
    server: ServerProcess, engine: Engine
) -> None:
    sent = headers_of(server, engine, CreateMultipartUpload("bucket", "to", ObjectAttributes(), checksum="CRC64NVME"))
    assert (sent["x-amz-checksum-algorithm"], sent["x-amz-checksum-type"]) == ("CRC64NVME", "FULL_OBJECT")


@pytest.mark.parametrize("size", [9, 3 << 20])
def test_a_body_is_sent_as_it_is_with_what_is_known_of_it(server: ServerProcess, engine: Engine, size: int) -> None:
    content = b"x" * size
    digests = Digests(crc_header(content), sha256=sha256(content).hexdigest())
    sent = headers_of(server, engine, PutObject("bucket", "to", BodyInMemory(content), digests=digests))
    assert sent["x-amz-checksum-crc64nvme"] == digests.crc64nvme
    assert sent["x-amz-content-sha256"] == digests.sha256  # over plain HTTP nothing else protects it
    assert not {"content-encoding", "transfer-encoding", "x-amz-trailer", "x-amz-decoded-content-length"} & sent.keys()


def test_over_plain_http_a_body_is_signed_also_where_its_digest_is_not_given(
    server: ServerProcess, engine: Engine
) -> None:
    content = b"x" * 300_000
    sent = headers_of(server, engine, PutObject("bucket", "to", BodyInMemory(content)))
    assert sent["x-amz-content-sha256"] == sha256(content).hexdigest()


def test_a_batch_delete_carries_a_checksum_everywhere(server: ServerProcess, engine: Engine) -> None:
    sent = headers_of(server, engine, DeleteObjects("bucket", [("from", None)]))
    assert [name for name in sent if "checksum" in name or name == "content-md5"]


def test_anonymous_requests_are_not_signed(server: ServerProcess, name: EngineName) -> None:
    server.seed("bucket", keys=["from"])
    anonymous = open_engine(ConnectionSettings(endpoint=server.endpoint, anonymous=True, engine=name), max_in_flight=1)
    assert failed(anonymous.call(ListObjects("bucket"))).kind is FailureKind.DENIED
    server.set_mode(anonymous=True)
    assert isinstance(anonymous.call(ListObjects("bucket")), ObjectsPage)
    anonymous.close()


def test_a_header_that_cannot_be_sent_as_it_is_is_refused_before_anything_is_sent(
    server: ServerProcess, engine: Engine
) -> None:
    attributes = ObjectAttributes(headers={"ContentDisposition": "filename=\u00e9"})
    assert failed(engine.call(CreateMultipartUpload("bucket", "to", attributes))).kind is FailureKind.INVALID
    assert server.stats().requested("CreateMultipartUpload") == 0


@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [
        (FaultKind.SLOW_DOWN, FailureKind.THROTTLED, 503),
        (FaultKind.INTERNAL_ERROR, FailureKind.TRANSIENT, 500),
        (FaultKind.ERROR_IN_200, FailureKind.TRANSIENT, 500),
        (FaultKind.ACCESS_DENIED, FailureKind.DENIED, 403),
        (FaultKind.CONFLICT, FailureKind.CONFLICT, 409),
        (FaultKind.RESET, FailureKind.TRANSIENT, None),
        (FaultKind.REPLY_LOST, FailureKind.TRANSIENT, None),
    ],
)
def test_a_fault_has_its_class_and_is_never_retried_here(
    server: ServerProcess, engine: Engine, fault: FaultKind, kind: FailureKind, status: int | None
) -> None:
    server.faults([Fault(kind=fault, operation="CopyObject", times=None)])
    failure = failed(engine.call(COPY))
    assert (failure.kind, failure.status) == (kind, status)
    # awscrt's least is one retry of its own, for what it takes to be transient.
    assert server.stats().requested("CopyObject") in ({1, 2} if isinstance(engine, CrtEngine) else {1})


def test_an_error_inside_a_200_is_found_in_listings_and_multipart_copies(server: ServerProcess, engine: Engine) -> None:
    server.faults([Fault(kind=FaultKind.ERROR_IN_200, times=None)])
    requests: list[Request] = [
        ListObjects("bucket"),
        UploadPartCopy("bucket", "to", "id", 1, "bucket", "from", None, None),
        CompleteMultipartUpload("bucket", "to", "id", [(1, "0" * 32)]),
        DeleteObjects("bucket", [("from", None)]),
    ]
    assert {failed(engine.call(request)).kind for request in requests} == {FailureKind.TRANSIENT}


def test_a_store_that_does_not_answer_in_time_leaves_the_end_open(server: ServerProcess, engine: Engine) -> None:
    server.faults([Fault(kind=FaultKind.DELAY, delay_s=3.0)])
    failure = failed(engine.call(COPY))
    assert failure.kind is FailureKind.TRANSIENT
    assert server.stats().requested("CopyObject") == 1


def test_a_store_that_is_not_there_is_unreachable(name: EngineName) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    nowhere = open_engine(
        ConnectionSettings(endpoint=f"http://127.0.0.1:{port}", env_prefix="T_", engine=name), max_in_flight=1
    )
    failure = failed(nowhere.call(ListObjects("bucket")))
    assert failure.kind is FailureKind.UNREACHABLE
    assert not failure.kind.is_unclear
    nowhere.close()


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_told_and_never_followed(name: EngineName, status: int) -> None:
    asked: list[str] = []

    class Redirecting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Location", f"http://{self.headers['Host']}/elsewhere")
            self.send_header("x-amz-bucket-region", "eu-west-1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests are silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) as http_server:
        threading.Thread(target=http_server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{http_server.server_port}"
        engine = open_engine(ConnectionSettings(endpoint=endpoint, env_prefix="T_", engine=name), max_in_flight=1)
        failure = failed(engine.call(ListObjects("bucket")))
        engine.close()
        http_server.shutdown()
    assert (failure.kind, failure.region) == (FailureKind.WRONG_REGION, "eu-west-1")
    assert len(asked) == 1


def test_the_clock_is_that_of_the_store(server: ServerProcess, engine: Engine) -> None:
    server.set_mode(clock_offset_s=3600.0)
    engine.call(ListObjects("bucket"))
    assert abs(engine.clock_offset_ms - 3_600_000) < 5000


def test_expired_credentials_that_were_renewed_meanwhile_are_taken_up(
    server: ServerProcess, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults([Fault(kind=FaultKind.EXPIRED_TOKEN)])
    monkeypatch.setenv("T_ACCESS_KEY_ID", "AKIDTWO")
    failure = failed(engine.call(COPY))
    assert (failure.kind, failure.code) == (FailureKind.UNREACHABLE, RENEWED)
    server.set_mode(credential="AKIDTWO")
    assert isinstance(engine.call(COPY), ObjectWritten)


def test_expired_credentials_without_newer_ones_stay_expired(server: ServerProcess, engine: Engine) -> None:
    server.faults([Fault(kind=FaultKind.EXPIRED_TOKEN, times=2)])
    assert failed(engine.call(COPY)).kind is FailureKind.CREDENTIALS_EXPIRED
    assert failed(engine.call(COPY)).kind is FailureKind.CREDENTIALS_EXPIRED
    assert isinstance(engine.call(COPY), ObjectWritten)


def test_an_unknown_key_id_is_refused_not_expired(server: ServerProcess, engine: Engine) -> None:
    server.set_mode(credential="AKIDTWO")
    assert failed(engine.call(COPY)).kind is FailureKind.CREDENTIALS_REFUSED


def test_only_checksums_of_whole_objects_are_told(server: ServerProcess, engine: Engine) -> None:
    server.client(request_checksum_calculation="when_supported").put_object(Bucket="bucket", Key="sum", Body=b"x")
    found = engine.call(HeadObject("bucket", "sum"))
    assert isinstance(found, ObjectFound)
    assert list(found.checksums) == ["CRC32"]


def test_head_of_a_part_tells_its_size_and_of_how_many(server: ServerProcess, engine: Engine) -> None:
    server.set_mode(min_part_size_bytes=1)
    client = server.client()
    upload = client.create_multipart_upload(Bucket="bucket", Key="cut")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": client.upload_part(Bucket="bucket", Key="cut", UploadId=upload, PartNumber=number, Body=body)[
                "ETag"
            ],
        }
        for number, body in ((1, b"123"), (2, b"45678"))
    ]
    client.complete_multipart_upload(Bucket="bucket", Key="cut", UploadId=upload, MultipartUpload={"Parts": parts})
    told = [engine.call(HeadObject("bucket", "cut", part=part)) for part in (None, 1, 2)]
    assert [(each.size_bytes, each.parts) for each in told if isinstance(each, ObjectFound)] == [
        (8, None),
        (3, 2),
        (5, 2),
    ]
    absent = engine.call(HeadObject("bucket", "cut", part=3))
    assert failed(absent).kind is FailureKind.INVALID


def test_a_closed_engine_takes_no_more_requests(engine: Engine) -> None:
    engine.close()
    with pytest.raises(RuntimeError, match="closed"):
        engine.submit(PutObject("bucket", "key", b""), lambda _: None)
