"""Our requests as botocore operations: a method of the client and its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from s3plan.schemas.bodies import Body, Digests
from s3plan.schemas.requests import objects as r
from s3plan.schemas.requests import uploads as u
from s3plan.schemas.requests.attributes import Encryption, ObjectAttributes
from s3plan.schemas.requests.customer_keys import ALGORITHM, CustomerKey
from s3plan.schemas.requests.versions import ListVersions
from s3plan.storage.s3.body_streams import BodyStream
from s3plan.storage.s3.wire.body_requests import attribute_headers
from s3plan.storage.s3.wire.failures import RequestUnsendable
from s3plan.storage.s3.wire.sigv4 import header_lines

Parameters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """`operation` is S3's name, `method` the client's."""

    operation: str
    method: str
    parameters: Parameters


_SAYING_WHO_PAYS = r.CopyObject | u.UploadPartCopy | r.HeadObject


def call_of(request: r.Request, *, requester_pays: bool) -> Call:
    """Return what to call for a request; raise RequestUnsendable."""
    operation, method, translate = _TRANSLATIONS[type(request)]
    parameters: Parameters = {"Bucket": request.bucket, **translate(request)}
    if not isinstance(request, r.CreateBucket):
        if request.owner is not None:
            parameters["ExpectedBucketOwner"] = request.owner
        pays = requester_pays or (isinstance(request, _SAYING_WHO_PAYS) and request.requester_pays)
        if pays and not isinstance(request, r.HeadBucket | r.GetBucketEncryption):  # they know no such word
            parameters["RequestPayer"] = "requester"
    return Call(operation, method, {name: value for name, value in parameters.items() if value is not None})


def _quoted(etag: str | None) -> str | None:
    """ETags are quoted in conditions; Ceph and AWS disagree about bare ones."""
    return None if etag is None else f'"{etag}"'


def _absent(*, if_absent: bool) -> str | None:
    return "*" if if_absent else None


def _encryption(encryption: Encryption | None) -> Parameters:
    if encryption is None:
        return {}
    return {
        "ServerSideEncryption": encryption.type,
        "SSEKMSKeyId": encryption.key_id,
        "BucketKeyEnabled": encryption.bucket_key,
    }


def _key(key: CustomerKey | None, *, name: str = "SSECustomer") -> Parameters:
    if key is None:
        return {}
    # With its MD5 beside it botocore takes the key as it stands, and does not encode it once more.
    return {f"{name}Algorithm": ALGORITHM, f"{name}Key": key.in_base64, f"{name}KeyMD5": key.md5_in_base64}


def _copy_source(request: r.CopyObject | u.UploadPartCopy) -> Parameters:
    source = {"Bucket": request.source_bucket, "Key": request.source_key}
    if request.source_version is not None:
        source["VersionId"] = request.source_version
    return {
        "CopySource": source,  # the dict form: botocore encodes the key, `?` and `+` included
        "CopySourceIfMatch": _quoted(request.source_if_match),
        "ExpectedSourceBucketOwner": request.source_owner,
        **_key(request.customer_key),
        **_key(request.source_customer_key, name="CopySourceSSECustomer"),
    }


def _head_bucket(_: r.HeadBucket) -> Parameters:
    return {}


def _create_bucket(request: r.CreateBucket) -> Parameters:
    if request.region is None or request.region == "us-east-1":  # AWS refuses it as a LocationConstraint
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": request.region}}


def _get_bucket_encryption(_: r.GetBucketEncryption) -> Parameters:
    return {}


def _list_objects(request: r.ListObjects) -> Parameters:
    return {
        "Prefix": request.prefix,
        "StartAfter": request.start_after,
        "ContinuationToken": request.token,
        "Delimiter": request.delimiter,
        "MaxKeys": request.max_keys,
        "EncodingType": "url",  # said by us, so botocore leaves the decoding to us
    }


def _head_object(request: r.HeadObject) -> Parameters:
    return {
        "Key": request.key,
        "VersionId": request.version,
        "PartNumber": request.part,
        "ChecksumMode": "ENABLED" if request.with_checksums else None,
        **_key(request.customer_key),
    }


def _get_object(request: r.GetObject) -> Parameters:
    byte_range = None if request.first_byte is None else f"bytes={request.first_byte}-{request.last_byte}"
    return {
        "Key": request.key,
        "VersionId": request.version,
        "IfMatch": _quoted(request.if_match),
        "Range": byte_range,
        "ChecksumMode": "ENABLED" if request.with_checksums else None,
        **_key(request.customer_key),
    }


def _get_object_tags(request: r.GetObjectTags) -> Parameters:
    return {"Key": request.key, "VersionId": request.version}


def _put_object(request: r.PutObject) -> Parameters:
    return {
        "Key": request.key,
        **_body(request.body, request.digests),
        **_attributes(request.attributes),
        "IfNoneMatch": _absent(if_absent=request.if_absent),
        "IfMatch": _quoted(request.if_match),
        "StorageClass": request.storage_class,
        **_encryption(request.encryption),
        "ACL": request.acl,
        **_key(request.customer_key),
    }


def _upload_part(request: u.UploadPart) -> Parameters:
    return {
        "Key": request.key,
        "UploadId": request.upload_id,
        "PartNumber": request.number,
        **_body(request.body, request.digests),
        **_key(request.customer_key),
    }


def _body(body: bytes | Body, digests: Digests) -> Parameters:
    return {
        "Body": body if isinstance(body, bytes) else BodyStream(body),
        "ChecksumCRC64NVME": digests.crc64nvme,
        "ContentMD5": digests.md5,
        **({} if digests.checksum is None else {f"Checksum{digests.checksum[0]}": digests.checksum[1]}),
    }


def _attributes(attributes: ObjectAttributes) -> Parameters:
    headers = attribute_headers(attributes)
    header_lines(headers)  # botocore folds a line, and sends what is no header's name
    for name, value in attributes.headers.items():
        if not value.isascii():  # botocore signs other bytes than it sends, which looks like wrong credentials
            raise RequestUnsendable(f"{name} has characters that a header cannot carry: {value!r}")
    tags = dict(headers).get("x-amz-tagging")
    return {**attributes.headers, "Metadata": dict(attributes.metadata) or None, "Tagging": tags}


def _copy_object(request: r.CopyObject) -> Parameters:
    # A directive to COPY is left out: it is S3's default, and some stores do not know that of tags.
    attributes = request.attributes
    instead: Parameters = {}
    if attributes is not None:
        instead |= {"MetadataDirective": "REPLACE", **_attributes(replace(attributes, tags={}))}
    if request.tags is not None:
        tagging = _attributes(ObjectAttributes(tags=request.tags))["Tagging"]
        instead |= {"TaggingDirective": "REPLACE", "Tagging": tagging}
    return {
        "Key": request.key,
        **_copy_source(request),
        "IfNoneMatch": _absent(if_absent=request.if_absent),
        "IfMatch": _quoted(request.if_match),
        "StorageClass": request.storage_class,
        "AnnotationDirective": "EXCLUDE" if request.leaves_annotations else None,
        **instead,
        **_encryption(request.encryption),
        "ACL": request.acl,
        "ChecksumAlgorithm": request.checksum,
    }


def _create_multipart_upload(request: u.CreateMultipartUpload) -> Parameters:
    return {
        "Key": request.key,
        **_attributes(request.attributes),
        "StorageClass": request.storage_class,
        **_encryption(request.encryption),
        "ACL": request.acl,
        **_key(request.customer_key),
        "ChecksumAlgorithm": request.checksum,
        "ChecksumType": _checksum_type(request.checksum),
    }


def _checksum_type(algorithm: str | None) -> str | None:
    if algorithm is None:
        return None
    return "COMPOSITE" if algorithm in u.SUMS_OF_SUMS else "FULL_OBJECT"


def _upload_part_copy(request: u.UploadPartCopy) -> Parameters:
    whole = request.first_byte is None or request.last_byte is None
    return {
        "Key": request.key,
        "UploadId": request.upload_id,
        "PartNumber": request.number,
        **_copy_source(request),
        "CopySourceRange": None if whole else f"bytes={request.first_byte}-{request.last_byte}",
    }


def _complete_multipart_upload(request: u.CompleteMultipartUpload) -> Parameters:
    parts: list[Parameters] = [{"PartNumber": number, "ETag": _quoted(etag)} for number, etag in request.parts]
    for part in parts:
        if part["PartNumber"] in request.part_sums:
            part[f"Checksum{request.checksum}"] = request.part_sums[part["PartNumber"]]
    return {
        "Key": request.key,
        "UploadId": request.upload_id,
        "MultipartUpload": {"Parts": parts},
        "IfNoneMatch": _absent(if_absent=request.if_absent),
        "IfMatch": _quoted(request.if_match),
        "ChecksumCRC64NVME": request.crc64nvme,
        "ChecksumType": None if request.crc64nvme is None else "FULL_OBJECT",
        **_key(request.customer_key),
    }


def _abort_multipart_upload(request: u.AbortMultipartUpload) -> Parameters:
    return {"Key": request.key, "UploadId": request.upload_id}


def _list_parts(request: u.ListParts) -> Parameters:
    return {
        "Key": request.key,
        "UploadId": request.upload_id,
        "PartNumberMarker": request.marker or None,
        **_key(request.customer_key),
    }


def _list_multipart_uploads(request: u.ListMultipartUploads) -> Parameters:
    return {
        "Prefix": request.prefix,
        "KeyMarker": request.key_marker,
        "UploadIdMarker": request.upload_id_marker,
        "EncodingType": "url",
    }


def _delete_object(request: r.DeleteObject) -> Parameters:
    return {"Key": request.key, "IfMatch": _quoted(request.if_match), "VersionId": request.version}


def _list_versions(request: ListVersions) -> Parameters:
    return {"Prefix": request.prefix, "EncodingType": "url"}


def _delete_objects(request: r.DeleteObjects) -> Parameters:
    objects = [{"Key": key} if etag is None else {"Key": key, "ETag": _quoted(etag)} for key, etag in request.keys]
    return {"Delete": {"Objects": objects, "Quiet": False}}


_TRANSLATIONS: Mapping[type, tuple[str, str, Callable[[Any], Parameters]]] = {
    r.HeadBucket: ("HeadBucket", "head_bucket", _head_bucket),
    r.CreateBucket: ("CreateBucket", "create_bucket", _create_bucket),
    r.ListObjects: ("ListObjectsV2", "list_objects_v2", _list_objects),
    r.HeadObject: ("HeadObject", "head_object", _head_object),
    r.GetObject: ("GetObject", "get_object", _get_object),
    r.GetBucketEncryption: ("GetBucketEncryption", "get_bucket_encryption", _get_bucket_encryption),
    r.GetObjectTags: ("GetObjectTagging", "get_object_tagging", _get_object_tags),
    r.PutObject: ("PutObject", "put_object", _put_object),
    r.CopyObject: ("CopyObject", "copy_object", _copy_object),
    u.CreateMultipartUpload: ("CreateMultipartUpload", "create_multipart_upload", _create_multipart_upload),
    u.UploadPart: ("UploadPart", "upload_part", _upload_part),
    u.UploadPartCopy: ("UploadPartCopy", "upload_part_copy", _upload_part_copy),
    u.CompleteMultipartUpload: ("CompleteMultipartUpload", "complete_multipart_upload", _complete_multipart_upload),
    u.AbortMultipartUpload: ("AbortMultipartUpload", "abort_multipart_upload", _abort_multipart_upload),
    u.ListParts: ("ListParts", "list_parts", _list_parts),
    u.ListMultipartUploads: ("ListMultipartUploads", "list_multipart_uploads", _list_multipart_uploads),
    ListVersions: ("ListObjectVersions", "list_object_versions", _list_versions),
    r.DeleteObject: ("DeleteObject", "delete_object", _delete_object),
    r.DeleteObjects: ("DeleteObjects", "delete_objects", _delete_objects),
}
