"""An engine without a network: the whole of S3 that s3plan needs, in memory. For tests and for trying things out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.requests import objects as r
from s3plan.schemas.requests import uploads as u
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.identity import FindAccount
from s3plan.schemas.requests.versions import ListVersions, VersionsPage
from s3plan.storage.memory.bodies import whole_body
from s3plan.storage.memory.store import (
    MemoryStore,
    Refused,
    StoredObject,
    check_acl,
    check_customer_key,
    check_key,
    check_match,
    check_write,
    encryption_type,
    entries_after,
)
from s3plan.storage.memory.uploads import (
    abort_multipart_upload,
    complete_multipart_upload,
    create_multipart_upload,
    list_multipart_uploads,
    list_parts,
    source_of,
    upload_part,
    upload_part_copy,
)
from s3plan.storage.s3.wire.failures import failure_of

_MAX_DELETED_KEYS = 1000


class MemoryEngine:
    """See ports.Engine. Every request is one step under a lock, so every condition is atomic.

    `submit` answers before it returns, on the caller's thread. Engines may share a `store`.
    """

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = MemoryStore() if store is None else store
        self._lock = threading.Lock()

    @property
    def clock_offset_ms(self) -> int:
        """Zero unless the store was given a clock of its own."""
        return self.store.now_ms() - time.time_ns() // 1_000_000

    def submit(self, request: r.Request, on_reply: Callable[[r.Reply], None]) -> None:
        """Execute, then call `on_reply`."""
        on_reply(self.call(request))

    def call(self, request: r.Request) -> r.Reply:
        """Execute; return the reply."""
        perform = _OPERATIONS[type(request)]
        try:
            with self._lock:
                return perform(self.store, request)
        except Refused as refused:
            return _failure(request, refused)

    def close(self) -> None:
        """Nothing to let go of."""


def _failure(request: r.Request, refused: Refused) -> Failure:
    name = _NAMES.get(type(request), type(request).__name__)
    bodiless = isinstance(request, r.HeadObject | r.HeadBucket)
    return failure_of(
        operation=name,
        status=refused.status,
        code="" if bodiless else refused.code,
        message="" if bodiless else refused.message,
        headers={"x-amz-request-id": "in-memory"},
    )


def _head_bucket(store: MemoryStore, request: r.HeadBucket) -> r.Reply:
    return r.BucketFound(store.bucket(request.bucket, owner=request.owner).region)


def _create_bucket(store: MemoryStore, request: r.CreateBucket) -> r.Reply:
    store.create_bucket(request.bucket, region=request.region)
    return r.Acknowledged()


def _list_objects(store: MemoryStore, request: r.ListObjects) -> r.Reply:
    bucket = store.bucket(request.bucket, owner=request.owner)
    after = request.start_after if request.token is None else request.token
    entries = entries_after(bucket, prefix=request.prefix, delimiter=request.delimiter, after=after)
    found = list(islice(entries, request.max_keys + 1))
    shown = found[: request.max_keys]
    rows, prefixes = [], []
    for entry in shown:
        rest = entry[len(request.prefix) :]
        if request.delimiter and request.delimiter in rest:
            prefixes.append(entry.encode())
            continue
        stored = bucket.objects[entry]
        rows.append(ObjectRow(entry.encode(), len(stored.body), stored.etag, stored.mtime_ms, stored.storage_class))
    truncated = len(found) > len(shown) and bool(shown)
    return r.ObjectsPage(rows, prefixes, next_token=shown[-1] if truncated else None, truncated=truncated)


def _get_bucket_encryption(store: MemoryStore, request: r.GetBucketEncryption) -> r.Reply:
    store.bucket(request.bucket, owner=request.owner)
    return r.EncryptionFound(None)


def _head_object(store: MemoryStore, request: r.HeadObject) -> r.Reply:
    check_key(request.key)
    if request.version is not None:
        raise Refused("NoSuchVersion")
    stored = store.bucket(request.bucket, owner=request.owner).stored(request.key)
    check_customer_key(stored.customer_key, request.customer_key)
    return _found(stored)


def _found(stored: StoredObject) -> r.ObjectFound:
    return r.ObjectFound(
        etag=stored.etag,
        size_bytes=len(stored.body),
        mtime_ms=stored.mtime_ms,
        storage_class=stored.storage_class,
        encryption=stored.encryption,
        checksums=stored.checksums,
        attributes=ObjectAttributes(stored.attributes.metadata, stored.attributes.headers),
        tag_count=len(stored.attributes.tags) or None,  # as AWS has it
        stated=stored.stated,
    )


def _get_object(store: MemoryStore, request: r.GetObject) -> r.Reply:
    check_key(request.key)
    if request.version is not None:
        raise Refused("NoSuchVersion")
    stored = store.bucket(request.bucket, owner=request.owner).stored(request.key)
    check_customer_key(stored.customer_key, request.customer_key)
    check_write(stored, if_absent=False, if_match=request.if_match)
    last = None if request.last_byte is None else request.last_byte + 1
    body = stored.body[request.first_byte : last]
    found = _found(stored)
    if request.into is None:
        return r.ObjectRead(stored.etag, body, found)
    if len(body) != request.into.size_bytes:
        return Failure(FailureKind.TRANSIENT, "GetObject", "NotWhatWasAsked", f"{len(body):,} bytes")
    try:
        request.into.take(memoryview(body))
    except OSError as error:
        return Failure(FailureKind.LOCAL_IO, "GetObject", "BodyNotKept", str(error))
    return r.ObjectRead(stored.etag, b"", found)


def _get_object_tags(store: MemoryStore, request: r.GetObjectTags) -> r.Reply:
    if request.version is not None:
        raise Refused("NoSuchVersion")
    return r.TagsFound(store.bucket(request.bucket, owner=request.owner).stored(request.key).attributes.tags)


def _put_object(store: MemoryStore, request: r.PutObject) -> r.Reply:
    check_key(request.key)
    check_acl(request.acl)
    bucket = store.bucket(request.bucket, owner=request.owner)
    body = whole_body(request.body, request.digests, operation="PutObject")
    if isinstance(body, Failure):
        return body
    check_write(bucket.objects.get(request.key), if_absent=request.if_absent, if_match=request.if_match)
    stored = store.new_object(
        body,
        storage_class=request.storage_class,
        attributes=request.attributes,
        encryption=encryption_type(request.encryption),
        customer_key=request.customer_key,
        checksum="CRC32" if request.digests.checksum is None else request.digests.checksum[0],
    )
    bucket.put(request.key, stored)
    return r.ObjectWritten(stored.etag, crc64nvme=request.digests.crc64nvme)


def _copy_object(store: MemoryStore, request: r.CopyObject) -> r.Reply:
    check_key(request.key)
    check_acl(request.acl)
    bucket = store.bucket(request.bucket, owner=request.owner)
    source = source_of(store, request)
    if (request.bucket, request.key) == (request.source_bucket, request.source_key) and not (
        request.storage_class or request.encryption or request.attributes or request.customer_key
    ):
        raise Refused("InvalidRequest", "This copy request is illegal because it changes nothing")
    check_write(bucket.objects.get(request.key), if_absent=request.if_absent, if_match=request.if_match)
    kept = request.attributes or source.attributes
    tags = source.attributes.tags if request.tags is None else request.tags
    stored = store.new_object(
        source.body,
        storage_class=request.storage_class,
        attributes=ObjectAttributes(kept.metadata, kept.headers, tags),
        encryption=encryption_type(request.encryption),
        customer_key=request.customer_key,
        checksum=request.checksum or "CRC32",
    )
    bucket.put(request.key, stored)
    return r.ObjectWritten(stored.etag)


def _list_versions(store: MemoryStore, request: ListVersions) -> r.Reply:
    """As of a bucket that never had versions."""
    bucket = store.bucket(request.bucket, owner=request.owner)
    return VersionsPage([(key, "null") for key in sorted(bucket.objects) if key.startswith(request.prefix)])


def _delete_object(store: MemoryStore, request: r.DeleteObject) -> r.Reply:
    check_key(request.key)
    bucket = store.bucket(request.bucket, owner=request.owner)
    current = bucket.objects.get(request.key)
    if current is not None:  # a missing key is deleted, with If-Match, too
        check_match(current, request.if_match)
    bucket.remove(request.key)
    return r.Acknowledged()


def _delete_objects(store: MemoryStore, request: r.DeleteObjects) -> r.Reply:
    bucket = store.bucket(request.bucket, owner=request.owner)
    if not 1 <= len(request.keys) <= _MAX_DELETED_KEYS:
        raise Refused("MalformedXML", "The XML you provided was not well-formed")
    deleted, failures = set(), {}
    for key, etag in request.keys:
        current = bucket.objects.get(key)
        if current is not None and etag is not None and etag != current.etag:
            failures[key] = failure_of(operation="DeleteObjects", status=None, code="PreconditionFailed")
            continue
        bucket.remove(key)
        deleted.add(key)
    return r.KeysDeleted(frozenset(deleted), failures)


def _find_account(_store: MemoryStore, _request: FindAccount) -> r.Reply:
    return Failure(FailureKind.UNSUPPORTED, "GetCallerIdentity", "NoAccount", "nobody has credentials here")


_NAMES = {r.ListObjects: "ListObjectsV2", r.GetObjectTags: "GetObjectTagging"}
_OPERATIONS: Mapping[type, Callable[[MemoryStore, Any], r.Reply]] = {
    r.HeadBucket: _head_bucket,
    r.CreateBucket: _create_bucket,
    r.ListObjects: _list_objects,
    r.HeadObject: _head_object,
    r.GetObject: _get_object,
    r.GetBucketEncryption: _get_bucket_encryption,
    r.GetObjectTags: _get_object_tags,
    r.PutObject: _put_object,
    r.CopyObject: _copy_object,
    u.CreateMultipartUpload: create_multipart_upload,
    u.UploadPart: upload_part,
    u.UploadPartCopy: upload_part_copy,
    u.CompleteMultipartUpload: complete_multipart_upload,
    u.AbortMultipartUpload: abort_multipart_upload,
    u.ListParts: list_parts,
    u.ListMultipartUploads: list_multipart_uploads,
    ListVersions: _list_versions,
    r.DeleteObject: _delete_object,
    r.DeleteObjects: _delete_objects,
    FindAccount: _find_account,
}
