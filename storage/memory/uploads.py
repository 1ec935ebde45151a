"""Multipart uploads in memory, and copies of parts."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from s3plan.schemas.bodies import Digests
from s3plan.schemas.failures import Failure
from s3plan.schemas.requests import objects as r
from s3plan.schemas.requests import uploads as u
from s3plan.storage.memory.bodies import whole_body
from s3plan.storage.memory.store import (
    MemoryStore,
    Refused,
    StoredObject,
    StoredUpload,
    check_acl,
    check_customer_key,
    check_key,
    check_write,
    copied_source,
    encryption_type,
    md5_of,
    sum_of,
)

_MAX_PARTS = 10_000


def source_of(store: MemoryStore, request: r.CopyObject | u.UploadPartCopy) -> StoredObject:
    bucket = store.bucket(request.source_bucket, owner=request.source_owner)
    source = copied_source(bucket, request.source_key, if_match=request.source_if_match, version=request.source_version)
    check_customer_key(source.customer_key, request.source_customer_key)
    return source


def create_multipart_upload(store: MemoryStore, request: u.CreateMultipartUpload) -> r.Reply:
    check_key(request.key)
    check_acl(request.acl)
    bucket = store.bucket(request.bucket, owner=request.owner)
    upload_id = store.new_upload_id()
    made = store.new_object(
        b"",
        storage_class=request.storage_class,
        attributes=request.attributes,
        encryption=encryption_type(request.encryption),
        customer_key=request.customer_key,
    )
    bucket.uploads[upload_id] = StoredUpload(
        request.key,
        made.mtime_ms,
        made.attributes,
        made.storage_class,
        made.encryption,
        made.customer_key,
        request.checksum,
    )
    return u.UploadOpened(upload_id)


def upload_part_copy(store: MemoryStore, request: u.UploadPartCopy) -> r.Reply:
    upload = store.bucket(request.bucket, owner=request.owner).upload(request.key, request.upload_id)
    check_customer_key(upload.customer_key, request.customer_key)
    source = source_of(store, request)
    if not 1 <= request.number <= _MAX_PARTS:
        raise Refused("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
    body = source.body
    if request.first_byte is not None and request.last_byte is not None:
        if not 0 <= request.first_byte <= request.last_byte < len(body):
            raise Refused("InvalidArgument", f"Range specified is not valid for source object of size: {len(body)}")
        body = body[request.first_byte : request.last_byte + 1]
    etag = md5_of(body)
    upload.parts[request.number] = (etag, body)
    return r.ObjectWritten(etag, part_sum=_part_sum(upload, body))


def _part_sum(upload: StoredUpload, body: bytes) -> str | None:
    return sum_of(body, upload.checksum) if upload.checksum in u.SUMS_OF_SUMS else None


def _sum_of_parts(upload: StoredUpload, bodies: Sequence[bytes]) -> tuple[str, str] | None:
    if upload.checksum is None or upload.checksum not in u.SUMS_OF_SUMS:
        return None
    sums = b"".join(b64decode(sum_of(body, upload.checksum)) for body in bodies)
    return upload.checksum, f"{sum_of(sums, upload.checksum)}-{len(bodies)}"


def upload_part(store: MemoryStore, request: u.UploadPart) -> r.Reply:
    upload = store.bucket(request.bucket, owner=request.owner).upload(request.key, request.upload_id)
    check_customer_key(upload.customer_key, request.customer_key)
    if not 1 <= request.number <= _MAX_PARTS:
        raise Refused("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
    body = whole_body(request.body, request.digests, operation="UploadPart")
    if isinstance(body, Failure):
        return body
    etag = md5_of(body)
    upload.parts[request.number] = (etag, body)
    return r.ObjectWritten(etag, crc64nvme=request.digests.crc64nvme)


def complete_multipart_upload(store: MemoryStore, request: u.CompleteMultipartUpload) -> r.Reply:
    bucket = store.bucket(request.bucket, owner=request.owner)
    upload = bucket.upload(request.key, request.upload_id)
    if not request.parts:
        raise Refused("MalformedXML", "You must specify at least one part")
    if any(before >= after for (before, _), (after, _) in pairwise(request.parts)):
        raise Refused("InvalidPartOrder", "The list of parts was not in ascending order.")
    if any(upload.parts.get(number, ("", b""))[0] != etag for number, etag in request.parts):
        raise Refused("InvalidPart", "One or more of the specified parts could not be found.")
    bodies = [upload.parts[number][1] for number, _ in request.parts]
    for number, _ in request.parts:
        if request.part_sums.get(number) != _part_sum(upload, upload.parts[number][1]):
            raise Refused("InvalidRequest", "The complete request must include the checksum for each part.")
    if any(len(body) < store.min_part_size_bytes for body in bodies[:-1]):
        raise Refused("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
    check_write(bucket.objects.get(request.key), if_absent=request.if_absent, if_match=request.if_match)
    whole_body(b"".join(bodies), Digests(crc64nvme=request.crc64nvme), operation="CompleteMultipartUpload")
    digests = b"".join(bytes.fromhex(etag) for _, etag in request.parts)
    stored = store.new_object(
        b"".join(bodies),
        etag=f"{md5_of(digests)}-{len(bodies)}",
        storage_class=upload.storage_class,
        attributes=upload.attributes,
        encryption=upload.encryption,
        customer_key=upload.customer_key,
        checksum=None if upload.checksum in u.SUMS_OF_SUMS else upload.checksum or "CRC32",
    )
    bucket.put(request.key, replace(stored, sum_of_parts=_sum_of_parts(upload, bodies)))
    del bucket.uploads[request.upload_id]
    return r.ObjectWritten(stored.etag)


def abort_multipart_upload(store: MemoryStore, request: u.AbortMultipartUpload) -> r.Reply:
    bucket = store.bucket(request.bucket, owner=request.owner)
    bucket.upload(request.key, request.upload_id)
    del bucket.uploads[request.upload_id]
    return r.Acknowledged()


def list_parts(store: MemoryStore, request: u.ListParts) -> r.Reply:
    upload = store.bucket(request.bucket, owner=request.owner).upload(request.key, request.upload_id)
    numbers = sorted(number for number in upload.parts if number > request.marker)
    shown = numbers[:1000]
    parts = tuple((number, upload.parts[number][0], len(upload.parts[number][1])) for number in shown)
    sums = {number: _part_sum(upload, upload.parts[number][1]) for number in shown}
    told = {number: text for number, text in sums.items() if text is not None}
    return u.PartsPage(parts, shown[-1] if len(shown) < len(numbers) else None, told)


def list_multipart_uploads(store: MemoryStore, request: u.ListMultipartUploads) -> r.Reply:
    bucket = store.bucket(request.bucket, owner=request.owner)
    marker = (request.key_marker or "", request.upload_id_marker or "\U0010ffff")
    found = sorted(
        (upload.key, upload_id, upload.initiated_ms)
        for upload_id, upload in bucket.uploads.items()
        if upload.key.startswith(request.prefix) and (request.key_marker is None or (upload.key, upload_id) > marker)
    )
    shown = tuple(found[:1000])
    if len(shown) == len(found):
        return u.UploadsPage(shown)
    return u.UploadsPage(shown, shown[-1][0], shown[-1][1])
