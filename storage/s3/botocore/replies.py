"""What botocore returns as our replies; nothing of botocore's goes any further."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from s3plan.schemas.bodies import Sink
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import STANDARD
from s3plan.schemas.plan.pins import MAX_ETAG_CHARACTERS
from s3plan.schemas.requests import objects as r
from s3plan.schemas.requests import uploads as u
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.customer_keys import SSE_C
from s3plan.schemas.requests.versions import ListVersions, VersionsPage
from s3plan.storage.s3.body_streams import pour
from s3plan.storage.s3.botocore.bounded_answers import MOST_BODY_BYTES
from s3plan.storage.s3.wire.etags import bare_etag
from s3plan.storage.s3.wire.failures import broke_by, failure_of, region_of, way_out
from s3plan.storage.s3.wire.listing_page import decode_key, milliseconds_of, parse_page
from s3plan.storage.s3.wire.page_ends import PageUnreadable
from s3plan.storage.s3.wire.replies import not_what_was_asked

ParsedAnswer = Mapping[str, Any]

_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "WebsiteRedirectLocation",
)
_CHUNK_BYTES = 256 << 10
_WHOLE, _PART = 200, 206
_CHECKSUM = "Checksum"
_MAX_UPLOAD_ID = 2_048
_NAMED = frozenset({"Bucket", "IsTruncated", "Parts", "Uploads"})
"""Something of what a page of parts or uploads always says of itself."""
_NOT_CHECKSUMS = frozenset({"ChecksumType"})
LIST_BODY = "s3plan-list-body"
"""Where the client leaves the XML of a listing page, unparsed."""


def reply_of(request: r.Request, answer: ParsedAnswer, *, operation: str) -> r.Reply:
    """Return the reply that a successful answer means; a Failure where it lacks what a success always has."""
    if isinstance(request, r.ListObjects) and request.unparsed:
        return r.UnparsedPage(answer.get(LIST_BODY, b""))
    try:
        return _READERS[type(request)](answer, operation)
    except PageUnreadable as error:
        return Failure(FailureKind.TRANSIENT, operation, "UnreadablePage", str(error), 200)
    except (LookupError, ValueError, TypeError) as error:
        return Failure(
            FailureKind.BAD_REPLY, operation, "BadReply", f"the answer cannot be read: {broke_by(error)}", 200
        )


def _empty(operation: str) -> Failure:
    """A 200 without its body: the connection may have broken off where the result should have come."""
    return Failure(
        FailureKind.TRANSIENT, operation, "EmptyReply", f"the store's answer has no result{way_out(operation)}", 200
    )


def _acknowledged(_: ParsedAnswer, __: str) -> r.Reply:
    return r.Acknowledged()


def _deleted(answer: ParsedAnswer, operation: str) -> r.Reply:
    """A delete is acknowledged without words; what comes with some may be anybody's answer."""
    length = answer["ResponseMetadata"]["HTTPHeaders"].get("content-length", "0")
    return _acknowledged(answer, operation) if length == "0" else _empty(operation)


def _bucket_found(answer: ParsedAnswer, _: str) -> r.Reply:
    region = answer.get("BucketRegion") or answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
    return r.BucketFound(region=region_of(region))


def _objects_page(answer: ParsedAnswer, _: str) -> r.Reply:
    return parse_page(answer.get(LIST_BODY, b""))


def _object_found(answer: ParsedAnswer, _: str) -> r.ObjectFound:
    headers = {name: answer[name] for name in _HEADERS if name in answer}
    expires = answer.get("ExpiresString")  # verbatim: it need not be a date
    if expires is not None:
        headers["Expires"] = expires
    stated = _stated_checksums(answer)
    return r.ObjectFound(
        etag=bare_etag(answer["ETag"]),
        size_bytes=int(answer["ContentLength"]),
        mtime_ms=milliseconds_of(answer["LastModified"]),
        storage_class=answer.get("StorageClass") or STANDARD,
        version=answer.get("VersionId"),
        encryption=SSE_C if "SSECustomerAlgorithm" in answer else answer.get("ServerSideEncryption"),
        checksums=stated if answer.get("ChecksumType") == "FULL_OBJECT" else {},
        attributes=ObjectAttributes(metadata=dict(answer.get("Metadata", {})), headers=headers),
        tag_count=answer.get("TagCount"),
        parts=answer.get("PartsCount"),
        untold_metadata=answer.get("MissingMeta") or 0,
        stated=stated,
    )


