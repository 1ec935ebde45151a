"""`s3plan connections test`, and the library's `test_connection`, on a real server."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import s3plan
from fakes.command import Command
from fakes.s3server import Fault, FaultKind, ServerProcess
from fakes.s3server.process import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from fakes.sts import TokenService
from fakes.sts import sts as token_service
from fakes.workplace import PROBE, Workplace
from s3plan.schemas.connections.trials import Answer
from s3plan.schemas.plan.conditions import Condition

ROLE = "arn:aws:iam::444455556666:role/reader"


@pytest.fixture
def store(place: Workplace) -> Workplace:
    """A bucket with two objects, and the connection `store` of the user's own."""
    place.seed("source", "a", "b", body="bytes")
    words = ("--endpoint", place.server.endpoint, "--region", "us-east-1")
    assert place.command.run("connections", "add", "store", *words).exit_code == 0
    return place


@pytest.fixture
def sts() -> Iterator[TokenService]:
    with token_service({ACCESS_KEY_ID: SECRET_ACCESS_KEY}, accounts={ACCESS_KEY_ID: "123456789012"}) as service:
        yield service


def answers(report: s3plan.ConnectionReport) -> dict[str, str]:
    return {trial.name: trial.answer.value for trial in report.trials}


def uploads(place: Workplace) -> list[object]:
    return list(place.s3.list_multipart_uploads(Bucket="source").get("Uploads", []))


def test_all_that_may_be_done_is_a_yes_and_nothing_is_left(store: Workplace) -> None:
    before = store.listed("source")
    report = s3plan.test_connection("store", bucket="source", write=True)
    assert set(answers(report).values()) == {"yes"}, report
    assert {f"hold {condition}" for condition in Condition} <= answers(report).keys()
    assert (report.exit_code, report.objects, report.counted_all, report.left_behind) == (0, 2, True, None)
    assert report.region == "us-east-1"
    assert report.latency_ms is not None
    assert report.latency_ms < 5_000
    assert report.clock_offset_ms is not None
    assert store.listed("source") == before
    assert uploads(store) == []


def test_a_connection_whose_kind_of_store_is_known_is_tried_like_any_other(store: Workplace) -> None:
    assert store.command.run("connections", "edit", "store", "--store", "minio").exit_code == 0
    report = s3plan.test_connection("store", bucket="source", write=True)
    assert (report.store, report.objects, report.exit_code) == ("MinIO", 2, 0), report
    assert answers(report)["delete objects"] == "yes"


DENIED = [
    ("HeadBucket", "find the bucket", "s3:ListBucket"),
    ("ListObjectsV2", "list objects", "s3:ListBucket"),
    ("GetObject", "read objects", "s3:GetObject"),
    ("GetObjectTagging", "read tags", "s3:GetObjectTagging"),
    ("GetBucketEncryption", "read the default encryption", "s3:GetEncryptionConfiguration"),
    ("PutObject", "write objects", "s3:PutObject"),
    ("CopyObject", "copy objects", "s3:GetObject, s3:PutObject or s3:GetObjectTagging"),
    ("CreateMultipartUpload", "write in parts", "s3:PutObject"),
    ("UploadPart", "write in parts", "s3:PutObject"),
    ("CompleteMultipartUpload", "write in parts", "s3:PutObject"),
    ("ListMultipartUploads", "list open uploads", "s3:ListBucketMultipartUploads"),
    ("ListParts", "list parts", "s3:ListMultipartUploadParts"),
    ("AbortMultipartUpload", "abort uploads", "s3:AbortMultipartUpload"),
    ("DeleteObject", "delete objects", "s3:DeleteObject"),
    ("DeleteObjects", "delete many at once", "s3:DeleteObject"),
]


@pytest.mark.sampled(6)
@pytest.mark.parametrize(("operation", "name", "permission"), DENIED)
def test_what_is_denied_is_a_no_with_the_permission_that_lacks(
    store: Workplace, operation: str, name: str, permission: str
) -> None:
    store.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation=operation, times=None)])
    report = s3plan.test_connection("store", bucket="source", write=True)
    refused = {trial.name: trial for trial in report.trials if trial.is_refused}
    assert name in refused, report
    assert refused[name].permission == permission
    assert "AccessDenied" in refused[name].said
    assert {trial.permission for trial in refused.values()} == {permission}
    assert report.exit_code == 1
    store.server.clear_faults()
    left = {key for key in store.keys("source") if PROBE in key}
    is_left = bool(left or uploads(store))
    assert is_left == (report.left_behind is not None)
    assert is_left == (operation in {"AbortMultipartUpload", "DeleteObject"})


