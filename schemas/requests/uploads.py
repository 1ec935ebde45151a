"""The requests of multipart uploads, and what answers them; see objects.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from s3plan.schemas.bodies import UNKNOWN_DIGESTS, Body, Digests
from s3plan.schemas.requests.attributes import Encryption, ObjectAttributes
from s3plan.schemas.requests.customer_keys import CustomerKey

SUMS_OF_SUMS = frozenset({"SHA1", "SHA256"})
"""The algorithms by which an object in parts has but a sum of its parts' sums (COMPOSITE), never one of its bytes.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""


@dataclass(frozen=True, slots=True)
class CreateMultipartUpload:
    """`checksum`: by this algorithm parts are summed up, and the object is: its bytes, or with SUMS_OF_SUMS its parts.

    Where parts are sent, each is going to have its own; those of copied parts the store finds itself.
    """

    bucket: str
    key: str
    attributes: ObjectAttributes
    storage_class: str | None = None
    encryption: Encryption | None = None
    owner: str | None = None
    checksum: str | None = None
    customer_key: CustomerKey | None = None
    acl: str | None = None


@dataclass(frozen=True, slots=True)
class UploadPart:
    bucket: str
    key: str
    upload_id: str
    number: int
    body: bytes | Body
    owner: str | None = None
    digests: Digests = UNKNOWN_DIGESTS
    customer_key: CustomerKey | None = None


@dataclass(frozen=True, slots=True)
class UploadPartCopy:
    """`requester_pays` as in CopyObject."""

    bucket: str
    key: str
    upload_id: str
    number: int
    source_bucket: str
    source_key: str
    first_byte: int | None  # None with last_byte None: the whole source
    last_byte: int | None  # inclusive
    source_if_match: str | None = None
    source_version: str | None = None
    owner: str | None = None
    source_owner: str | None = None
    requester_pays: bool = False
    customer_key: CustomerKey | None = None
    source_customer_key: CustomerKey | None = None


@dataclass(frozen=True, slots=True)
class CompleteMultipartUpload:
    """`crc64nvme` is that of the whole object, combined from the parts': the store refuses to make another one.

    `part_sums` has the checksums of parts, by `checksum`, in base64; S3 demands them with SUMS_OF_SUMS.
    """

    bucket: str
    key: str
    upload_id: str
    parts: Sequence[tuple[int, str]]  # (number, etag), ascending
    if_absent: bool = False
    if_match: str | None = None
    owner: str | None = None
    crc64nvme: str | None = None
    checksum: str | None = None
    part_sums: Mapping[int, str] = field(default_factory=dict)
    customer_key: CustomerKey | None = None


@dataclass(frozen=True, slots=True)
class AbortMultipartUpload:
    bucket: str
    key: str
    upload_id: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class ListParts:
    """One page; `marker` is the last part number of the page before."""

    bucket: str
    key: str
    upload_id: str
    marker: int = 0
    owner: str | None = None
    customer_key: CustomerKey | None = None


@dataclass(frozen=True, slots=True)
class ListMultipartUploads:
    """One page of the open uploads whose key begins with `prefix`."""

    bucket: str
    prefix: str
    key_marker: str | None = None
    upload_id_marker: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class UploadOpened:
    upload_id: str


@dataclass(frozen=True, slots=True)
class PartsPage:
    parts: Sequence[tuple[int, str, int]]  # number, etag, size_bytes
    next_marker: int | None = None
    sums: Mapping[int, str] = field(default_factory=dict)  # of those that have one of SUMS_OF_SUMS, by number


@dataclass(frozen=True, slots=True)
class UploadsPage:
    uploads: Sequence[tuple[str, str, int]]  # key, upload id, initiated_ms
    next_key_marker: str | None = None
    next_upload_id_marker: str | None = None
