"""Requests are signed as botocore signs them, which real stores verify."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.bodies import Digests
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import CopyObject, DeleteObjects, HeadObject, ListObjects, PutObject, Request
from s3plan.schemas.requests.uploads import UploadPart, UploadPartCopy
from s3plan.storage.s3.wire.failures import RequestUnsendable
from s3plan.storage.s3.wire.requests import form_of
from s3plan.storage.s3.wire.sigv4 import Signer, header_lines

HOST = "store.example:9000"


def message(request: Request, credentials: ReadOnlyCredentials | None) -> tuple[str, str, dict[str, str], bytes]:
    form = form_of(request, requester_pays=False)
    assert form is not None
    assert form.body is None or isinstance(form.body, bytes)
    signer = Signer(region="eu-west-1", credentials=None if credentials is None else lambda: credentials)
    target = "/bucket" + form.path
    head, _, body = signer.message(form.method, target, [("host", HOST), *form.headers], form.body).partition(
        b"\r\n\r\n"
    )
    first, *lines = head.decode().split("\r\n")
    method, said_target, _ = first.split(" ")
    return method, said_target, dict(line.split(":", 1) for line in lines), body


def botocore_signature(
    method: str, target: str, headers: dict[str, str], body: bytes, used: ReadOnlyCredentials
) -> str:
    """Sign the same headers at the same second with botocore."""
    signed = {name: value for name, value in headers.items() if name not in {"authorization", "x-amz-date"}}
    request = AWSRequest(method=method, url=f"https://{HOST}{target}", data=body, headers=signed)
    auth = S3SigV4Auth(used, "s3", "eu-west-1")
    request.context["timestamp"] = headers["x-amz-date"]
    request.headers["X-Amz-Date"] = headers["x-amz-date"]
    canonical = auth.canonical_request(request)
    return str(auth.signature(auth.string_to_sign(request, canonical), request))


def signature_of(headers: dict[str, str]) -> str:
    found = re.search(r"Signature=([0-9a-f]{64})$", headers["authorization"])
    assert found is not None
    return found[1]


REQUESTS: list[Request] = [
    CopyObject(
        "bucket", "a b/\u00e9?+%", "other", "from ~", source_if_match="e", if_absent=True, storage_class="GLACIER"
    ),
    UploadPartCopy("bucket", "key", "id/+=", 3, "other", "from", 0, 9, source_version="v 1"),
    ListObjects("bucket", prefix="a/ b", start_after="a/ b*", delimiter="/"),
    HeadObject("bucket", "key", version="a=b&c"),
    PutObject("bucket", "key", b"body", if_match="e"),
    PutObject(
        "bucket",
        "key",
        b"body",
        digests=Digests("crc==", "md5=="),
        attributes=ObjectAttributes({"Team": " two  words "}, {"ContentType": "a; b=c"}, {"a b": "c=&d"}),
    ),
    UploadPart("bucket", "key", "id/+=", 3, b"part"),
    DeleteObjects("bucket", [("a", None), ("b", "e")], owner="123456789012"),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
@pytest.mark.parametrize("token", [None, "token/with+signs=="])
def test_the_signature_is_botocores(request_: Request, token: str | None) -> None:
    used = ReadOnlyCredentials("AKID", "secret/+", token)
    method, target, headers, body = message(request_, used)
    assert signature_of(headers) == botocore_signature(method, target, headers, body, used)
    assert headers.get("x-amz-security-token") == token
    assert headers["x-amz-content-sha256"] == sha256(body).hexdigest()


@given(st.text(min_size=1, max_size=20).filter(lambda key: key.isprintable()))
def test_the_signature_of_any_key_is_botocores(key: str) -> None:
    used = ReadOnlyCredentials("AKID", "secret", None)
    method, target, headers, body = message(HeadObject("bucket", key), used)
    assert signature_of(headers) == botocore_signature(method, target, headers, body, used)


def test_a_request_without_credentials_is_not_signed() -> None:
    _, _, headers, _ = message(HeadObject("bucket", "key"), None)
    assert not [name for name in headers if name in {"authorization", "x-amz-date", "x-amz-content-sha256"}]


def test_other_credentials_are_taken_at_the_next_request() -> None:
    held = [ReadOnlyCredentials("ONE", "secret", None)]
    signer = Signer(region="eu-west-1", credentials=lambda: held[0])
    first = signer.message("GET", "/b", [("host", HOST)], None)
    held[0] = ReadOnlyCredentials("TWO", "other", "t")
    second = signer.message("GET", "/b", [("host", HOST)], None)
    assert (b"Credential=ONE/" in first, b"Credential=TWO/" in second, b"x-amz-security-token:t" in second) == (
        True,
        True,
        True,
    )


def test_the_day_changes_with_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()]
    monkeypatch.setattr("s3plan.storage.s3.wire.sigv4.time", lambda: now_s[0])
    signer = Signer(region="eu-west-1", credentials=lambda: ReadOnlyCredentials("AKID", "secret", None))
    assert b"AKID/20261231/eu-west-1" in signer.message("GET", "/b", [("host", HOST)], None)
    now_s[0] += 1
    assert b"AKID/20270101/eu-west-1" in signer.message("GET", "/b", [("host", HOST)], None)


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\rb", "\u00e9"])
def test_a_value_that_would_become_a_header_of_its_own_is_refused(value: str) -> None:
    signer = Signer(region="eu-west-1", credentials=None)
    with pytest.raises(RequestUnsendable):
        signer.message("GET", "/b", [("host", HOST), ("x-amz-storage-class", value)], None)


@pytest.mark.parametrize("value", ["a\nb: c", "a\r\nb: c", "a\rb: c", "\n"])
def test_a_value_that_would_make_a_header_of_its_own_is_not_sent(value: str) -> None:
    with pytest.raises(RequestUnsendable, match="one line"):
        header_lines([("a", "b"), ("c", value)])


@pytest.mark.parametrize("value", ["a\x00", "a  b\x1fc", "\x1b[2J", "a\x0bb", "a\x7f"])
def test_a_value_that_stores_read_in_several_ways_is_not_signed(value: str) -> None:
    with pytest.raises(RequestUnsendable, match="no control characters"):
        header_lines([("a", "b"), ("x-amz-meta-c", value)])
    assert header_lines([("x-amz-meta-c", "a\tb")]) == "x-amz-meta-c:a\tb"


def test_no_headers_are_no_lines() -> None:
    assert header_lines([]) == ""
