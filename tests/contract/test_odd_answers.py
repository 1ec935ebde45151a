"""Answers that are right but odd: white space or a byte order mark before the XML, elements that are missing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fakes.quirky_engines import engine, name, opened, store
from fakes.quirky_store import Asked, QuirkyStore, Said
from fakes.s3fixtures import s3_server, server
from fakes.s3server import ServerProcess
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests import objects as r
from s3plan.schemas.requests import uploads as u
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.storage.listing.page_checks import listed_page
from s3plan.storage.s3.crt.engine import CrtEngine

__all__ = ["engine", "name", "opened", "s3_server", "server", "store"]

COPY = r.CopyObject("bucket", "to", "bucket", "from")
BEFORE = {
    "white space": b" \r\n\t \n" * 50,
    "a byte order mark": b"\xef\xbb\xbf",
    "both": b"\xef\xbb\xbf\n  ",
}
Reply = r.Reply


@pytest.fixture(autouse=True)
def _planted(server: ServerProcess) -> None:
    server.seed("bucket", keys=["from", "gone"], body="body", tags={"a": "b"})
    server.set_mode(min_part_size_bytes=1)


def rewritten(change: Callable[[bytes], bytes], *, status: int | None = None) -> Callable[[Asked, Said], Said]:
    """Change the body of every answer that has one."""

    def quirk(_: Asked, said: Said) -> Said:
        if not said.body:
            return said
        return Said(said.status if status is None else status, said.headers, change(said.body))

    return quirk


def all_of(engine: Engine) -> list[Reply]:
    """Ask for everything that is answered by a document, and see that none is refused."""
    upload = engine.call(u.CreateMultipartUpload("bucket", "large", ObjectAttributes()))
    assert isinstance(upload, u.UploadOpened), upload
    part = engine.call(u.UploadPartCopy("bucket", "large", upload.upload_id, 1, "bucket", "from", None, None))
    assert isinstance(part, r.ObjectWritten), part
    replies = [
        engine.call(request)
        for request in (
            u.ListParts("bucket", "large", upload.upload_id),
            u.ListMultipartUploads("bucket", "large"),
            u.CompleteMultipartUpload("bucket", "large", upload.upload_id, [(1, part.etag or "")]),
            COPY,
            r.GetObjectTags("bucket", "from"),
            r.ListObjects("bucket"),
            r.DeleteObjects("bucket", [("gone", None)]),
        )
    ]
    assert [reply for reply in replies if isinstance(reply, Failure)] == []
    return replies


@pytest.mark.parametrize("before", BEFORE)
def test_what_stands_before_a_document_changes_nothing(engine: Engine, store: QuirkyStore, before: str) -> None:
    store.quirk = rewritten(lambda body: BEFORE[before] + body)
    parts, uploads, completed, copied, tags, page, deleted = all_of(engine)
    assert isinstance(parts, u.PartsPage)
    assert isinstance(uploads, u.UploadsPage)
    assert (len(parts.parts), len(uploads.uploads)) == (1, 1)
    assert isinstance(completed, r.ObjectWritten)
    assert isinstance(copied, r.ObjectWritten)
    assert completed.etag
    assert copied.etag
    assert tags == r.TagsFound({"a": "b"})
    assert isinstance(page, r.ObjectsPage)
    assert [row.key for row in page.rows] == [b"from", b"gone", b"large", b"to"]
    assert isinstance(deleted, r.KeysDeleted)
    assert deleted.deleted == {"gone"}


@pytest.mark.parametrize("before", BEFORE)
def test_what_stands_before_a_page_keeps_it_readable(engine: Engine, store: QuirkyStore, before: str) -> None:
    store.quirk = rewritten(lambda body: BEFORE[before] + body)
    reply = engine.call(r.ListObjects("bucket", unparsed=True))
    assert isinstance(reply, r.ObjectsPage | r.UnparsedPage)
    assert list(listed_page(reply).sampled)[-1] == b"gone"


@pytest.mark.parametrize("before", ["", *BEFORE])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InternalError", FailureKind.TRANSIENT),
        ("SlowDown", FailureKind.TRANSIENT),
        ("AccessDenied", FailureKind.DENIED),
        ("PreconditionFailed", FailureKind.PRECONDITION),
    ],
)
def test_an_error_inside_a_200_is_the_same_for_every_engine(
    engine: Engine, store: QuirkyStore, before: str, code: str, kind: FailureKind
) -> None:
    upload = engine.call(u.CreateMultipartUpload("bucket", "large", ObjectAttributes()))
    assert isinstance(upload, u.UploadOpened)
    error = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>words</Message></Error>'
    store.quirk = rewritten(lambda _: BEFORE.get(before, b"") + error.encode(), status=200)
    for request in (
        COPY,
        u.UploadPartCopy("bucket", "large", upload.upload_id, 1, "bucket", "from", None, None),
        u.CompleteMultipartUpload("bucket", "large", upload.upload_id, [(1, "0" * 32)]),
    ):
        reply = engine.call(request)
        assert isinstance(reply, Failure), reply
        if isinstance(engine, CrtEngine) and code == "SlowDown":  # it does not show in which status it came
            assert reply.kind in {FailureKind.THROTTLED, FailureKind.TRANSIENT}
        else:
            assert (reply.kind, reply.code) == (kind, code)


WITHOUT = {
    "LastModified": (b"<LastModified>.*?</LastModified>", True),
    "ETag": (b"<ETag>.*?</ETag>", False),
}


@pytest.mark.parametrize("element", WITHOUT)
def test_a_copy_that_is_answered_without_one_of_its_elements_is_done(
    engine: Engine, store: QuirkyStore, element: str
) -> None:
    sought, has_etag = WITHOUT[element]
    store.quirk = rewritten(lambda body: re.sub(sought, b"", body))
    reply = engine.call(COPY)
    assert isinstance(reply, r.ObjectWritten), reply
    assert (reply.etag is not None) is has_etag
    upload = engine.call(u.CreateMultipartUpload("bucket", "large", ObjectAttributes()))
    assert isinstance(upload, u.UploadOpened)
    part = engine.call(u.UploadPartCopy("bucket", "large", upload.upload_id, 1, "bucket", "from", None, None))
    assert isinstance(part, r.ObjectWritten), part
    assert (part.etag is not None) is has_etag


def test_a_copy_that_is_answered_with_nothing_but_its_name_is_unclear(engine: Engine, store: QuirkyStore) -> None:
    store.quirk = rewritten(lambda body: re.sub(b"<(ETag|LastModified)>.*?</(ETag|LastModified)>", b"", body))
    reply = engine.call(COPY)
    assert isinstance(reply, Failure), reply
    assert reply.kind.is_unclear


@pytest.mark.parametrize("answer", ["501", "405", "200 and nothing"])
def test_a_store_without_part_copies_is_told_of_with_a_way_out(engine: Engine, store: QuirkyStore, answer: str) -> None:
    upload = engine.call(u.CreateMultipartUpload("bucket", "large", ObjectAttributes()))
    assert isinstance(upload, u.UploadOpened)
    code = {"501": "NotImplemented", "405": "MethodNotAllowed"}.get(answer)
    body = b"" if code is None else f"<Error><Code>{code}</Code><Message>words</Message></Error>".encode()
    store.quirk = lambda _, said: Said(int(answer[:3]), {"etag": '"d41d8cd98f00b204e9800998ecf8427e"'}, body)
    reply = engine.call(u.UploadPartCopy("bucket", "large", upload.upload_id, 1, "bucket", "from", None, None))
    assert isinstance(reply, Failure), reply
    assert "multipart_threshold" in str(reply)
