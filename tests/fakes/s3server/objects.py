"""Operations on one object: read, put, copy, delete, tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from fakes.s3server import checksums, customer_keys
from fakes.s3server.body import Body
from fakes.s3server.conditions import WriteConditions, check_read, check_source
from fakes.s3server.context import Context
from fakes.s3server.documents import NAMESPACE, escape, iso_time, parse_tagging
from fakes.s3server.errors import S3Error
from fakes.s3server.etags import copied_etag, written_etag
from fakes.s3server.messages import Reply, Request, Response, decode, xml_response
from fakes.s3server.properties import (
    ENCRYPTION,
    checked_tags,
    parse_tags,
    properties_of,
    refuse_unsupported,
    response_headers,
    storage_class_of,
)
from fakes.s3server.properties import encryption_of as requested_encryption
from fakes.s3server.settings import Condition
from fakes.s3server.store import ARCHIVED, Bucket, Properties, StoredObject

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def get_object(context: Context, request: Request) -> Reply:
    return _read(context, request)


def head_object(context: Context, request: Request) -> Reply:
    return _read(context, request)


def checked_body(context: Context, request: Request) -> dict[str, str]:
    """The checksum headers to keep of a body, compared with its bytes if this store does."""
    return {} if context.settings.ignores_checksums else checksums.check_body(request.headers, request.body)


def stored_body(context: Context, request: Request) -> Body:
    """The bytes as they come to lie there."""
    return flipped(request.body) if context.settings.suffers(request.key) else Body.real(request.body)


def flipped(content: bytes) -> Body:
    return Body.real(bytes([content[0] ^ 1]) + content[1:] if content else content)


def _read(context: Context, request: Request) -> Response:
    stored = context.store.bucket(request.bucket).object(request.key)
    customer_keys.check_read(stored.properties.encryption, request.headers)
    if context.settings.enforces(Condition.READ):
        check_read(request.headers, stored)
    if request.method == "GET" and stored.properties.storage_class in ARCHIVED:
        raise S3Error("InvalidObjectState")
    if "partNumber" in request.query:
        return _head_of_part(stored, int(request.query["partNumber"]))
    wanted = _range_of(request.headers.get("range"), stored.size_bytes)
    whole = wanted is None
    headers = response_headers(
        stored, checksums=whole and request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
    )
    if any(request.key.startswith(start) for start in context.settings.misstates_checksums):
        told = stored.properties.checksums.keys() & headers.keys()
        headers |= {name: checksums.other_than(headers[name]) for name in told}
    if wanted is None:
        return Response(200, headers, stored.body)
    first, end = wanted
    headers["content-range"] = f"bytes {first}-{end - 1}/{stored.size_bytes}"
    return Response(206, headers, stored.body.part(first, end))


def _head_of_part(stored: StoredObject, number: int) -> Response:
    """What HEAD says of one part; an object that was put in one piece has a single one, and no count."""
    sizes = stored.part_sizes_bytes or (stored.size_bytes,)
    if not 1 <= number <= len(sizes):
        raise S3Error("InvalidRange", "The requested partnumber is not satisfiable")
    first = sum(sizes[: number - 1])
    headers = response_headers(stored, checksums=False)
    if stored.part_sizes_bytes:
        headers["x-amz-mp-parts-count"] = str(len(sizes))
    return Response(206, headers, stored.body.part(first, first + sizes[number - 1]))


def _range_of(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """First byte and end of the range; None is the whole object. InvalidRange where nothing of it exists."""
    found = _RANGE.fullmatch(header or "")
    if found is None or found[0] == "bytes=-":
        return None
    if not found[1]:
        first, end = max(size_bytes - int(found[2]), 0), size_bytes
    else:
        first, end = int(found[1]), min(int(found[2] or size_bytes) + 1, size_bytes)
        if found[2] and int(found[2]) < first:
            return None
    if first >= end:
        raise S3Error("InvalidRange", "The requested range is not satisfiable")
    return first, end


def put_object(context: Context, request: Request) -> Reply:
    bucket = context.store.bucket(request.bucket)
    refuse_unsupported(request.headers, has_acls=context.settings.has_acls)
    kept = checked_body(context, request)
    kept = {} if "PutObject" in context.settings.drops_checksums_of else kept
    properties = replace(properties_of(request.headers, bucket), checksums=kept)
    body = stored_body(context, request)
    etag = written_etag(body, properties, serial=context.store.next_serial())

    def write() -> Response:
        bucket.write(request.key, StoredObject(body, etag, context.now_s(), properties))
        return Response(200, {"etag": f'"{etag}"', **properties.encryption, **kept})

    return context.commit(
        bucket,
        request.key,
        condition=Condition.PUT,
        conditions=WriteConditions.of(request.headers),
        write=write,
    )


def copy_object(context: Context, request: Request) -> Reply:
    bucket = context.store.bucket(request.bucket)
    refuse_unsupported(request.headers, has_acls=context.settings.has_acls)
    source_name, source = copy_source(context, request)
    if source.size_bytes > context.settings.max_copy_size_bytes:
        raise S3Error(
            "InvalidRequest",
            "The specified copy source is larger than the maximum allowable size for a copy source: "
            f"{context.settings.max_copy_size_bytes}",
        )
    if source_name == (request.bucket, request.key) and not _changes_something(request.headers):
        raise S3Error(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes.",
        )
    properties = _copied_properties(request.headers, bucket, source)
    if context.settings.ignores_checksums or "CopyObject" in context.settings.drops_checksums_of:
        properties = replace(properties, checksums={})
    body, serial = source.body, context.store.next_serial()
    etag = copied_etag(source, properties, serial=serial)
    if context.settings.suffers(request.key):
        body = flipped(b"".join(map(bytes, body.chunks())))
        properties = replace(properties, checksums={})
        etag = written_etag(body, properties, serial=serial)

    def write() -> Response:
        stored = StoredObject(body, etag, context.now_s(), properties)
        bucket.write(request.key, stored)
        sums = checksums.as_xml(properties.checksums)
        return xml_response(
            f"<CopyObjectResult {NAMESPACE}><LastModified>{iso_time(stored.modified_s)}</LastModified>"
            f"<ETag>&quot;{etag}&quot;</ETag>{sums}</CopyObjectResult>",
            headers=properties.encryption,
        )

    return context.commit(
        bucket,
        request.key,
        condition=Condition.COPY,
        conditions=WriteConditions.of(request.headers),
        write=write,
    )


def _changes_something(headers: Mapping[str, str]) -> bool:
    replaces = headers.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE"
    return (
        replaces or "x-amz-storage-class" in headers or ENCRYPTION in headers or f"{customer_keys.OWN}-key" in headers
    )


def _copied_properties(headers: Mapping[str, str], bucket: Bucket, source: StoredObject) -> Properties:
    """Metadata and tags come along unless replaced; storage class and encryption never do."""
    kept = source.properties.headers
    if _directive(headers, "x-amz-metadata-directive") == "REPLACE":
        kept = properties_of(headers, bucket).headers
    tags = source.properties.tags
    if _directive(headers, "x-amz-tagging-directive") == "REPLACE":
        tags = parse_tags(headers.get("x-amz-tagging", ""))
    sums = source.properties.checksums
    if algorithm := headers.get("x-amz-checksum-algorithm"):
        sums = checksums.computed_checksums(algorithm, source.body)
    elif checksums.is_of_parts(sums):  # the copy is one piece
        sums = checksums.computed_checksums(next(iter(sums)).removeprefix(checksums.PREFIX), source.body)
    return Properties(
        headers=kept,
        tags=tags,
        storage_class=storage_class_of(headers),
        encryption=requested_encryption(headers, bucket),
        checksums=sums,
        acl=headers.get("x-amz-acl", ""),
    )


def _directive(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "COPY").upper()
    if value not in {"COPY", "REPLACE"}:
        raise S3Error("InvalidArgument", f"Unknown {name}.")
    return value


def copy_source(context: Context, request: Request) -> tuple[tuple[str, str], StoredObject]:
    """Bucket and key of x-amz-copy-source and what is there now, its conditions checked."""
    raw = request.headers["x-amz-copy-source"]
    if "?versionId=" in raw:
        raise S3Error("InvalidArgument", "Version id specified, but no bucket here has versions")
    # Decoded as a form value, as AWS does: a `+` that was not encoded means a space.
    name, _, key = decode(raw, plus_is_space=True).removeprefix("/").partition("/")
    if not name or not key:
        raise S3Error("InvalidArgument", "Invalid copy source object key")
    owner = context.settings.owner_of(context.settings.aliases.get(name, name))
    expected = request.headers.get("x-amz-source-expected-bucket-owner", owner)
    bucket = context.store.bucket(context.settings.aliases.get(name, name))
    if expected != owner:
        raise S3Error("AccessDenied")
    source = bucket.object(key)
    customer_keys.check_read(source.properties.encryption, request.headers, customer_keys.SOURCE)
    if context.settings.enforces(Condition.COPY_SOURCE):
        check_source(request.headers, source)
    if source.properties.storage_class in ARCHIVED:
        raise S3Error("InvalidObjectState")
    return (name, key), source


def delete_object(context: Context, request: Request) -> Reply:
    bucket = context.store.bucket(request.bucket)
    if "x-amz-if-match-size" in request.headers or "x-amz-if-match-last-modified-time" in request.headers:
        raise S3Error("NotImplemented")  # directory buckets only

    def write() -> Response:
        bucket.remove(request.key)
        return Response(204)

    if request.key not in bucket.objects:
        return write()  # also with If-Match: ceph/s3-tests, test_delete_object_if_match
    conditions = WriteConditions(request.headers.get("if-match"), None)
    return context.commit(bucket, request.key, condition=Condition.DELETE, conditions=conditions, write=write)


def get_object_tagging(context: Context, request: Request) -> Reply:
    stored = context.store.bucket(request.bucket).object(request.key)
    tags = "".join(
        f"<Tag><Key>{escape(name)}</Key><Value>{escape(value)}</Value></Tag>" for name, value in stored.properties.tags
    )
    return xml_response(f"<Tagging {NAMESPACE}><TagSet>{tags}</TagSet></Tagging>")


def put_object_tagging(context: Context, request: Request) -> Reply:
    checksums.check_body(request.headers, request.body)
    _set_tags(context, request, checked_tags(parse_tagging(request.body)))
    return Response(200)


def delete_object_tagging(context: Context, request: Request) -> Reply:
    _set_tags(context, request, ())
    return Response(204)


def _set_tags(context: Context, request: Request, tags: tuple[tuple[str, str], ...]) -> None:
    """Tags are no write: neither ETag nor LastModified changes."""
    bucket = context.store.bucket(request.bucket)
    stored = bucket.object(request.key)
    bucket.put(request.key, replace(stored, properties=replace(stored.properties, tags=tags)))
