"""Requests as HTTP: every header is one that S3 knows, and what needs a session of its own is left to botocore."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from botocore.session import Session
from s3plan.schemas.bodies import BodyInMemory, Digests
from s3plan.schemas.requests.attributes import Encryption, ObjectAttributes
from s3plan.schemas.requests.objects import (
    CopyObject,
    DeleteObject,
    DeleteObjects,
    GetObject,
    GetObjectTags,
    HeadObject,
    ListObjects,
    PutObject,
    Request,
)
from s3plan.schemas.requests.uploads import CompleteMultipartUpload, UploadPart, UploadPartCopy
from s3plan.storage.s3.wire.body_requests import HEADER_NAMES
from s3plan.storage.s3.wire.failures import RequestUnsendable
from s3plan.storage.s3.wire.requests import delete_document, form_of

OWNER = "123456789012"
KMS = Encryption("aws:kms", "key-1", True)
DIGESTS = Digests("crc", "md5", "0" * 64)
CARRIED = ObjectAttributes({"team": "media"}, dict.fromkeys(HEADER_NAMES, "value"), {"a b": "c&d"})
FULL: list[Request] = [
    CopyObject("b", "to", "c", "from", "e", "v", True, "f", "GLACIER", KMS, OWNER, OWNER),
    CopyObject("b", "to", "c", "from", attributes=CARRIED, tags={"a b": "c&d"}),
    UploadPartCopy("b", "to", "id", 1, "c", "from", 0, 9, "e", "v", OWNER, OWNER),
    ListObjects("b", "p/", "p/a", "token", "/", 10, OWNER),
    HeadObject("b", "k", "v", OWNER),
    GetObject("b", "k", "e", "v", 0, 9, OWNER),
    GetObjectTags("b", "k", "v", OWNER),
    PutObject("b", "k", b"body", True, "e", OWNER),
    PutObject("b", "k", BodyInMemory(b"body"), False, None, OWNER, DIGESTS, CARRIED, "GLACIER", KMS),
    UploadPart("b", "k", "id", 7, BodyInMemory(b"body"), OWNER, DIGESTS),
    DeleteObject("b", "k", "e", OWNER),
    DeleteObjects("b", [("k", "e")], OWNER),
]


@pytest.fixture(scope="module")
def model() -> Any:
    return Session().get_service_model("s3")


@pytest.mark.parametrize("request_", FULL, ids=lambda request: type(request).__name__)
def test_every_header_and_query_word_is_one_of_the_operations_in_the_s3_model(model: Any, request_: Request) -> None:
    form = form_of(request_, requester_pays=True)
    assert form is not None
    operation = model.operation_model(form.operation)
    members = operation.input_shape.members.values()
    known = {str(member.serialization.get("name", "")).lower() for member in members}
    plain = {"content-length", "content-md5", "content-type"}
    assert {"x-amz-meta-" if name.startswith("x-amz-meta-") else name for name, _ in form.headers} <= known | plain
    words = {word.partition("=")[0] for word in form.path.partition("?")[2].split("&") if word}
    fixed = {"list-type", "delete", "tagging"}
    assert words <= known | {"partNumber", "uploadId", "versionId"} | fixed
    assert form.method == operation.http["method"]


@pytest.mark.parametrize("request_", FULL, ids=lambda request: type(request).__name__)
def test_directory_buckets_are_left_to_botocore_which_keeps_their_sessions(request_: Request) -> None:
    assert form_of(replace(request_, bucket="data--use1-az4--x-s3"), requester_pays=False) is None


def test_what_is_rare_is_left_to_botocore() -> None:
    assert form_of(CompleteMultipartUpload("b", "k", "id", [(1, "e")]), requester_pays=False) is None


@pytest.mark.parametrize("key", ["", "k" * 1025, "\u00e9" * 513, "\ud800"])
def test_what_is_no_key_is_not_sent(key: str) -> None:
    with pytest.raises(RequestUnsendable):
        form_of(HeadObject("b", key), requester_pays=False)


@pytest.mark.parametrize(
    "odd", ["</Key></Object><Object><Key>x", "&quot;</ETag></Object>", "a\nb\tc\r", "<![CDATA[", "]]>"]
)
def test_a_batch_delete_names_its_keys_and_conditions_and_nothing_else(odd: str) -> None:
    root = ET.fromstring(delete_document(DeleteObjects("b", [(odd, odd), ("plain", None)])))
    said = [[(child.tag.rpartition("}")[2], child.text) for child in item] for item in root if len(item)]
    assert said == [[("Key", odd), ("ETag", f'"{odd}"')], [("Key", "plain")]]