WRITES = ("PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", [FaultKind.REPLY_LOST, FaultKind.INTERNAL_ERROR, FaultKind.SLOW_DOWN])
@pytest.mark.parametrize("operation", [*WRITES, "AbortMultipartUpload", "DeleteObject", "DeleteObjects"])
def test_an_answer_that_is_lost_changes_no_finding_and_leaves_nothing(
    store: Workplace, operation: str, kind: FaultKind
) -> None:
    store.server.faults([Fault(kind=kind, operation=operation, after_commit=kind is FaultKind.INTERNAL_ERROR)])
    report = s3plan.test_connection("store", bucket="source", write=True)
    assert not [trial for trial in report.trials if trial.answer is not Answer.YES], report
    assert (report.exit_code, report.left_behind) == (0, None)
    assert store.keys("source") == {"a", "b"}
    assert uploads(store) == []


def test_tags_that_are_denied_are_told_from_objects_that_are(store: Workplace) -> None:
    store.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="PutObject", after=1, times=1)])
    report = s3plan.test_connection("store", bucket="source", write=True)
    assert [(trial.name, trial.permission) for trial in report.trials if trial.is_refused] == [
        ("write tags", "s3:PutObjectTagging")
    ]


def test_what_cannot_be_tried_is_unknown_and_says_why(store: Workplace) -> None:
    store.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="PutObject", times=None)])
    report = s3plan.test_connection("store", bucket="source", prefix="empty/", write=True)
    told = {trial.name: trial for trial in report.trials}
    assert told["read objects"].answer is Answer.UNKNOWN
    assert told["delete objects"].answer is Answer.UNKNOWN
    assert told["delete objects"].said == "no object could be written"
    assert {told[f"hold {condition}"].answer for condition in Condition} == {Answer.UNKNOWN}


def test_the_command_prints_a_table_and_json_and_ends_by_what_it_found(store: Workplace) -> None:
    shown = store.command.run("connections", "test", "store", "--bucket", "source", "--prefix", "a")
    assert shown.exit_code == 0, shown.output
    assert f"  store        {store.server.endpoint}\n" in shown.stdout
    assert "  bucket       s3://source/a\n" in shown.stdout
    assert "  holds        1 object, " in shown.stdout
    assert "  yes  list objects\n" in shown.stdout
    assert "  yes  read objects\n" in shown.stdout
    store.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="ListObjectsV2", times=None)])
    shown = store.command.run("connections", "test", "store", "--bucket", "source")
    assert shown.exit_code == 1
    assert (
        "  no       list objects                 needs s3:ListBucket: ListObjectsV2: AccessDenied (403)" in shown.stdout
    )
    told = json.loads(store.command.run("connections", "test", "store", "--bucket", "source", "--json").stdout)
    assert (told["name"], told["exit_code"], told["bucket"]) == ("store", 1, "source")
    assert {"name": "list objects", "answer": "no", "permission": "s3:ListBucket"}.items() <= next(
        trial for trial in told["trials"] if trial["name"] == "list objects"
    ).items()


def test_without_a_bucket_the_store_itself_is_asked(store: Workplace) -> None:
    report = s3plan.test_connection("store")
    assert answers(report) == {"find credentials": "yes", "list buckets": "yes"}
    assert report.latency_ms is not None


def test_a_url_is_tried_by_the_default_connection(store: Workplace) -> None:
    variables = {**store.command.variables, "AWS_ENDPOINT_URL_S3": store.server.endpoint}
    shown = replace(store.command, variables=variables).run("connections", "test", "s3://source/a")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("Connection default\n")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("nope",), 64, "there is no connection nope of your own: there are: store"),
        (("store", "--write"), 64, "name the bucket to try, with --bucket"),
        (("s3://source/", "--bucket", "x"), 64, "a URL says bucket and prefix itself"),
        (("store", "--bucket", "x"), 64, "a bucket name has 3 to"),
        (("store", "--bucket", "nope"), 1, "there is no such bucket"),
    ],
)
def test_what_cannot_be_tried_ends_by_its_code(store: Workplace, words: tuple[str, ...], code: int, told: str) -> None:
    ended = store.command.run("connections", "test", *words)
    assert (ended.exit_code, told in ended.output) == (code, True), ended.output


