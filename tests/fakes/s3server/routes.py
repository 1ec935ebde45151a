"""Which S3 operation a request is."""

from __future__ import annotations

from collections.abc import Mapping

from fakes.s3server import buckets, objects, uploads
from fakes.s3server.context import Handler
from fakes.s3server.errors import S3Error
from fakes.s3server.messages import Request

HANDLERS: Mapping[str, Handler] = {
    "AbortMultipartUpload": uploads.abort_multipart_upload,
    "CompleteMultipartUpload": uploads.complete_multipart_upload,
    "CopyObject": objects.copy_object,
    "CreateBucket": buckets.create_bucket,
    "CreateMultipartUpload": uploads.create_multipart_upload,
    "DeleteBucket": buckets.delete_bucket,
    "DeleteObject": objects.delete_object,
    "DeleteObjectTagging": objects.delete_object_tagging,
    "DeleteObjects": buckets.delete_objects,
    "GetBucketEncryption": buckets.get_bucket_encryption,
    "GetBucketLocation": buckets.get_bucket_location,
    "GetBucketVersioning": buckets.get_bucket_versioning,
    "GetObject": objects.get_object,
    "GetObjectTagging": objects.get_object_tagging,
    "HeadBucket": buckets.head_bucket,
    "HeadObject": objects.head_object,
    "ListBuckets": buckets.list_buckets,
    "ListMultipartUploads": uploads.list_multipart_uploads,
    "ListObjects": buckets.list_objects,
    "ListObjectsV2": buckets.list_objects,
    "ListParts": uploads.list_parts,
    "PutBucketEncryption": buckets.put_bucket_encryption,
    "PutObject": objects.put_object,
    "PutObjectTagging": objects.put_object_tagging,
    "UploadPart": uploads.upload_part,
    "UploadPartCopy": uploads.upload_part_copy,
}

# Query names that select an operation, or ask for something that must not be ignored silently.
_SELECTORS = frozenset(
    {
        "accelerate",
        "acl",
        "analytics",
        "attributes",
        "cors",
        "delete",
        "encryption",
        "inventory",
        "legal-hold",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "partNumber",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "restore",
        "retention",
        "select",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    }
)

_BUCKET_ROUTES: Mapping[tuple[str, frozenset[str]], str] = {
    ("PUT", frozenset()): "CreateBucket",
    ("HEAD", frozenset()): "HeadBucket",
    ("DELETE", frozenset()): "DeleteBucket",
    ("GET", frozenset({"location"})): "GetBucketLocation",
    ("GET", frozenset({"versioning"})): "GetBucketVersioning",
    ("GET", frozenset({"encryption"})): "GetBucketEncryption",
    ("PUT", frozenset({"encryption"})): "PutBucketEncryption",
    ("GET", frozenset({"uploads"})): "ListMultipartUploads",
    ("POST", frozenset({"delete"})): "DeleteObjects",
    ("GET", frozenset()): "ListObjects",
}

_OBJECT_ROUTES: Mapping[tuple[str, frozenset[str]], str] = {
    ("HEAD", frozenset()): "HeadObject",
    ("HEAD", frozenset({"partNumber"})): "HeadObject",
    ("GET", frozenset()): "GetObject",
    ("PUT", frozenset()): "PutObject",
    ("DELETE", frozenset()): "DeleteObject",
    ("GET", frozenset({"tagging"})): "GetObjectTagging",
    ("PUT", frozenset({"tagging"})): "PutObjectTagging",
    ("DELETE", frozenset({"tagging"})): "DeleteObjectTagging",
    ("POST", frozenset({"uploads"})): "CreateMultipartUpload",
    ("PUT", frozenset({"uploadId", "partNumber"})): "UploadPart",
    ("GET", frozenset({"uploadId"})): "ListParts",
    ("POST", frozenset({"uploadId"})): "CompleteMultipartUpload",
    ("DELETE", frozenset({"uploadId"})): "AbortMultipartUpload",
}

_COPIES = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}
_MAX_KEY_BYTES = 1024


def operation_of(request: Request) -> str:
    """The operation's name; MethodNotAllowed or NotImplemented where the server has none for it."""
    if not request.bucket:
        if request.method == "GET":
            return "ListBuckets"
        raise S3Error("MethodNotAllowed")
    routes = _OBJECT_ROUTES if request.key else _BUCKET_ROUTES
    selected = frozenset(name for name in request.query if name in _SELECTORS)
    operation = routes.get((request.method, selected))
    if operation is None:
        raise S3Error("NotImplemented" if selected else "MethodNotAllowed")
    if operation == "ListObjects" and request.query.get("list-type") == "2":
        return "ListObjectsV2"
    return _COPIES.get(operation, operation) if "x-amz-copy-source" in request.headers else operation


def check_key(request: Request) -> None:
    if len(request.key) > _MAX_KEY_BYTES or len(request.key.encode()) > _MAX_KEY_BYTES:
        raise S3Error("KeyTooLongError", "Your key is too long")
