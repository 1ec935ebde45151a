"""What came back over HTTP as our replies; the counterpart of requests.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from xml.etree import ElementTree as ET  # botocore reads the same bytes with the same parser

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import STANDARD
from s3plan.schemas.plan.pins import MAX_ETAG_CHARACTERS
from s3plan.schemas.requests import objects as r
from s3plan.schemas.requests import uploads as u
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.customer_keys import SSE_C
from s3plan.storage.s3.wire.body_requests import HEADER_NAMES
from s3plan.storage.s3.wire.etags import bare_etag
from s3plan.storage.s3.wire.failures import broke_by, failure_of, shown_words, way_out
from s3plan.storage.s3.wire.listing_page import milliseconds_of, parse_page
from s3plan.storage.s3.wire.page_ends import PageUnreadable
from s3plan.storage.s3.wire.repeated_keys import leave_key_out
from s3plan.storage.s3.wire.xml_text import document_of

AnswerHeaders = Mapping[str, str]
"""Names in lower case."""

READ_FROM_HEADERS = frozenset({"HeadObject", "GetObject", "PutObject", "UploadPart"})
"""Operations whose replies are in the headers; those of the others are in the body."""

_COUNT = re.compile(r"[0-9]{1,5}", re.ASCII).fullmatch
_META = "x-amz-meta-"
_CUSTOMERS = "x-amz-server-side-encryption-customer-algorithm"
_CHECKSUM = "x-amz-checksum-"
# Possessive, and bound to the beginning of an answer: else a store could say what it takes hours to look through.
_BEGINNING = rb"[\xef\xbb\xbf\s]*+(?:<\?xml[^>]*+>\s*+)?+"
# Of a copy or a part that is done; some stores leave out one of the two.
_RESULT = re.compile(_BEGINNING + rb"<Copy(?:Object|Part)Result[\s>].*?</(?:ETag|LastModified)>", re.DOTALL).match
_QUOTE = rb"(?:&quot;|&#34;|\")?+"
_RESULT_ETAG = re.compile(
    _BEGINNING
    + rb"<Copy(?:Object|Part)Result[\s>].*?<ETag>\s*+"
    + _QUOTE
    + rb"([^<&\"\s]{1,%d}+)" % MAX_ETAG_CHARACTERS
    + _QUOTE
    + rb"\s*+</ETag>",
    re.DOTALL,
).match

_PART_SUM = re.compile(rb"<Checksum(?:SHA1|SHA256)>\s*+([A-Za-z0-9+/]{20,44}+={0,2})\s*+</Checksum").search


def reply_of(request: r.Request, *, operation: str, headers: AnswerHeaders, body: bytes) -> r.Reply:
    """Return the reply that a successful answer means; a Failure where it lacks what a success always has."""
    if isinstance(request, r.ListObjects) and request.unparsed:
        return r.UnparsedPage(body)
    try:
        return _READERS[type(request)](headers, body)
    except PageUnreadable as error:
        return Failure(FailureKind.TRANSIENT, operation, "UnreadablePage", str(error), 200)
    except ET.ParseError as error:
        said = f"not XML: {error}{way_out(operation)}"
        return Failure(FailureKind.TRANSIENT, operation, "UnreadableReply", said, 200)
    except (LookupError, ValueError) as error:
        return Failure(
            FailureKind.BAD_REPLY, operation, "BadReply", f"the answer cannot be read: {broke_by(error)}", 200
        )


# CopyObject and others may answer 200 and an error, white space before it (CopyObject in the S3 API reference).
holds_an_error = re.compile(_BEGINNING + rb"<Error[\s/>]").match


def failure_of_answer(operation: str, *, status: int, headers: AnswerHeaders, body: bytes) -> Failure:
    """Return the failure that an error answer means; an error inside a 200 counts as a 500, as botocore has it."""
    code, message, region = _error_of(body)
    return failure_of(
        operation=operation,
        status=500 if status == 200 else status,
        code=code,
        message=message,
        headers=headers,
        region=region,
    )


def not_what_was_asked(request: r.GetObject, *, status: int, headers: AnswerHeaders) -> Failure:
    """Return the failure that an answer means whose body is not the bytes that a sink waits for."""
    wanted = "" if request.into is None else f"{request.into.size_bytes:,} bytes"
    where = "" if request.first_byte is None else f" from byte {request.first_byte:,}"
    got = f"status {status}, length {headers.get('content-length')}, range {headers.get('content-range')}"
    said = f"asked for {wanted}{where}, the store sends something else ({shown_words(got)})"
    return Failure(FailureKind.TRANSIENT, "GetObject", "NotWhatWasAsked", said, status)


def _error_of(body: bytes) -> tuple[str, str, str | None]:
    if not body:
        return "", "", None
    try:
        root = ET.fromstring(document_of(leave_key_out(body)))  # noqa: S314  # see above
    except (ET.ParseError, LookupError, ValueError):  # the latter two: of an encoding that nobody knows
        return "", "", None
    said = {child.tag.rpartition("}")[2]: child.text or "" for child in root}
    return said.get("Code", ""), said.get("Message", ""), said.get("Region") or None


def _copied(_: AnswerHeaders, body: bytes) -> r.Reply:
    etag = _RESULT_ETAG(body)
    if etag is not None:
        text = etag[1].decode()
        return r.ObjectWritten(text if etag[1].islower() else bare_etag(text))  # sent in great numbers
    if _RESULT(body) is None:
        raise ET.ParseError("no result")
    return r.ObjectWritten(None)


def _part_copied(headers: AnswerHeaders, body: bytes) -> r.Reply:
    reply = _copied(headers, body)
    found = _PART_SUM(body)
    if found is None or not isinstance(reply, r.ObjectWritten):
        return reply
    return replace(reply, part_sum=found[1].decode())


def _objects_page(_: AnswerHeaders, body: bytes) -> r.Reply:
    return parse_page(body)


def _object_found(headers: AnswerHeaders, _: bytes) -> r.ObjectFound:
    stated = {
        name.removeprefix(_CHECKSUM).upper(): value
        for name, value in headers.items()
        if name.startswith(_CHECKSUM) and name != "x-amz-checksum-type"
    }
    return r.ObjectFound(
        etag=bare_etag(headers["etag"]),
        size_bytes=int(headers["content-length"]),
        mtime_ms=milliseconds_of(headers["last-modified"]),
        storage_class=headers.get("x-amz-storage-class") or STANDARD,
        version=headers.get("x-amz-version-id"),
        encryption=SSE_C if _CUSTOMERS in headers else headers.get("x-amz-server-side-encryption"),
        checksums=stated if headers.get("x-amz-checksum-type") == "FULL_OBJECT" else {},
        attributes=ObjectAttributes(
            metadata={name[len(_META) :]: value for name, value in headers.items() if name.startswith(_META)},
            headers={word: headers[name] for word, name in HEADER_NAMES.items() if name in headers},
        ),
        tag_count=None if (tags := headers.get("x-amz-tagging-count")) is None else int(tags),
        parts=int(parts[0]) if (parts := _COUNT(headers.get("x-amz-mp-parts-count", ""))) else None,
        untold_metadata=int(untold[0]) if (untold := _COUNT(headers.get("x-amz-missing-meta", ""))) else 0,
        stated=stated,
    )


def _object_read(headers: AnswerHeaders, body: bytes) -> r.Reply:
    return r.ObjectRead(bare_etag(headers["etag"]), body, _whole_object(headers))


def _whole_object(headers: AnswerHeaders) -> r.ObjectFound | None:
    """Return what the answer to a GET says of its object; None where it does not say what a HEAD always does."""
    content_range = headers.get("content-range")
    whole = headers
    if content_range is not None:
        whole = {**headers, "content-length": content_range.rpartition("/")[2]}
    try:
        return _object_found(whole, b"")
    except (LookupError, ValueError):
        return None


def _written(headers: AnswerHeaders, _: bytes) -> r.Reply:
    return r.ObjectWritten(
        bare_etag(headers["etag"]),
        version=headers.get("x-amz-version-id"),
        crc64nvme=headers.get("x-amz-checksum-crc64nvme"),
    )


def _tags_found(_: AnswerHeaders, body: bytes) -> r.Reply:
    root = ET.fromstring(document_of(body))  # noqa: S314  # see above
    namespace = root.tag.rpartition("}")[0] + "}" if root.tag.startswith("{") else ""
    tags = root.find(f"{namespace}TagSet")
    if root.tag != f"{namespace}Tagging" or tags is None:  # an object without tags has an empty set
        raise ET.ParseError(f"{root.tag} is not a Tagging with a TagSet")
    return r.TagsFound({_tag_text(tag, f"{namespace}Key"): _tag_text(tag, f"{namespace}Value") for tag in tags})


def _tag_text(tag: ET.Element, name: str) -> str:
    return tag.findtext(name) or ""


def _acknowledged(_: AnswerHeaders, body: bytes) -> r.Reply:
    if body.strip():
        raise ET.ParseError("a delete is acknowledged without words")
    return r.Acknowledged()


def _keys_deleted(_: AnswerHeaders, body: bytes) -> r.Reply:
    root = ET.fromstring(document_of(body))  # noqa: S314  # see above
    namespace = root.tag.rpartition("}")[0] + "}" if root.tag.startswith("{") else ""
    if root.tag != f"{namespace}DeleteResult":
        raise ET.ParseError(f"{root.tag} is not a DeleteResult")
    failures = {
        item.findtext(f"{namespace}Key") or "": failure_of(
            operation="DeleteObjects",
            status=None,
            code=item.findtext(f"{namespace}Code") or "",
            message=item.findtext(f"{namespace}Message") or "",
        )
        for item in root.iterfind(f"{namespace}Error")
    }
    deleted = frozenset(item.findtext(f"{namespace}Key") or "" for item in root.iterfind(f"{namespace}Deleted"))
    if not (failures or deleted):
        raise ET.ParseError("no key is named")
    return r.KeysDeleted(deleted - failures.keys(), failures)


_READERS: Mapping[type, Callable[[AnswerHeaders, bytes], r.Reply]] = {
    r.CopyObject: _copied,
    u.UploadPartCopy: _part_copied,
    r.ListObjects: _objects_page,
    r.HeadObject: _object_found,
    r.GetObject: _object_read,
    r.GetObjectTags: _tags_found,
    r.PutObject: _written,
    u.UploadPart: _written,
    r.DeleteObject: _acknowledged,
    r.DeleteObjects: _keys_deleted,
}
