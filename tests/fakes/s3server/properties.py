"""Properties of an object: from request headers, into response headers."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from urllib.parse import parse_qsl

from fakes.s3server.checksums import is_of_parts
from fakes.s3server.customer_keys import key_of, made_with
from fakes.s3server.errors import S3Error
from fakes.s3server.store import STANDARD, STORAGE_CLASSES, Bucket, Properties, StoredObject

META = "x-amz-meta-"
_CONTENT_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-website-redirect-location",
)
ENCRYPTION = "x-amz-server-side-encryption"
_ENCRYPTION_HEADERS = (ENCRYPTION, f"{ENCRYPTION}-aws-kms-key-id", f"{ENCRYPTION}-bucket-key-enabled")
_REFUSED_HEADERS = (
    "x-amz-object-lock-mode",
    "x-amz-object-lock-legal-hold",
    "x-amz-write-offset-bytes",
)
_OWNER_HAS_ALL = "bucket-owner-full-control"
_ACLS = {
    _OWNER_HAS_ALL,
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
}
_MAX_METADATA_BYTES = 2048
_MAX_TAGS = 10


def properties_of(headers: Mapping[str, str], bucket: Bucket) -> Properties:
    """What a put, a create-upload or a replacing copy asks for; the bucket's encryption where it says nothing."""
    return Properties(
        headers=_kept_headers(headers),
        tags=parse_tags(headers.get("x-amz-tagging", "")),
        storage_class=storage_class_of(headers),
        encryption=encryption_of(headers, bucket),
        acl=headers.get("x-amz-acl", ""),
    )


def _kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    kept = {name: headers[name] for name in _CONTENT_HEADERS if name in headers}
    metadata = {name: value for name, value in headers.items() if name.startswith(META)}
    if sum(len(name) - len(META) + len(value) for name, value in metadata.items()) > _MAX_METADATA_BYTES:
        raise S3Error("MetadataTooLarge")
    return kept | metadata


def refuse_unsupported(headers: Mapping[str, str], *, has_acls: bool) -> None:
    """NotImplemented for what would otherwise be dropped silently; without ACLs the bucket's owner owns all."""
    for name in _REFUSED_HEADERS:
        if name in headers:
            raise S3Error("NotImplemented", f"{name} is not implemented")
    acl = headers.get("x-amz-acl", _OWNER_HAS_ALL)
    if acl not in _ACLS:
        raise S3Error("InvalidArgument", "x-amz-acl is no canned ACL")
    if acl != _OWNER_HAS_ALL and not has_acls:
        raise S3Error("AccessControlListNotSupported", "The bucket does not allow ACLs")


def storage_class_of(headers: Mapping[str, str]) -> str:
    name = headers.get("x-amz-storage-class", STANDARD)
    if name not in STORAGE_CLASSES:
        raise S3Error("InvalidStorageClass", "The storage class you specified is not valid")
    return name


def encryption_of(headers: Mapping[str, str], bucket: Bucket) -> Mapping[str, str]:
    customers = key_of(headers)
    if customers is not None and bucket.blocks_customer_keys:
        raise S3Error("AccessDenied")
    if customers is not None:
        return made_with(customers)
    if ENCRYPTION not in headers:
        return bucket.encryption
    if headers[ENCRYPTION] not in {"AES256", "aws:kms", "aws:kms:dsse"}:
        raise S3Error("InvalidArgument", "The encryption method specified is not supported")
    return {name: headers[name] for name in _ENCRYPTION_HEADERS if name in headers}


def parse_tags(header: str) -> tuple[tuple[str, str], ...]:
    return checked_tags(tuple(parse_qsl(header, keep_blank_values=True)))


def checked_tags(tags: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    if len(tags) > _MAX_TAGS or len(dict(tags)) < len(tags):
        raise S3Error("InvalidTag", "Object tags cannot be greater than 10, and each key must be unique")
    if any(not 1 <= len(name) <= 128 or len(value) > 256 for name, value in tags):
        raise S3Error("InvalidTag", "The tag provided is not valid")
    return tags


def response_headers(stored: StoredObject, *, checksums: bool) -> dict[str, str]:
    """What GET and HEAD say about an object."""
    properties = stored.properties
    headers = {
        "etag": f'"{stored.etag}"',
        "last-modified": formatdate(stored.modified_s, usegmt=True),
        "accept-ranges": "bytes",
        "content-type": "binary/octet-stream",
        **properties.headers,
        **properties.encryption,
    }
    if properties.storage_class != STANDARD:
        headers["x-amz-storage-class"] = properties.storage_class
    if properties.tags:
        headers["x-amz-tagging-count"] = str(len(properties.tags))
    if checksums and properties.checksums:
        headers.update(properties.checksums)
        headers["x-amz-checksum-type"] = "COMPOSITE" if is_of_parts(properties.checksums) else "FULL_OBJECT"
    return headers
