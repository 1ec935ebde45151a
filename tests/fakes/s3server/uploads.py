"""Multipart uploads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from fakes.s3server import checksums, customer_keys
from fakes.s3server.body import Body
from fakes.s3server.conditions import WriteConditions
from fakes.s3server.context import Context
from fakes.s3server.documents import NAMESPACE, escape, iso_time, parse_complete, url_encode
from fakes.s3server.errors import S3Error
from fakes.s3server.etags import copied_part_etag, multipart_etag, written_etag
from fakes.s3server.messages import Reply, Request, Response, parse_int, xml_response
from fakes.s3server.objects import checked_body, copy_source, stored_body
from fakes.s3server.properties import properties_of, refuse_unsupported
from fakes.s3server.settings import GIB, Condition
from fakes.s3server.store import Bucket, Part, StoredObject, Upload

NOTHING_KEPT: Mapping[str, str] = {}
MAX_PARTS = 10_000
MAX_ROWS = 1000
MAX_PART_SIZE_BYTES = 5 * GIB
_COPY_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


def create_multipart_upload(context: Context, request: Request) -> Reply:
    bucket = context.store.bucket(request.bucket)
    refuse_unsupported(request.headers, has_acls=context.settings.has_acls)
    properties = properties_of(request.headers, bucket)
    checksum = None if context.settings.ignores_checksums else checksums.asked_of_upload(request.headers)
    upload = Upload(f"upload-{context.store.next_serial():08d}", request.key, properties, context.now_s(), checksum)
    bucket.uploads[upload.upload_id] = upload
    return xml_response(
        f"<InitiateMultipartUploadResult {NAMESPACE}><Bucket>{bucket.name}</Bucket><Key>{escape(request.key)}</Key>"
        f"<UploadId>{upload.upload_id}</UploadId></InitiateMultipartUploadResult>",
        headers=properties.encryption,
    )


def upload_part(context: Context, request: Request) -> Reply:
    upload, number = _addressed_part(context, request)
    kept = checked_body(context, request)
    _check_part(upload, kept)
    body = stored_body(context, request)
    etag = written_etag(body, upload.properties, serial=context.store.next_serial())
    upload.parts[number] = Part(body, etag, context.now_s(), kept)
    return Response(200, {"etag": f'"{etag}"', **upload.properties.encryption, **kept})


def _check_part(upload: Upload, kept: Mapping[str, str]) -> None:
    """Refuse a part of another checksum than its upload's, and of none where the object's is made of them."""
    given = [name.removeprefix(checksums.PREFIX) for name in kept]
    if upload.checksum is not None and given not in ([upload.checksum], []):
        said = f"expected checksum Type: {upload.checksum}, actual checksum Type: {given[0]}"
        raise S3Error("InvalidRequest", f"Checksum Type mismatch occurred, {said}")
    if upload.checksum in checksums.SUMS_OF_SUMS and not given:
        said = f"expected checksum Type: {upload.checksum}, actual checksum Type: null"
        raise S3Error("InvalidRequest", f"Checksum Type mismatch occurred, {said}")


def upload_part_copy(context: Context, request: Request) -> Reply:
    upload, number = _addressed_part(context, request)
    _, source = copy_source(context, request)
    first, end = _copied_range(request.headers.get("x-amz-copy-source-range"), source.size_bytes)
    if end - first > MAX_PART_SIZE_BYTES:
        raise S3Error("InvalidRequest", "The specified copy source is larger than the maximum allowable size")
    body = source.body.part(first, end)
    serial = context.store.next_serial()
    etag = copied_part_etag(source, body, upload.properties, first=first, end=end, serial=serial)
    sums = {} if upload.checksum is None else checksums.computed_checksums(upload.checksum, body)
    part = upload.parts[number] = Part(body, etag, context.now_s(), sums)
    return xml_response(
        f"<CopyPartResult {NAMESPACE}><LastModified>{iso_time(part.modified_s)}</LastModified>"
        f"<ETag>&quot;{etag}&quot;</ETag>{checksums.as_xml(sums)}</CopyPartResult>",
        headers=upload.properties.encryption,
    )


def _addressed_part(context: Context, request: Request) -> tuple[Upload, int]:
    upload = context.store.bucket(request.bucket).upload(request.key, request.query["uploadId"])
    number = parse_int(request.query["partNumber"], name="partNumber", default=0, low=1, high=MAX_PARTS)
    customer_keys.check_part(upload.properties.encryption, request.headers)
    return upload, number


def _copied_range(header: str | None, size_bytes: int) -> tuple[int, int]:
    if header is None:
        return 0, size_bytes
    found = _COPY_RANGE.fullmatch(header)
    if found is None:
        raise S3Error("InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last")
    first, end = int(found[1]), int(found[2]) + 1
    if first >= end or end > size_bytes:
        raise S3Error("InvalidArgument", f"Range specified is not valid for source object of size: {size_bytes}")
    return first, end


def complete_multipart_upload(context: Context, request: Request) -> Reply:
    bucket = context.store.bucket(request.bucket)
    upload_id = request.query["uploadId"]
    if context.settings.complete_again and bucket.completed.get(upload_id, ("", ""))[0] == request.key:
        return _completed(bucket, request.key, bucket.completed[upload_id][1])
    upload = bucket.upload(request.key, upload_id)
    customer_keys.check_part(upload.properties.encryption, request.headers, is_required=upload.checksum is not None)
    parts = _chosen_parts(upload, request.body, min_part_size_bytes=context.settings.min_part_size_bytes)
    etag = multipart_etag(part.etag for part in parts)

    def write() -> Response:
        if upload_id not in bucket.uploads:
            raise S3Error("NoSuchUpload")
        body = Body.joined(part.body for part in parts)
        kept = {} if context.settings.ignores_checksums else _checksum_of(upload, parts, request, body)
        kept = {} if "CompleteMultipartUpload" in context.settings.drops_checksums_of else kept
        properties = replace(upload.properties, checksums=kept)
        made_s = context.now_s() + int(context.settings.parts_take_s)
        sizes = tuple(part.body.size_bytes for part in parts)
        bucket.write(request.key, StoredObject(body, etag, made_s, properties, sizes))
        del bucket.uploads[upload_id]
        bucket.completed[upload_id] = (request.key, etag)
        return _completed(bucket, request.key, etag, kept)

    return context.commit(
        bucket,
        request.key,
        condition=Condition.COMPLETE,
        conditions=WriteConditions.of(request.headers),
        write=write,
    )


def _checksum_of(upload: Upload, parts: list[Part], request: Request, body: Body) -> dict[str, str]:
    """What the store keeps of an object in parts. Raises BadDigest."""
    if upload.checksum not in checksums.SUMS_OF_SUMS:
        return checksums.check_whole(request.headers, body, upload.checksum)
    name = f"{checksums.PREFIX}{upload.checksum}"
    return checksums.sum_of_sums(upload.checksum, [part.checksums[name] for part in parts])


def _chosen_parts(upload: Upload, body: bytes, *, min_part_size_bytes: int) -> list[Part]:
    entries = parse_complete(body)
    numbers = [entry.number for entry in entries]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise S3Error("InvalidPartOrder")
    parts = []
    for entry in entries:
        part = upload.parts.get(entry.number)
        if part is None or part.etag != entry.etag:
            raise S3Error("InvalidPart")
        if any(part.checksums.get(name, value) != value for name, value in entry.checksums.items()):
            raise S3Error("InvalidPart")
        if upload.checksum in checksums.SUMS_OF_SUMS and not entry.checksums:
            said = f"The upload was created using a {upload.checksum} checksum. The complete request must include the "
            raise S3Error(
                "InvalidRequest",
                f"{said}checksum for each part. It was missing for part {entry.number} in the request.",
            )
        parts.append(part)
    if any(part.body.size_bytes < min_part_size_bytes for part in parts[:-1]):
        raise S3Error("EntityTooSmall")
    return parts


def _completed(bucket: Bucket, key: str, etag: str, kept: Mapping[str, str] = NOTHING_KEPT) -> Response:
    kind = "COMPOSITE" if checksums.is_of_parts(kept) else "FULL_OBJECT"
    sums = f"{checksums.as_xml(kept)}<ChecksumType>{kind}</ChecksumType>" if kept else ""
    return xml_response(
        f"<CompleteMultipartUploadResult {NAMESPACE}><Location>/{bucket.name}</Location><Bucket>{bucket.name}</Bucket>"
        f"<Key>{escape(key)}</Key><ETag>&quot;{etag}&quot;</ETag>{sums}</CompleteMultipartUploadResult>"
    )


def abort_multipart_upload(context: Context, request: Request) -> Reply:
    bucket = context.store.bucket(request.bucket)
    del bucket.uploads[bucket.upload(request.key, request.query["uploadId"]).upload_id]
    return Response(204)


def list_parts(context: Context, request: Request) -> Reply:
    upload = context.store.bucket(request.bucket).upload(request.key, request.query["uploadId"])
    customer_keys.check_part(upload.properties.encryption, request.headers, is_required=upload.checksum is not None)
    marker = parse_int(request.query.get("part-number-marker"), name="part-number-marker", default=0)
    limit = min(parse_int(request.query.get("max-parts"), name="max-parts", default=MAX_ROWS), MAX_ROWS)
    left = sorted(number for number in upload.parts if number > marker)
    listed = left[:limit]
    rows = "".join(
        f"<Part><PartNumber>{number}</PartNumber><LastModified>{iso_time(upload.parts[number].modified_s)}"
        f"</LastModified><ETag>&quot;{upload.parts[number].etag}&quot;</ETag>"
        f"<Size>{upload.parts[number].body.size_bytes}</Size>{checksums.as_xml(upload.parts[number].checksums)}</Part>"
        for number in listed
    )
    truncated = len(listed) < len(left)
    return xml_response(
        f"<ListPartsResult {NAMESPACE}><Bucket>{request.bucket}</Bucket><Key>{escape(upload.key)}</Key>"
        f"<UploadId>{upload.upload_id}</UploadId><StorageClass>{upload.properties.storage_class}</StorageClass>"
        f"<PartNumberMarker>{marker}</PartNumberMarker>"
        f"<NextPartNumberMarker>{listed[-1] if listed else marker}</NextPartNumberMarker><MaxParts>{limit}</MaxParts>"
        f"<IsTruncated>{'true' if truncated else 'false'}</IsTruncated>{rows}</ListPartsResult>"
    )


def list_multipart_uploads(context: Context, request: Request) -> Reply:
    query = request.query
    if query.get("delimiter"):
        raise S3Error("NotImplemented")
    bucket = context.store.bucket(request.bucket)
    prefix, key_marker, id_marker = (query.get(name, "") for name in ("prefix", "key-marker", "upload-id-marker"))
    limit = min(parse_int(query.get("max-uploads"), name="max-uploads", default=MAX_ROWS, low=1), MAX_ROWS)
    left = sorted(
        (upload for upload in bucket.uploads.values() if upload.key.startswith(prefix)),
        key=lambda upload: (upload.key, upload.upload_id),
    )
    if key_marker:  # without an id, all uploads of the marker's key are passed over
        left = [
            upload
            for upload in left
            if upload.key > key_marker or (id_marker and (upload.key, upload.upload_id) > (key_marker, id_marker))
        ]
    listed = left[:limit]
    encode = url_encode if query.get("encoding-type") == "url" else escape
    rows = "".join(
        f"<Upload><Key>{encode(upload.key)}</Key><UploadId>{upload.upload_id}</UploadId>"
        f"<StorageClass>{upload.properties.storage_class}</StorageClass>"
        f"<Initiated>{iso_time(upload.initiated_s)}</Initiated></Upload>"
        for upload in listed
    )
    truncated = len(listed) < len(left)
    markers = (
        f"<NextKeyMarker>{encode(listed[-1].key)}</NextKeyMarker>"
        f"<NextUploadIdMarker>{listed[-1].upload_id}</NextUploadIdMarker>"
        if truncated
        else ""
    )
    encoding = "<EncodingType>url</EncodingType>" if encode is url_encode else ""
    return xml_response(
        f"<ListMultipartUploadsResult {NAMESPACE}><Bucket>{bucket.name}</Bucket>"
        f"<KeyMarker>{encode(key_marker)}</KeyMarker><UploadIdMarker>{escape(id_marker)}</UploadIdMarker>{markers}"
        f"{encoding}<Prefix>{encode(prefix)}</Prefix><MaxUploads>{limit}</MaxUploads>"
        f"<IsTruncated>{'true' if truncated else 'false'}</IsTruncated>{rows}</ListMultipartUploadsResult>"
    )