def test_credentials_that_are_not_there_or_do_not_work_end_with_10(store: Workplace) -> None:
    without = Command(store.folder, {})
    ended = without.run("connections", "test", "store", "--bucket", "source")
    assert ended.exit_code == 10, ended.output
    assert "no credentials were found" in ended.stdout
    store.server.faults([Fault(kind=FaultKind.ERROR, code="InvalidAccessKeyId", times=None)])
    for words in (("store",), ("store", "--bucket", "source", "--write")):
        ended = store.command.run("connections", "test", *words)
        assert ended.exit_code == 10, ended.output
        assert "InvalidAccessKeyId" in ended.stdout


def test_a_store_that_is_not_there_ends_with_1(store: Workplace) -> None:
    edited = store.command.run("connections", "edit", "store", "--endpoint", "http://127.0.0.1:9")
    assert edited.exit_code == 0
    for words in (("store",), ("store", "--bucket", "source")):
        ended = store.command.run("connections", "test", *words)
        assert ended.exit_code == 1, ended.output
        assert "no   " in ended.stdout


def test_who_signs_is_asked_of_the_token_service_that_is_named(
    store: Workplace, sts: TokenService, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = s3plan.test_connection("store")
    assert report.identity is None
    assert report.identity_unknown == "this store has no accounts of AWS"  # and AWS itself was not asked
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.endpoint)
    report = s3plan.test_connection("store", bucket="source")
    assert report.identity is not None
    assert (report.identity.account, report.is_own_bucket) == ("123456789012", True)
    assert report.expires_at is None
    store.server.set_mode(owners={"source": "999988887777"})
    assert s3plan.test_connection("store", bucket="source").is_own_bucket is False


def test_a_role_tells_until_when_its_session_holds(
    store: Workplace, sts: TokenService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.endpoint)
    assert store.command.run("connections", "edit", "store", "--role-arn", ROLE).exit_code == 0
    report = s3plan.test_connection("store")
    assert report.identity is not None
    assert report.identity.account == "444455556666"
    assert report.expires_at is not None
    assert timedelta(minutes=55) < report.expires_at - datetime.now(UTC) < timedelta(minutes=65)
    assert report.credentials == f"{ROLE} by the AWS chain"
    secrets = [each.secret for each in sts.issued] + [each.token for each in sts.issued]
    assert not any(secret in repr(report) for secret in secrets)


def test_counting_stops_after_some_pages_unless_all_are_wanted(store: Workplace) -> None:
    store.seed("source", count=11_000, size_bytes=3)
    some = s3plan.test_connection("store", bucket="source", prefix="data/")
    assert (some.objects, some.size_bytes, some.counted_all) == (10_000, 30_000, False)
    all_of_them = s3plan.test_connection("store", bucket="source", prefix="data/", count=True)
    assert (all_of_them.objects, all_of_them.size_bytes, all_of_them.counted_all) == (11_000, 33_000, True)


@pytest.mark.parametrize("after", [1, 4])
def test_ctrl_c_removes_what_was_made(store: Workplace, after: int) -> None:
    store.server.set_mode(latency_s=0.1)
    with store.command.start("connections", "test", "store", "--bucket", "source", "--write") as started:
        _wait_for_writes(store.server, after)
        started.signal(signal.SIGINT)
        ended = started.wait()
    store.server.set_mode(latency_s=0)
    assert ended.exit_code == 130, ended.output
    assert store.keys("source") == {"a", "b"}
    assert uploads(store) == []


def test_what_a_killed_test_left_is_removed_by_the_next(store: Workplace) -> None:
    store.server.set_mode(latency_s=0.1)
    with store.command.start("connections", "test", "store", "--bucket", "source", "--write") as started:
        _wait_for_writes(store.server, 3)
        started.kill()
    store.server.set_mode(latency_s=0)
    assert store.keys("source") > {"a", "b"}
    again = store.command.run("connections", "test", "store", "--bucket", "source", "--write")
    assert again.exit_code == 0, again.output
    assert store.keys("source") == {"a", "b"}
    assert uploads(store) == []


def _wait_for_writes(server: ServerProcess, count: int) -> None:
    until_s = time.monotonic() + 30
    while sum(server.stats().answered(name) for name in ("PutObject", "CopyObject", "UploadPart")) < count:
        assert time.monotonic() < until_s
        time.sleep(0.02)
