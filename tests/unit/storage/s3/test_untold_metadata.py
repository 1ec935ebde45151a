"""How many entries of its metadata a store cannot tell: `x-amz-missing-meta` of HEAD, as each engine reads it."""

from __future__ import annotations

from typing import Any

from s3plan.schemas.requests.objects import HeadObject, ObjectFound, Reply
from s3plan.storage.s3.botocore import replies as of_botocore
from s3plan.storage.s3.wire.replies import reply_of

REQUEST = HeadObject("bucket", "key")
HEADERS = {"etag": '"e"', "content-length": "1", "last-modified": "Tue, 01 Jan 2030 00:00:00 GMT"}
ANSWER: dict[str, Any] = {"ETag": '"e"', "ContentLength": 1, "LastModified": HEADERS["last-modified"]}


def untold(reply: Reply) -> int:
    assert isinstance(reply, ObjectFound)
    return reply.untold_metadata


def test_our_own_reading_and_botocores_agree_on_how_many_there_are() -> None:
    by_wire = [
        untold(reply_of(REQUEST, operation="HeadObject", headers={**HEADERS, **more}, body=b""))
        for more in ({}, {"x-amz-missing-meta": "3"}, {"x-amz-missing-meta": "many"})
    ]
    assert by_wire == [0, 3, 0]
    by_botocore = [
        untold(of_botocore.reply_of(REQUEST, {**ANSWER, **more}, operation="HeadObject"))
        for more in ({}, {"MissingMeta": 3})
    ]
    assert by_botocore == [0, 3]
