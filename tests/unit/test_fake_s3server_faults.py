"""Each fault of the fake S3 server, seen by boto3."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError
from fakes.s3server import Fault, FaultKind, ServerProcess


@pytest.fixture
def client(server: ServerProcess) -> Any:
    server.set_mode(min_part_size_bytes=1)
    server.seed("bucket", keys=["source"], body="source bytes")
    server.seed("many", count=30)
    return server.client()


def copy(client: Any, key: str = "to") -> Callable[[], Any]:
    return lambda: client.copy_object(Bucket="bucket", Key=key, CopySource={"Bucket": "bucket", "Key": "source"})


def failure(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call()
    answer: Any = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def pages(client: Any, count: int) -> list[list[str]]:
    """The keys of up to so many pages of ten, following whatever token comes."""
    found: list[list[str]] = []
    more: dict[str, str] = {}
    while len(found) < count:
        page = client.list_objects_v2(Bucket="many", MaxKeys=10, **more)
        found.append([row["Key"][-6:-4] for row in page.get("Contents", [])])
        if not page["IsTruncated"] or "NextContinuationToken" not in page:
            break
        more = {"ContinuationToken": page["NextContinuationToken"]}
    return found


def digits(first: int, end: int) -> list[str]:
    return [f"{number:02d}" for number in range(first, end)]


def test_a_lost_reply_leaves_the_copy_done(client: Any, server: ServerProcess) -> None:
    server.faults([Fault(kind=FaultKind.REPLY_LOST, operation="CopyObject")])
    with pytest.raises(ConnectionClosedError):
        copy(client)()
    assert server.snapshot("bucket")["to"].writes == 1
    assert server.stats().answered("CopyObject", "lost") == 1
    copy(client)()


def test_lost_replies_of_part_copy_complete_and_delete_leave_them_done(client: Any, server: ServerProcess) -> None:
    upload_id = client.create_multipart_upload(Bucket="bucket", Key="to")["UploadId"]
    server.faults(
        Fault(kind=FaultKind.REPLY_LOST, operation=name)
        for name in ("UploadPartCopy", "CompleteMultipartUpload", "DeleteObjects")
    )
    upload = {"Bucket": "bucket", "Key": "to", "UploadId": upload_id}
    with pytest.raises(ConnectionClosedError):
        client.upload_part_copy(**upload, PartNumber=1, CopySource={"Bucket": "bucket", "Key": "source"})
    (part,) = client.list_parts(**upload)["Parts"]
    chosen = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    with pytest.raises(ConnectionClosedError):
        client.complete_multipart_upload(**upload, MultipartUpload=chosen)
    assert failure(lambda: client.complete_multipart_upload(**upload, MultipartUpload=chosen)) == (404, "NoSuchUpload")
    assert client.get_object(Bucket="bucket", Key="to")["Body"].read() == b"source bytes"
    with pytest.raises(ConnectionClosedError):
        client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "to"}]})
    assert list(server.snapshot("bucket")) == ["source"]


def test_a_reset_comes_before_the_operation(client: Any, server: ServerProcess) -> None:
    server.faults([Fault(kind=FaultKind.RESET)])
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        copy(client)()
    assert "to" not in server.snapshot("bucket")
    assert server.stats().answered("CopyObject", "reset") == 1


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (FaultKind.SLOW_DOWN, 503, "SlowDown"),
        (FaultKind.INTERNAL_ERROR, 500, "InternalError"),
        (FaultKind.ACCESS_DENIED, 403, "AccessDenied"),
        (FaultKind.EXPIRED_TOKEN, 400, "ExpiredToken"),
        (FaultKind.CONFLICT, 409, "ConditionalRequestConflict"),
    ],
)
def test_an_error_is_answered_once_and_nothing_is_done(
    client: Any, server: ServerProcess, kind: FaultKind, status: int, code: str
) -> None:
    server.faults([Fault(kind=kind, operation="CopyObject")])
    assert failure(copy(client)) == (status, code)
    assert "to" not in server.snapshot("bucket")
    copy(client)()


def test_an_error_in_a_200_is_what_s3_sends_for_a_copy(client: Any, server: ServerProcess) -> None:
    server.faults([Fault(kind=FaultKind.ERROR_IN_200, operation="CopyObject")])
    assert failure(copy(client))[1] == "InternalError"
    assert server.stats().answered("CopyObject", 200) == 1
    assert "to" not in server.snapshot("bucket")


def test_an_error_after_the_commit_leaves_the_copy_done(client: Any, server: ServerProcess) -> None:
    server.faults([Fault(kind=FaultKind.INTERNAL_ERROR, operation="CopyObject", after_commit=True)])
    assert failure(copy(client)) == (500, "InternalError")
    assert "to" in server.snapshot("bucket")


def test_a_delay_lets_others_pass(client: Any, server: ServerProcess) -> None:
    server.faults([Fault(kind=FaultKind.DELAY, delay_s=0.3, key="to")])
    started = time.monotonic()
    copy(client, "other")()
    copy(client)()
    assert time.monotonic() - started >= 0.3
    assert server.fired() == [1]


def test_rules_choose_by_key_prefix_count_and_share(client: Any, server: ServerProcess) -> None:
    server.faults(
        [
            Fault(kind=FaultKind.SLOW_DOWN, key="exact", times=None),
            Fault(kind=FaultKind.SLOW_DOWN, prefix="some/", after=1, times=2),
            Fault(kind=FaultKind.SLOW_DOWN, prefix="half/", times=None, share=0.5, seed=1),
        ]
    )
    for _ in range(3):
        failure(copy(client, "exact"))
    copy(client, "some/1")()
    failure(copy(client, "some/2"))
    failure(copy(client, "some/3"))
    copy(client, "some/4")()
    for number in range(40):
        try:
            copy(client, f"half/{number}")()
        except ClientError:
            continue
    exact, some, half = server.fired()
    assert (exact, some) == (3, 2)
    assert 10 < half < 30
    server.clear_faults()
    copy(client, "exact")()


def test_an_unknown_kind_or_field_is_refused(server: ServerProcess) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        server._call("POST", "faults", [{"kind": "nonsense"}])
    with pytest.raises(ValueError, match="nonsense"):
        server._call("POST", "faults", [{"kind": "reset", "nonsense": 1}])


def test_a_page_comes_unsorted(client: Any, server: ServerProcess) -> None:
    server.faults([Fault(kind=FaultKind.LIST_UNSORTED, after=1)])
    assert pages(client, 9) == [digits(0, 10), digits(10, 20)[::-1], digits(20, 30)]


def test_a_key_comes_twice(client: Any, server: ServerProcess) -> None:
    server.faults([Fault(kind=FaultKind.LIST_REPEATED_KEY)])
    assert pages(client, 9) == [["00", *digits(0, 10)], digits(10, 20), digits(20, 30)]


def test_a_token_leads_back_to_its_own_page(client: Any, server: ServerProcess) -> None:
    server.faults([Fault(kind=FaultKind.LIST_LOOPING_TOKEN, after=1, times=None)])
    assert pages(client, 4) == [digits(0, 10), digits(10, 20), digits(10, 20), digits(10, 20)]


def test_a_truncated_page_comes_without_token(client: Any, server: ServerProcess) -> None:
    server.faults([Fault(kind=FaultKind.LIST_NO_TOKEN, after=1)])
    assert pages(client, 9) == [digits(0, 10), digits(10, 20)]


def test_an_empty_page_loses_nothing(client: Any, server: ServerProcess) -> None:
    server.faults([Fault(kind=FaultKind.LIST_EMPTY_PAGE, after=1, times=2)])
    assert pages(client, 9) == [digits(0, 10), [], [], digits(10, 20), digits(20, 30)]


def test_page_three_fails(client: Any, server: ServerProcess) -> None:
    server.faults([Fault(kind=FaultKind.INTERNAL_ERROR, operation="ListObjectsV2", bucket="many", after=2)])
    assert failure(lambda: pages(client, 9)) == (500, "InternalError")
    assert server.stats().answered("ListObjectsV2") == 2