def _stated_checksums(answer: ParsedAnswer) -> dict[str, str]:
    """Return all of them; composite ones depend on the parts and compare with nothing."""
    return {
        name.removeprefix(_CHECKSUM): value
        for name, value in answer.items()
        if name.startswith(_CHECKSUM) and name not in _NOT_CHECKSUMS
    }


def _object_read(answer: ParsedAnswer, operation: str) -> r.Reply:
    pieces, left = [], MOST_BODY_BYTES
    for piece in answer["Body"].iter_chunks(_CHUNK_BYTES):
        left -= len(piece)
        if left < 0:
            answer["Body"].close()
            said = f"the answer is longer than {MOST_BODY_BYTES:,} bytes"
            return Failure(FailureKind.TRANSIENT, operation, "AnswerBroken", said)
        pieces.append(piece)
    return r.ObjectRead(bare_etag(answer["ETag"]), b"".join(pieces), _whole_object(answer, operation))


def read_into(request: r.GetObject, sink: Sink, answer: ParsedAnswer, *, operation: str) -> r.Reply:
    """Have a sink take the body of an answer, if it is what was asked for; raises what body and sink raise."""
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    first, last = request.first_byte, request.last_byte
    said = str(answer.get("ContentRange", ""))
    is_asked = said.startswith(f"bytes {first}-{last}/") and status == _PART if first is not None else status == _WHOLE
    body = answer["Body"]
    if not is_asked or answer.get("ContentLength") != sink.size_bytes:
        body.close()
        return not_what_was_asked(request, status=status, headers=headers)
    came_bytes = pour(body.iter_chunks(_CHUNK_BYTES), sink)
    if came_bytes != sink.size_bytes:
        said = f"{came_bytes:,} of {sink.size_bytes:,} bytes came"
        return Failure(FailureKind.TRANSIENT, operation, "AnswerBroken", said, status)
    return r.ObjectRead(bare_etag(answer["ETag"]), b"", _whole_object(answer, operation))


def _whole_object(answer: ParsedAnswer, operation: str) -> r.ObjectFound | None:
    """Return what the answer to a GET says of its object; None where it does not say what a HEAD always does."""
    size = str(answer["ContentRange"]).rpartition("/")[2] if "ContentRange" in answer else answer.get("ContentLength")
    try:
        return _object_found({**answer, "ContentLength": size}, operation)
    except (LookupError, TypeError, ValueError):
        return None


def _tags_found(answer: ParsedAnswer, operation: str) -> r.Reply:
    if "TagSet" not in answer:  # an object without tags has an empty one
        return _empty(operation)
    return r.TagsFound({tag["Key"]: tag["Value"] for tag in answer.get("TagSet", ())})


def _written(answer: ParsedAnswer, operation: str) -> r.Reply:
    if not answer.get("ETag"):
        return _empty(operation)
    return _object_written(answer, answer.get("VersionId"))


