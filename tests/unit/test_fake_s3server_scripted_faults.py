"""A script drives the fake S3 server: request number N, a storm of so many seconds, any error, part of a batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fakes.s3asking import code_of, keys_of
from fakes.s3server import Fault, FaultKind, ServerProcess
from fakes.s3server.faults import FaultBook


@pytest.fixture
def client(server: ServerProcess) -> Any:
    server.set_mode(min_part_size_bytes=1)
    server.seed("bucket", keys=["source"], body="source bytes")
    return server.client()


def copy(client: Any, key: str = "to") -> Callable[[], Any]:
    return lambda: client.copy_object(Bucket="bucket", Key=key, CopySource={"Bucket": "bucket", "Key": "source"})


def test_request_number_three_of_all_is_hit(client: Any, server: ServerProcess) -> None:
    server.faults([Fault(kind=FaultKind.SLOW_DOWN, after=2)])
    client.head_object(Bucket="bucket", Key="source")
    copy(client)()
    assert code_of(lambda: client.list_objects_v2(Bucket="bucket")) == "503 SlowDown"
    client.list_objects_v2(Bucket="bucket")


def test_request_number_two_of_an_operation_and_of_a_key_is_hit(client: Any, server: ServerProcess) -> None:
    server.faults(
        [
            Fault(kind=FaultKind.SLOW_DOWN, operation="CopyObject", after=1),
            Fault(kind=FaultKind.ACCESS_DENIED, key="mine", after=1),
        ]
    )
    client.head_object(Bucket="bucket", Key="source")
    copy(client, "mine")()
    assert code_of(copy(client, "other")) == "503 SlowDown"
    assert code_of(copy(client, "mine")) == "403 AccessDenied"


def test_everything_from_request_number_two_on_is_hit(client: Any, server: ServerProcess) -> None:
    server.faults([Fault(kind=FaultKind.EXPIRED_TOKEN, after=1, times=None)])
    copy(client)()
    for _ in range(3):
        assert code_of(copy(client)) == "400 ExpiredToken"


def test_a_storm_ends_by_the_clock_counted_from_its_first_request() -> None:
    now_s = 100.0
    book = FaultBook(clock=lambda: now_s)
    book.add([Fault(kind=FaultKind.SLOW_DOWN, after=1, times=None, lasts_s=2.0)])

    def is_hit() -> bool:
        return book.take(operation="CopyObject", bucket="bucket", key="to") is not None

    assert not is_hit()
    now_s = 150.0
    assert is_hit()
    now_s = 152.0
    assert is_hit()
    now_s = 152.1
    assert not is_hit()


def test_a_storm_may_hit_a_share_of_the_requests_for_its_time() -> None:
    now_s = 0.0
    book = FaultBook(clock=lambda: now_s)
    book.add([Fault(kind=FaultKind.SLOW_DOWN, times=None, share=0.5, seed=3, lasts_s=10.0)])
    hits = [book.take(operation="CopyObject", bucket="b", key=str(number)) is not None for number in range(200)]
    assert 70 < sum(hits) < 130
    now_s = 11.0
    assert book.take(operation="CopyObject", bucket="b", key="last") is None


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("RequestTimeTooSkewed", 403),
        ("RequestTimeout", 400),
        ("ServiceUnavailable", 503),
        ("OperationAborted", 409),
        ("PreconditionFailed", 412),
        ("NoSuchUpload", 404),
        ("BadDigest", 400),
    ],
)
def test_any_error_can_be_answered_by_its_name(client: Any, server: ServerProcess, code: str, status: int) -> None:
    server.faults([Fault(kind=FaultKind.ERROR, code=code, operation="CopyObject")])
    assert code_of(copy(client)) == f"{status} {code}"
    assert "to" not in server.snapshot("bucket")


def test_an_error_that_nobody_knows_is_refused(server: ServerProcess) -> None:
    with pytest.raises(ValueError, match="NoSuchNonsense"):
        server.faults([Fault(kind=FaultKind.ERROR, code="NoSuchNonsense")])


@pytest.mark.parametrize(("code", "status"), [("PermanentRedirect", 301), ("TemporaryRedirect", 307)])
def test_a_redirect_names_another_region(client: Any, server: ServerProcess, code: str, status: int) -> None:
    client.meta.events.register("before-call.s3", lambda context, **_: context["s3_redirect"].update(redirected=True))
    server.faults([Fault(kind=FaultKind.ERROR, code=code, region="ap-south-1")])
    with pytest.raises(ClientError) as caught:
        client.head_object(Bucket="bucket", Key="source")
    answer: Any = caught.value.response["ResponseMetadata"]
    assert answer["HTTPStatusCode"] == status
    assert answer["HTTPHeaders"]["x-amz-bucket-region"] == "ap-south-1"
    assert not answer["HTTPHeaders"]["location"].startswith(server.endpoint)


def test_a_complete_that_was_committed_is_answered_with_no_such_upload(client: Any, server: ServerProcess) -> None:
    upload_id = client.create_multipart_upload(Bucket="bucket", Key="to")["UploadId"]
    etag = client.upload_part(Bucket="bucket", Key="to", UploadId=upload_id, PartNumber=1, Body=b"part")["ETag"]
    rule = Fault(kind=FaultKind.ERROR, code="NoSuchUpload", operation="CompleteMultipartUpload", after_commit=True)
    server.faults([rule])
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    complete = {"Bucket": "bucket", "Key": "to", "UploadId": upload_id, "MultipartUpload": parts}
    assert code_of(lambda: client.complete_multipart_upload(**complete)) == "404 NoSuchUpload"
    assert server.snapshot("bucket")["to"].writes == 1


def delete(client: Any, *keys: str) -> tuple[list[str], dict[str, str]]:
    """The keys that are answered as deleted, and the codes of the others."""
    answer = client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": key} for key in keys]})
    return (
        [row["Key"] for row in answer.get("Deleted", [])],
        {row["Key"]: row["Code"] for row in answer.get("Errors", [])},
    )


@pytest.mark.parametrize("after_commit", [False, True])
def test_some_keys_of_a_batch_delete_are_refused(client: Any, server: ServerProcess, after_commit: bool) -> None:
    server.seed("bucket", keys=["a", "b", "c"], body="x")
    rule = Fault(kind=FaultKind.KEYS_REFUSED, keys=["b"], code="AccessDenied", after_commit=after_commit)
    server.faults([Fault(kind=rule.kind, operation="CopyObject"), rule])
    assert delete(client, "a", "b", "c") == (["a", "c"], {"b": "AccessDenied"})
    assert keys_of(client, "bucket") == (["source"] if after_commit else ["b", "source"])
    assert delete(client, "b") == (["b"], {})


@pytest.mark.parametrize("after_commit", [False, True])
def test_some_keys_are_left_out_of_the_answer_to_a_batch_delete(
    client: Any, server: ServerProcess, after_commit: bool
) -> None:
    server.seed("bucket", keys=["a", "b", "c", "d"], body="x")
    server.faults([Fault(kind=FaultKind.KEYS_UNTOLD, after_commit=after_commit)])
    assert delete(client, "a", "b", "c", "d") == (["b", "d"], {})
    assert keys_of(client, "bucket") == (["source"] if after_commit else ["a", "c", "source"])


def test_a_page_may_be_shorter_than_was_asked_for(client: Any, server: ServerProcess) -> None:
    server.seed("many", count=7)
    server.set_mode(page_keys=3)
    pages = list(client.get_paginator("list_objects_v2").paginate(Bucket="many"))
    assert [len(page["Contents"]) for page in pages] == [3, 3, 1]
    assert len({row["Key"] for page in pages for row in page["Contents"]}) == 7


def test_a_token_with_a_wrong_bit_is_refused(client: Any, server: ServerProcess) -> None:
    server.seed("many", count=7)
    token = client.list_objects_v2(Bucket="many", MaxKeys=3)["NextContinuationToken"]
    for at in range(0, len(token), 3):
        wrong = token[:at] + chr(ord(token[at]) ^ 1) + token[at + 1 :]
        ask = partial(client.list_objects_v2, Bucket="many", ContinuationToken=wrong)
        assert code_of(ask) == "400 InvalidArgument", wrong


def test_a_key_comes_twice_with_different_etags(client: Any, server: ServerProcess) -> None:
    server.seed("many", count=3)
    server.faults([Fault(kind=FaultKind.LIST_TWO_ETAGS)])
    first, second, *others = client.list_objects_v2(Bucket="many")["Contents"]
    assert first["Key"] == second["Key"]
    assert first["ETag"] != second["ETag"]
    assert len(others) == 2


def test_a_page_begins_with_the_last_key_of_the_one_before(client: Any, server: ServerProcess) -> None:
    server.seed("many", count=5, key_format="{}")
    server.set_mode(page_keys=3)
    server.faults([Fault(kind=FaultKind.LIST_OVERLAP)])
    assert keys_of(client, "many") == ["0", "1", "2", "2", "3", "4"]
