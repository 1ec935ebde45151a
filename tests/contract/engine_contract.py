"""What every engine does, whatever is behind it. A subclass gives the fixture `world`."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue
from typing import Protocol, TypeVar

import pytest
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.attributes import Encryption, ObjectAttributes
from s3plan.schemas.requests.objects import (
    Acknowledged,
    BucketFound,
    CopyObject,
    CreateBucket,
    DeleteObject,
    DeleteObjects,
    GetObject,
    GetObjectTags,
    HeadBucket,
    HeadObject,
    KeysDeleted,
    ListObjects,
    ObjectFound,
    ObjectRead,
    ObjectsPage,
    ObjectWritten,
    PutObject,
    Reply,
    Request,
    TagsFound,
    UnparsedPage,
)
from s3plan.schemas.requests.uploads import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListMultipartUploads,
    ListParts,
    PartsPage,
    UploadOpened,
    UploadPartCopy,
    UploadsPage,
)
from s3plan.storage.s3.wire.listing_page import parse_page

BUCKET = "bucket"
OTHER = "other-bucket"
OWNER = "123456789012"
WRONG = "0" * 32
XML_SAFE_KEYS = (
    "plain",
    "a//b",
    "/leading",
    "trailing/",
    "a/../b",
    "..",
    "./dot",
    "soap",
    " space ",
    "plus+plus",
    "percent%25%2Fx",
    "question?versionId=null&x",
    "amp&<>\"'",
    "tab\tkey",
    "line\nkey",
    "return\rkey",
    "crlf\r\nkey",
    "del\x7fkey",
    "\u00e9",
    "e\u0301",
    "\uff5e",
    "\U00010000",
    "\U0001f9ea/\u202edir",
    "*~()'!",
    "k" * 1024,
)
XML_UNSAFE_KEYS = ("\x01", "esc\x1bape", "\uffff", "\ufffe")
Replied = TypeVar("Replied")


class World(Protocol):
    """An engine and the store behind it, both buckets empty; parts may be of any size."""

    @property
    def engine(self) -> Engine: ...

    def plant(
        self,
        key: str,
        body: bytes = b"",
        *,
        bucket: str = BUCKET,
        metadata: Mapping[str, str] | None = None,
        content_type: str = "binary/octet-stream",
        tags: Mapping[str, str] | None = None,
        storage_class: str = "STANDARD",
    ) -> str:
        """Store an object by other means than the engine; return its ETag."""

    def read(self, key: str, *, bucket: str = BUCKET) -> bytes | None:
        """Return what is stored, by other means than the engine."""

    def upload_ids(self) -> list[str]:
        """The open uploads of BUCKET."""


def expect(kind: type[Replied], reply: Reply) -> Replied:
    assert isinstance(reply, kind), reply
    return reply


def kind_of(reply: Reply) -> FailureKind:
    return expect(Failure, reply).kind


class EngineContract:
    def test_a_bucket_is_found_and_a_missing_one_is_no_such_bucket(self, world: World) -> None:
        assert expect(BucketFound, world.engine.call(HeadBucket(BUCKET))).region == "us-east-1"
        assert kind_of(world.engine.call(HeadBucket("missing"))) is FailureKind.NO_SUCH_BUCKET
        assert kind_of(world.engine.call(ListObjects("missing"))) is FailureKind.NO_SUCH_BUCKET

    def test_a_bucket_is_created_in_its_region(self, world: World) -> None:
        expect(Acknowledged, world.engine.call(CreateBucket("new-bucket", region="eu-central-1")))
        assert expect(BucketFound, world.engine.call(HeadBucket("new-bucket"))).region == "eu-central-1"

    def test_creating_a_bucket_again_says_whose_it_is_and_is_not_retried(self, world: World) -> None:
        world.engine.call(CreateBucket("new-bucket", region="eu-central-1"))
        failure = expect(Failure, world.engine.call(CreateBucket("new-bucket", region="eu-central-1")))
        assert failure.code == "BucketAlreadyOwnedByYou"
        assert not failure.kind.is_retryable

    def test_a_row_has_key_size_etag_time_and_class(self, world: World) -> None:
        etag = world.plant("a b+c", b"12345", storage_class="STANDARD_IA")
        (row,) = expect(ObjectsPage, world.engine.call(ListObjects(BUCKET))).rows
        assert (row.key, row.size_bytes, row.etag, row.storage_class) == (b"a b+c", 5, etag, "STANDARD_IA")
        assert abs(row.mtime_ms - time.time() * 1000) < 60_000

    def test_odd_keys_are_listed_exactly_and_in_the_order_of_their_bytes(self, world: World) -> None:
        keys = [*XML_SAFE_KEYS, *XML_UNSAFE_KEYS]
        for key in keys:
            world.plant(key)
        page = expect(ObjectsPage, world.engine.call(ListObjects(BUCKET)))
        assert [row.key for row in page.rows] == sorted(key.encode() for key in keys)

    def test_pages_follow_one_another_by_their_tokens(self, world: World) -> None:
        for number in range(5):
            world.plant(f"{number} +%")
        keys: list[bytes] = []
        token: str | None = None
        while True:
            page = expect(ObjectsPage, world.engine.call(ListObjects(BUCKET, max_keys=2, token=token)))
            keys += [row.key for row in page.rows]
            if not page.truncated:
                break
            token = page.next_token
        assert keys == [f"{number} +%".encode() for number in range(5)]

    def test_prefix_start_after_and_delimiter_narrow_a_listing(self, world: World) -> None:
        for key in ("a", "p/a b/1", "p/a b/2", "p/b", "p/c", "q"):
            world.plant(key)
        page = expect(ObjectsPage, world.engine.call(ListObjects(BUCKET, prefix="p/", delimiter="/")))
        assert ([row.key for row in page.rows], list(page.prefixes)) == ([b"p/b", b"p/c"], [b"p/a b/"])
        page = expect(ObjectsPage, world.engine.call(ListObjects(BUCKET, prefix="p/", start_after="p/b")))
        assert [row.key for row in page.rows] == [b"p/c"]

    def test_a_page_may_be_asked_for_as_it_comes(self, world: World) -> None:
        world.plant("a b")
        reply = world.engine.call(ListObjects(BUCKET, unparsed=True))
        page = parse_page(reply.body) if isinstance(reply, UnparsedPage) else expect(ObjectsPage, reply)
        assert [row.key for row in page.rows] == [b"a b"]

    def test_an_empty_bucket_gives_an_empty_page(self, world: World) -> None:
        page = expect(ObjectsPage, world.engine.call(ListObjects(BUCKET)))
        assert (list(page.rows), page.truncated, page.next_token) == ([], False, None)

    def test_head_tells_everything_that_a_multipart_copy_must_set_again(self, world: World) -> None:
        etag = world.plant(
            "key", b"body", metadata={"name": "value"}, content_type="text/x", tags={"t": "v"}, storage_class="GLACIER"
        )
        found = expect(ObjectFound, world.engine.call(HeadObject(BUCKET, "key")))
        assert (found.etag, found.size_bytes, found.storage_class, found.tag_count) == (etag, 4, "GLACIER", 1)
        assert (dict(found.attributes.metadata), found.attributes.headers["ContentType"]) == (
            {"name": "value"},
            "text/x",
        )
        assert (found.encryption, found.version) == ("AES256", None)

    def test_head_of_a_missing_key_is_not_found(self, world: World) -> None:
        assert kind_of(world.engine.call(HeadObject(BUCKET, "missing"))) is FailureKind.NOT_FOUND

    def test_an_object_is_read_whole_or_in_part_if_it_is_as_pinned(self, world: World) -> None:
        etag = world.plant("a b", b"0123456789")
        read = expect(ObjectRead, world.engine.call(GetObject(BUCKET, "a b")))
        assert (read.etag, read.body) == (etag, b"0123456789")
        part = GetObject(BUCKET, "a b", if_match=etag, first_byte=2, last_byte=4)
        assert expect(ObjectRead, world.engine.call(part)).body == b"234"
        assert kind_of(world.engine.call(replace(part, if_match=WRONG))) is FailureKind.PRECONDITION
        assert kind_of(world.engine.call(GetObject(BUCKET, "missing"))) is FailureKind.NOT_FOUND

    def test_an_object_that_looks_like_an_error_is_read_as_it_is(self, world: World) -> None:
        body = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"
        etag = world.plant("key", body)
        read = expect(ObjectRead, world.engine.call(GetObject(BUCKET, "key")))
        assert (read.etag, read.body) == (etag, body)

    def test_tags_are_read(self, world: World) -> None:
        world.plant("key", tags={"a b": "c=d&e", "\u00e9": ""})
        assert dict(expect(TagsFound, world.engine.call(GetObjectTags(BUCKET, "key"))).tags) == {
            "a b": "c=d&e",
            "\u00e9": "",
        }

    def test_a_put_keeps_its_conditions(self, world: World) -> None:
        written = expect(ObjectWritten, world.engine.call(PutObject(BUCKET, "key", b"one", if_absent=True)))
        assert kind_of(world.engine.call(PutObject(BUCKET, "key", b"x", if_absent=True))) is FailureKind.PRECONDITION
        assert kind_of(world.engine.call(PutObject(BUCKET, "key", b"x", if_match=WRONG))) is FailureKind.PRECONDITION
        assert world.read("key") == b"one"
        expect(ObjectWritten, world.engine.call(PutObject(BUCKET, "key", b"two", if_match=written.etag)))
        assert world.read("key") == b"two"

    def test_a_copy_happens_only_if_the_source_is_as_pinned(self, world: World) -> None:
        etag = world.plant("from", b"body", bucket=OTHER)
        request = CopyObject(BUCKET, "to", OTHER, "from", source_if_match=WRONG, if_absent=True)
        assert kind_of(world.engine.call(request)) is FailureKind.PRECONDITION
        assert world.read("to") is None
        written = expect(ObjectWritten, world.engine.call(replace(request, source_if_match=etag)))
        assert (written.etag, world.read("to")) == (etag, b"body")

    def test_a_copy_expecting_nothing_never_overwrites(self, world: World) -> None:
        world.plant("from", b"new")
        world.plant("to", b"old")
        reply = world.engine.call(CopyObject(BUCKET, "to", BUCKET, "from", if_absent=True))
        assert kind_of(reply) is FailureKind.PRECONDITION
        assert world.read("to") == b"old"

    def test_a_copy_over_an_object_happens_only_if_that_is_as_pinned(self, world: World) -> None:
        world.plant("from", b"new")
        etag = world.plant("to", b"old")
        request = CopyObject(BUCKET, "to", BUCKET, "from", if_match=WRONG)
        assert kind_of(world.engine.call(request)) is FailureKind.PRECONDITION
        assert world.read("to") == b"old"
        expect(ObjectWritten, world.engine.call(replace(request, if_match=etag)))
        assert world.read("to") == b"new"

    def test_a_copy_over_an_object_that_is_gone_is_not_found(self, world: World) -> None:
        etag = world.plant("from", b"new")
        reply = world.engine.call(CopyObject(BUCKET, "to", BUCKET, "from", if_match=etag))
        assert kind_of(reply) is FailureKind.NOT_FOUND

    def test_a_copy_keeps_metadata_headers_and_tags_and_takes_class_and_encryption(self, world: World) -> None:
        world.plant("from", b"body", metadata={"name": "value"}, content_type="text/x", tags={"t": "v"})
        request = CopyObject(
            BUCKET, "to", BUCKET, "from", storage_class="STANDARD_IA", encryption=Encryption("aws:kms", "key-1", True)
        )
        expect(ObjectWritten, world.engine.call(request))
        found = expect(ObjectFound, world.engine.call(HeadObject(BUCKET, "to")))
        assert (dict(found.attributes.metadata), found.attributes.headers["ContentType"]) == (
            {"name": "value"},
            "text/x",
        )
        assert (found.tag_count, found.storage_class, found.encryption) == (1, "STANDARD_IA", "aws:kms")

    def test_a_copy_has_other_metadata_and_headers_instead_of_its_sources(self, world: World) -> None:
        world.plant("from", b"body", metadata={"name": "value"}, content_type="text/x")
        given = ObjectAttributes({"other": "1"}, {"ContentType": "text/y", "CacheControl": "no-store"}, {"not": "sent"})
        expect(ObjectWritten, world.engine.call(CopyObject(BUCKET, "to", BUCKET, "from", attributes=given)))
        found = expect(ObjectFound, world.engine.call(HeadObject(BUCKET, "to")))
        assert dict(found.attributes.metadata) == {"other": "1"}
        assert {**given.headers} == {name: found.attributes.headers[name] for name in given.headers}

    def test_a_copy_has_other_tags_or_none_apart_from_metadata_and_headers(self, world: World) -> None:
        world.plant("from", b"body", metadata={"name": "value"}, content_type="text/x", tags={"t": "v"})
        expect(ObjectWritten, world.engine.call(CopyObject(BUCKET, "a", BUCKET, "from", attributes=ObjectAttributes())))
        assert dict(expect(TagsFound, world.engine.call(GetObjectTags(BUCKET, "a"))).tags) == {"t": "v"}
        for key, tags in {"other": {"a &": "b=1", "\u00e9": ""}, "none": {}}.items():
            expect(ObjectWritten, world.engine.call(CopyObject(BUCKET, key, BUCKET, "from", tags=tags)))
            assert dict(expect(TagsFound, world.engine.call(GetObjectTags(BUCKET, key))).tags) == tags
            kept = expect(ObjectFound, world.engine.call(HeadObject(BUCKET, key))).attributes
            assert (dict(kept.metadata), kept.headers["ContentType"]) == ({"name": "value"}, "text/x")

    def test_copies_of_a_missing_source_or_bucket_say_so(self, world: World) -> None:
        assert kind_of(world.engine.call(CopyObject(BUCKET, "to", OTHER, "from"))) is FailureKind.NOT_FOUND
        reply = world.engine.call(CopyObject(BUCKET, "to", "missing", "from"))
        assert kind_of(reply) is FailureKind.NO_SUCH_BUCKET

    def test_an_archived_source_is_told_apart(self, world: World) -> None:
        world.plant("from", b"body", storage_class="GLACIER")
        assert kind_of(world.engine.call(CopyObject(BUCKET, "to", BUCKET, "from"))) is FailureKind.ARCHIVED

    @pytest.mark.sampled(20)
    @pytest.mark.parametrize("key", [*XML_SAFE_KEYS, *XML_UNSAFE_KEYS])
    def test_odd_keys_are_copied_looked_at_and_deleted_exactly(self, world: World, key: str) -> None:
        etag = world.plant(key, b"body", bucket=OTHER)
        expect(ObjectWritten, world.engine.call(CopyObject(BUCKET, key, OTHER, key, source_if_match=etag)))
        assert world.read(key) == b"body"
        assert expect(ObjectFound, world.engine.call(HeadObject(BUCKET, key))).etag == etag
        expect(Acknowledged, world.engine.call(DeleteObject(BUCKET, key, if_match=etag)))
        assert world.read(key) is None

    def test_keys_that_cannot_be_are_refused_without_harm(self, world: World) -> None:
        for key in ("", "k" * 1025, "\ud800"):
            assert kind_of(world.engine.call(PutObject(BUCKET, key, b""))) is FailureKind.INVALID
        assert expect(BucketFound, world.engine.call(HeadBucket(BUCKET)))

    def test_a_delete_happens_only_if_the_object_is_as_pinned(self, world: World) -> None:
        etag = world.plant("key", b"body")
        assert kind_of(world.engine.call(DeleteObject(BUCKET, "key", if_match=WRONG))) is FailureKind.PRECONDITION
        assert world.read("key") == b"body"
        expect(Acknowledged, world.engine.call(DeleteObject(BUCKET, "key", if_match=etag)))
        assert world.read("key") is None

    def test_deleting_a_missing_key_is_acknowledged(self, world: World) -> None:
        expect(Acknowledged, world.engine.call(DeleteObject(BUCKET, "missing")))
        expect(Acknowledged, world.engine.call(DeleteObject(BUCKET, "missing", if_match=WRONG)))

    def test_a_batch_delete_has_a_verdict_for_each_key(self, world: World) -> None:
        right, wrong = world.plant("right", b"1"), world.plant("wrong", b"2")
        world.plant("unpinned", b"3")
        keys = [("right", right), ("wrong", wrong[::-1]), ("unpinned", None), ("missing", right)]
        reply = expect(KeysDeleted, world.engine.call(DeleteObjects(BUCKET, keys)))
        assert reply.deleted == {"right", "unpinned", "missing"}
        assert {key: failure.kind for key, failure in reply.failures.items()} == {"wrong": FailureKind.PRECONDITION}
        assert [world.read(key) for key in ("right", "wrong", "unpinned")] == [None, b"2", None]

    def test_a_batch_delete_takes_every_key_that_xml_can_carry(self, world: World) -> None:
        keys = [(key, world.plant(key, key.encode())) for key in XML_SAFE_KEYS]
        reply = expect(KeysDeleted, world.engine.call(DeleteObjects(BUCKET, keys)))
        assert reply.deleted == set(XML_SAFE_KEYS)
        assert [key for key in XML_SAFE_KEYS if world.read(key) is not None] == []

    def test_a_batch_delete_of_too_many_keys_is_malformed(self, world: World) -> None:
        keys = [(f"{number}", None) for number in range(1001)]
        assert kind_of(world.engine.call(DeleteObjects(BUCKET, keys))) is FailureKind.MALFORMED_XML

    def test_a_multipart_copy_makes_the_same_bytes_with_the_attributes_given(self, world: World) -> None:
        etag = world.plant("from", b"0123456789", bucket=OTHER)
        attributes = ObjectAttributes(
            {"name": "value"},
            {"ContentType": "text/x", "CacheControl": "no-store", "Expires": "whenever"},
            {"t &": "v=1"},
        )
        upload_id = open_upload(world, "to", attributes)
        parts = [
            copy_part(world, upload_id, 1, span=(0, 3), pin=etag),
            copy_part(world, upload_id, 2, span=(4, 9), pin=etag),
        ]
        written = expect(
            ObjectWritten, world.engine.call(CompleteMultipartUpload(BUCKET, "to", upload_id, parts, if_absent=True))
        )
        assert written.etag is not None
        assert written.etag.endswith("-2")
        assert world.read("to") == b"0123456789"
        found = expect(ObjectFound, world.engine.call(HeadObject(BUCKET, "to")))
        assert dict(found.attributes.metadata) == {"name": "value"}
        assert {**attributes.headers} == {name: found.attributes.headers[name] for name in attributes.headers}
        assert dict(expect(TagsFound, world.engine.call(GetObjectTags(BUCKET, "to"))).tags) == {"t &": "v=1"}
        assert world.upload_ids() == []

    def test_a_part_of_a_changed_source_is_refused(self, world: World) -> None:
        world.plant("from", b"body", bucket=OTHER)
        upload_id = open_upload(world, "to")
        request = UploadPartCopy(BUCKET, "to", upload_id, 1, OTHER, "from", None, None, source_if_match=WRONG)
        assert kind_of(world.engine.call(request)) is FailureKind.PRECONDITION
        expect(ObjectWritten, world.engine.call(replace(request, source_if_match=None)))

    def test_a_complete_keeps_its_conditions_and_the_upload_stays_open(self, world: World) -> None:
        world.plant("from", b"new", bucket=OTHER)
        etag = world.plant("to", b"old")
        upload_id = open_upload(world, "to")
        parts = [copy_part(world, upload_id, 1)]
        request = CompleteMultipartUpload(BUCKET, "to", upload_id, parts)
        assert kind_of(world.engine.call(replace(request, if_absent=True))) is FailureKind.PRECONDITION
        assert kind_of(world.engine.call(replace(request, if_match=WRONG))) is FailureKind.PRECONDITION
        assert world.read("to") == b"old"
        expect(ObjectWritten, world.engine.call(replace(request, if_match=etag)))
        assert world.read("to") == b"new"

    def test_a_complete_with_a_part_that_is_not_there_is_an_invalid_part(self, world: World) -> None:
        world.plant("from", b"body", bucket=OTHER)
        upload_id = open_upload(world, "to")
        copy_part(world, upload_id, 1)
        request = CompleteMultipartUpload(BUCKET, "to", upload_id, [(1, WRONG)])
        assert kind_of(world.engine.call(request)) is FailureKind.INVALID_PART

    def test_an_upload_that_is_gone_is_no_such_upload(self, world: World) -> None:
        world.plant("from", b"body", bucket=OTHER)
        upload_id = open_upload(world, "to")
        expect(Acknowledged, world.engine.call(AbortMultipartUpload(BUCKET, "to", upload_id)))
        gone: list[Request] = [
            AbortMultipartUpload(BUCKET, "to", upload_id),
            ListParts(BUCKET, "to", upload_id),
            UploadPartCopy(BUCKET, "to", upload_id, 1, OTHER, "from", None, None),
            CompleteMultipartUpload(BUCKET, "to", upload_id, [(1, WRONG)]),
        ]
        assert {kind_of(world.engine.call(request)) for request in gone} == {FailureKind.NO_SUCH_UPLOAD}

    def test_stored_parts_are_listed(self, world: World) -> None:
        world.plant("from", b"0123456789", bucket=OTHER)
        upload_id = open_upload(world, "to")
        assert expect(PartsPage, world.engine.call(ListParts(BUCKET, "to", upload_id))).parts == ()
        second = copy_part(world, upload_id, 2, span=(4, 9))
        first = copy_part(world, upload_id, 1, span=(0, 3))
        page = expect(PartsPage, world.engine.call(ListParts(BUCKET, "to", upload_id)))
        assert (tuple(page.parts), page.next_marker) == (((*first, 4), (*second, 6)), None)
        page = expect(PartsPage, world.engine.call(ListParts(BUCKET, "to", upload_id, marker=1)))
        assert tuple(page.parts) == ((*second, 6),)

    def test_open_uploads_are_found_by_prefix_with_their_odd_keys(self, world: World) -> None:
        upload_id = open_upload(world, "p/a b+%\n")
        open_upload(world, "q")
        page = expect(UploadsPage, world.engine.call(ListMultipartUploads(BUCKET, "p/")))
        ((key, found_id, initiated_ms),) = page.uploads
        assert (key, found_id) == ("p/a b+%\n", upload_id)
        assert abs(initiated_ms - time.time() * 1000) < 60_000

    def test_another_owner_is_denied_on_every_request(self, world: World) -> None:
        world.plant("key", b"body")
        requests: list[Request] = [
            HeadBucket(BUCKET, owner="000000000000"),
            ListObjects(BUCKET, owner="000000000000"),
            HeadObject(BUCKET, "key", owner="000000000000"),
            PutObject(BUCKET, "key", b"", owner="000000000000"),
            CopyObject(BUCKET, "to", BUCKET, "key", owner="000000000000"),
            CopyObject(BUCKET, "to", BUCKET, "key", source_owner="000000000000"),
            DeleteObject(BUCKET, "key", owner="000000000000"),
            DeleteObjects(BUCKET, [("key", None)], owner="000000000000"),
            CreateMultipartUpload(BUCKET, "key", ObjectAttributes(), owner="000000000000"),
        ]
        assert {kind_of(world.engine.call(request)) for request in requests} == {FailureKind.DENIED}
        assert world.read("key") == b"body"
        expect(ObjectsPage, world.engine.call(ListObjects(BUCKET, owner=OWNER)))

    def test_of_copies_racing_for_one_key_exactly_one_wins(self, world: World) -> None:
        world.plant("from", b"body", bucket=OTHER)
        replies: SimpleQueue[Reply] = SimpleQueue()
        for _ in range(8):
            world.engine.submit(CopyObject(BUCKET, "to", OTHER, "from", if_absent=True), replies.put)
        came = [replies.get(timeout=30) for _ in range(8)]
        losers = [reply for reply in came if isinstance(reply, Failure)]
        assert len(losers) == 7
        assert {failure.kind for failure in losers} <= {FailureKind.PRECONDITION, FailureKind.CONFLICT}

    def test_requests_from_several_threads_are_each_answered_once(self, world: World) -> None:
        replies: SimpleQueue[tuple[str, Reply]] = SimpleQueue()

        def submit(thread: int) -> None:
            for number in range(20):
                submit_one(world.engine, f"{thread}/{number}", replies)

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(submit, range(4)))
        came = [replies.get(timeout=30) for _ in range(80)]
        assert {key for key, _ in came} == {f"{thread}/{number}" for thread in range(4) for number in range(20)}
        assert all(isinstance(reply, ObjectWritten) for _, reply in came)
        assert replies.empty()
        assert world.read("3/19") == b"3/19"

    def test_the_clock_of_the_store_is_learnt_from_replies(self, world: World) -> None:
        world.engine.call(HeadBucket(BUCKET))
        assert abs(world.engine.clock_offset_ms) < 5000

    def test_requests_under_way_when_it_is_closed_are_still_answered(self, world: World) -> None:
        answered = threading.Semaphore(0)
        for number in range(10):
            world.engine.submit(PutObject(BUCKET, f"{number}", b""), lambda _: answered.release())
        world.engine.close()
        assert all(answered.acquire(timeout=30) for _ in range(10))


def submit_one(engine: Engine, key: str, replies: SimpleQueue[tuple[str, Reply]]) -> None:
    engine.submit(PutObject(BUCKET, key, key.encode()), lambda reply: replies.put((key, reply)))


def open_upload(world: World, key: str, attributes: ObjectAttributes | None = None) -> str:
    request = CreateMultipartUpload(BUCKET, key, attributes or ObjectAttributes())
    return expect(UploadOpened, world.engine.call(request)).upload_id


def copy_part(
    world: World,
    upload_id: str,
    number: int,
    *,
    span: tuple[int | None, int | None] = (None, None),
    pin: str | None = None,
) -> tuple[int, str]:
    request = UploadPartCopy(BUCKET, "to", upload_id, number, OTHER, "from", *span, source_if_match=pin)
    etag = expect(ObjectWritten, world.engine.call(request)).etag
    assert etag is not None
    return number, etag
