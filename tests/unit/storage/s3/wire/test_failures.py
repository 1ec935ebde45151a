"""Every error of s3-semantics section 2, and its class."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.requests.objects import GetObject
from s3plan.storage.s3.wire.failures import failure_of, retry_after_s, shown_words
from s3plan.storage.s3.wire.replies import not_what_was_asked

K = FailureKind
TABLE = [
    (503, "SlowDown", K.THROTTLED),
    (503, "ServiceUnavailable", K.THROTTLED),
    (429, "TooManyRequests", K.THROTTLED),
    (429, "", K.THROTTLED),
    (400, "KMS.ThrottlingException", K.THROTTLED),
    (400, "ThrottlingException", K.THROTTLED),
    (503, "", K.TRANSIENT),
    (500, "InternalError", K.TRANSIENT),
    (500, "SomethingNew", K.TRANSIENT),
    (502, "", K.TRANSIENT),
    (504, "", K.TRANSIENT),
    (500, "SlowDown", K.TRANSIENT),  # botocore's way to say: inside a 200
    (200, "InternalError", K.TRANSIENT),
    (200, "", K.TRANSIENT),
    (500, "AccessDenied", K.DENIED),
    (400, "RequestTimeout", K.TRANSIENT),
    (408, "", K.TRANSIENT),
    (400, "IncompleteBody", K.TRANSIENT),
    (400, "BadDigest", K.TRANSIENT),  # of what sends no object's bytes: see below
    (403, "RequestTimeTooSkewed", K.CLOCK_SKEWED),
    (400, "ExpiredToken", K.CREDENTIALS_EXPIRED),
    (403, "InvalidToken", K.CREDENTIALS_EXPIRED),
    (403, "AccessDenied", K.DENIED),
    (403, "", K.DENIED),
    (403, "SignatureDoesNotMatch", K.CREDENTIALS_REFUSED),
    (403, "InvalidAccessKeyId", K.CREDENTIALS_REFUSED),
    (412, "PreconditionFailed", K.PRECONDITION),
    (412, "", K.PRECONDITION),
    (304, "", K.PRECONDITION),
    (409, "ConditionalRequestConflict", K.CONFLICT),
    (409, "OperationAborted", K.CONFLICT),
    (409, "", K.CONFLICT),
    (409, "BucketAlreadyExists", K.INVALID),
    (409, "BucketAlreadyOwnedByYou", K.INVALID),
    (404, "NoSuchKey", K.NOT_FOUND),
    (404, "NoSuchVersion", K.NOT_FOUND),
    (404, "", K.NOT_FOUND),
    (404, "NoSuchBucket", K.NO_SUCH_BUCKET),
    (404, "NoSuchUpload", K.NO_SUCH_UPLOAD),
    (400, "InvalidPart", K.INVALID_PART),
    (400, "InvalidPartOrder", K.INVALID_PART),
    (400, "EntityTooSmall", K.INVALID_PART),
    (400, "EntityTooLarge", K.INVALID),
    (400, "InvalidRequest", K.INVALID),
    (400, "KeyTooLongError", K.INVALID),
    (400, "AccessControlListNotSupported", K.INVALID),
    (405, "MethodNotAllowed", K.INVALID),
    (400, "", K.INVALID),
    (403, "InvalidObjectState", K.ARCHIVED),
    (301, "PermanentRedirect", K.WRONG_REGION),
    (301, "", K.WRONG_REGION),
    (307, "TemporaryRedirect", K.WRONG_REGION),
    (400, "AuthorizationHeaderMalformed", K.WRONG_REGION),
    (400, "IllegalLocationConstraintException", K.WRONG_REGION),
    (501, "NotImplemented", K.UNSUPPORTED),
    (501, "", K.UNSUPPORTED),
    (400, "MalformedXML", K.MALFORMED_XML),
]


@pytest.mark.parametrize(("status", "code", "kind"), TABLE)
def test_an_answer_has_its_class(status: int, code: str, kind: FailureKind) -> None:
    failure = failure_of(operation="CopyObject", status=status, code=code, message="words")
    assert failure.kind is kind
    assert failure.code == (code or f"HTTP{status}")
    assert (failure.status, failure.operation) == (status, "CopyObject")
    assert failure.message.startswith("words")  # what to do about it may follow


@pytest.mark.parametrize("code", ["BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"])
def test_other_bytes_than_those_of_the_source_are_told_of_requests_that_send_them(code: str) -> None:
    kinds = {name: failure_of(operation=name, status=400, code=code).kind for name in ("PutObject", "DeleteObjects")}
    assert kinds == {"PutObject": K.VERIFICATION, "DeleteObjects": K.TRANSIENT}


@pytest.mark.parametrize(
    ("operation", "status", "kind"),
    [
        ("HeadBucket", 404, K.NO_SUCH_BUCKET),
        ("ListObjectsV2", 404, K.NO_SUCH_BUCKET),
        ("HeadObject", 404, K.NOT_FOUND),
        ("HeadObject", 403, K.DENIED),
        ("HeadObject", 503, K.THROTTLED),
        ("HeadObject", 400, K.INVALID),
        ("HeadObject", 412, K.PRECONDITION),
    ],
)
def test_an_answer_without_a_body_is_classed_by_its_status(operation: str, status: int, kind: FailureKind) -> None:
    assert failure_of(operation=operation, status=status, code=str(status)).kind is kind


def test_a_bodiless_400_that_names_a_region_is_a_wrong_region() -> None:
    failure = failure_of(
        operation="HeadBucket", status=400, code="400", headers={"x-amz-bucket-region": "eu-central-1"}
    )
    assert (failure.kind, failure.region) == (K.WRONG_REGION, "eu-central-1")


def test_the_region_comes_from_the_header_or_the_body() -> None:
    named = failure_of(operation="CopyObject", status=400, code="AuthorizationHeaderMalformed", region="us-west-2")
    assert named.region == "us-west-2"


def test_a_verdict_on_one_key_has_no_status() -> None:
    kinds = [
        failure_of(operation="DeleteObjects", status=None, code=code).kind
        for code in ("PreconditionFailed", "AccessDenied", "InternalError", "SlowDown", "NoIdea")
    ]
    assert kinds == [K.PRECONDITION, K.DENIED, K.TRANSIENT, K.THROTTLED, K.INVALID]


def test_the_request_id_is_kept_for_the_support() -> None:
    failure = failure_of(operation="HeadObject", status=500, code="", headers={"x-amz-request-id": "ABC"})
    assert failure.request_id == "ABC"


def test_retry_after_is_read_in_seconds_milliseconds_and_as_a_date() -> None:
    assert retry_after_s({"retry-after": "7"}) == 7.0
    assert retry_after_s({"retry-after": "0.5"}) == 0.5
    assert retry_after_s({"x-amz-retry-after": "1500"}) == 1.5
    in_a_minute = retry_after_s({"retry-after": formatdate(time.time() + 60, usegmt=True)})
    assert in_a_minute is not None
    assert 55 < in_a_minute <= 60
    assert retry_after_s({"retry-after": "soon"}) is None
    assert retry_after_s({}) is None


@pytest.mark.parametrize(
    "said", ["-5", "nan", "inf", "1e9", "٣", "²", "7,5", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 99 Foo 0001", " "]
)
def test_an_odd_retry_after_says_nothing(said: str) -> None:
    assert retry_after_s({"retry-after": said}) is None
    assert retry_after_s({"x-amz-retry-after": said}) is None


@pytest.mark.parametrize("said", ["86400", "9" * 5000, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nobody_waits_for_longer_than_five_minutes(said: str) -> None:
    assert retry_after_s({"retry-after": said}) == 300.0
    assert retry_after_s({"x-amz-retry-after": "9" * 400}) == 300.0


@given(st.text())
def test_whatever_retry_after_says_the_wait_has_bounds(said: str) -> None:
    for name in ("retry-after", "x-amz-retry-after"):
        wait_s = retry_after_s({name: said})
        assert wait_s is None or 0 <= wait_s <= 300


def test_a_message_never_carries_what_signs_a_request() -> None:
    said = shown_words(
        "bad Authorization: AWS4-HMAC-SHA256 Credential=AKIDX/2026/us/s3/aws4_request, Signature=deadbeef "
        "X-Amz-Security-Token=FwoGZXIvYXdzE&X-Amz-Signature=cafe <SecretAccessKey>: hunter2"
    )
    assert not any(secret in said for secret in ("AKIDX", "deadbeef", "FwoGZXIvYXdzE", "cafe", "hunter2"))


def test_no_word_of_an_answer_carries_what_is_known_to_be_secret() -> None:
    key = CustomerKey(b"a key that a store says again...")
    said = key.in_base64
    headers = {"x-amz-request-id": said, "x-amz-bucket-region": said.rstrip("=")}
    failure = failure_of(operation="HeadObject", status=400, code=said, message=said, headers=headers, region=said)
    assert said.rstrip("=") not in repr(failure)
    sent = not_what_was_asked(GetObject("b", "k"), status=200, headers={"content-range": said, "content-length": "1"})
    assert said.rstrip("=") not in repr(sent)


def test_a_header_that_is_told_is_cut() -> None:
    sent = not_what_was_asked(GetObject("b", "k"), status=200, headers={"content-range": "x" * 60_000})
    assert len(sent.message) < 1_000


def test_a_message_is_cut() -> None:
    assert len(shown_words("x" * 10_000)) == 500


def test_the_words_of_the_store_are_kept() -> None:
    words = "The AWS Access Key Id you provided does not exist in our records."
    assert shown_words(words) == words


@pytest.mark.parametrize(
    ("message", "region"),
    [
        ("The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'", "eu-west-1"),
        (
            "unexpected scope: 20261126/x/s3/aws4_request, expected: 20261126/garage/s3/aws4_request",
            "garage",
        ),
        ("The authorization header is malformed.", None),
    ],
)
def test_a_region_that_is_named_in_words_only_is_read(message: str, region: str | None) -> None:
    failure = failure_of(operation="ListObjectsV2", status=400, code="AuthorizationHeaderMalformed", message=message)
    assert (failure.kind, failure.region) == (FailureKind.WRONG_REGION, region)