def _encryption_found(answer: ParsedAnswer, _: str) -> r.Reply:
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
    defaults = (rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm") for rule in rules)
    return r.EncryptionFound(next((algorithm for algorithm in defaults if algorithm), None))


def _copied(answer: ParsedAnswer, operation: str) -> r.Reply:
    result = answer.get("CopyObjectResult")
    return _object_written(result, answer.get("VersionId")) if result else _empty(operation)


def _part_copied(answer: ParsedAnswer, operation: str) -> r.Reply:
    result = answer.get("CopyPartResult")
    if not result:
        return _empty(operation)
    return replace(_object_written(result, None), part_sum=_sum_of(result))


def _sum_of(part: ParsedAnswer) -> str | None:
    return next((part[_CHECKSUM + name] for name in u.SUMS_OF_SUMS if part.get(_CHECKSUM + name)), None)


def _completed(answer: ParsedAnswer, operation: str) -> r.Reply:
    if not answer.get("ETag") and not answer.get("Key"):
        return _empty(operation)
    return _object_written(answer, answer.get("VersionId"))


def _object_written(result: ParsedAnswer, version: str | None) -> r.ObjectWritten:
    etag = result.get("ETag")
    if not etag or len(etag) > MAX_ETAG_CHARACTERS + len('""'):
        return r.ObjectWritten(None, version)
    return r.ObjectWritten(bare_etag(etag), version, result.get("ChecksumCRC64NVME"))


def _upload_opened(answer: ParsedAnswer, operation: str) -> r.Reply:
    upload_id = answer.get("UploadId")
    if not upload_id or len(upload_id) > _MAX_UPLOAD_ID:  # it is kept, and sent with every part
        return _empty(operation)
    return u.UploadOpened(upload_id)


def _parts_page(answer: ParsedAnswer, operation: str) -> r.Reply:
    if not _NAMED & answer.keys():
        return _empty(operation)
    parts = tuple(
        (int(part["PartNumber"]), bare_etag(part["ETag"]), int(part["Size"])) for part in answer.get("Parts", ())
    )
    summed = ((int(part["PartNumber"]), _sum_of(part)) for part in answer.get("Parts", ()))
    sums = {number: text for number, text in summed if text is not None}
    if not answer.get("IsTruncated"):
        return u.PartsPage(parts, sums=sums)
    return u.PartsPage(parts, int(answer.get("NextPartNumberMarker") or parts[-1][0]), sums)


def _uploads_page(answer: ParsedAnswer, operation: str) -> r.Reply:
    if not _NAMED & answer.keys():
        return _empty(operation)
    is_encoded = answer.get("EncodingType") == "url"

    def key_of(text: str) -> str:
        return decode_key(text, is_encoded=is_encoded).decode()

    uploads = tuple(
        (key_of(upload["Key"]), upload["UploadId"], milliseconds_of(upload["Initiated"]))
        for upload in answer.get("Uploads", ())
    )
    if not answer.get("IsTruncated"):
        return u.UploadsPage(uploads)
    return u.UploadsPage(uploads, key_of(answer["NextKeyMarker"]), answer.get("NextUploadIdMarker") or None)


def _versions_page(answer: ParsedAnswer, operation: str) -> r.Reply:
    if not _NAMED & answer.keys():
        return _empty(operation)
    is_encoded = answer.get("EncodingType") == "url"
    rows = [*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())]
    return VersionsPage([(decode_key(row["Key"], is_encoded=is_encoded).decode(), row["VersionId"]) for row in rows])


def _keys_deleted(answer: ParsedAnswer, operation: str) -> r.Reply:
    failures = {
        item["Key"]: failure_of(
            operation=operation, status=None, code=item.get("Code", ""), message=item.get("Message", "")
        )
        for item in answer.get("Errors", ())
    }
    deleted = frozenset(item["Key"] for item in answer.get("Deleted", ()))
    if not (failures or deleted):
        return _empty(operation)  # botocore finds nothing in whatever XML it is given
    return r.KeysDeleted(deleted - failures.keys(), failures)


_READERS: Mapping[type, Callable[[ParsedAnswer, str], r.Reply]] = {
    r.HeadBucket: _bucket_found,
    r.CreateBucket: _acknowledged,
    r.GetBucketEncryption: _encryption_found,
    r.ListObjects: _objects_page,
    r.HeadObject: _object_found,
    r.GetObject: _object_read,
    r.GetObjectTags: _tags_found,
    r.PutObject: _written,
    r.CopyObject: _copied,
    u.CreateMultipartUpload: _upload_opened,
    u.UploadPart: _written,
    u.UploadPartCopy: _part_copied,
    u.CompleteMultipartUpload: _completed,
    u.AbortMultipartUpload: _deleted,
    u.ListParts: _parts_page,
    u.ListMultipartUploads: _uploads_page,
    ListVersions: _versions_page,
    r.DeleteObject: _deleted,
    r.DeleteObjects: _keys_deleted,
}
