"""The S3 requests that s3plan sends, as values; an engine turns each into one HTTP request and never retries it.

Keys are whole keys, as text; ETags have no quotes. `if_absent` is `If-None-Match: *`. Parameters follow the S3 API
reference (https://docs.aws.amazon.com/AmazonS3/latest/API/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from s3plan.schemas.failures import Failure
from s3plan.schemas.objects import STANDARD, ObjectRow
from s3plan.schemas.version_requests import ListVersions, VersionsPage


@dataclass(frozen=True, slots=True)
class Encryption:
    """What `encryption:` of a destination asks for."""

    type: str  # AES256, aws:kms, aws:kms:dsse
    key_id: str | None = None
    bucket_key: bool | None = None


@dataclass(frozen=True, slots=True)
class ObjectAttributes:
    """What a new object is to carry in addition to its bytes. A multipart copy inherits none of it."""

    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # boto3's names: ContentType, CacheControl, ...
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeadBucket:
    bucket: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class CreateBucket:
    bucket: str
    region: str | None = None


@dataclass(frozen=True, slots=True)
class GetBucketEncryption:
    bucket: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class ListObjects:
    """One page of ListObjectsV2, `encoding-type=url`. With `unparsed` the reply may be an UnparsedPage."""

    bucket: str
    prefix: str = ""
    start_after: str | None = None
    token: str | None = None
    delimiter: str | None = None
    max_keys: int = 1000
    owner: str | None = None
    unparsed: bool = False


@dataclass(frozen=True, slots=True)
class HeadObject:
    bucket: str
    key: str
    version: str | None = None
    owner: str | None = None
    with_checksums: bool = True


@dataclass(frozen=True, slots=True)
class GetObject:
    """Bytes `first_byte` to `last_byte` (inclusive), or all; held in memory, so ask for a part of what is large."""

    bucket: str
    key: str
    if_match: str | None = None
    version: str | None = None
    first_byte: int | None = None  # None with last_byte None: the whole object
    last_byte: int | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class GetObjectTags:
    bucket: str
    key: str
    version: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class PutObject:
    bucket: str
    key: str
    body: bytes
    if_absent: bool = False
    if_match: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class CopyObject:
    """Metadata and tags are copied; annotations are not (each is billed as a PUT).

    `leaves_annotations`: say so to the store; False for one that has none and does not know the word.
    `requester_pays`: the source's connection pays for requests, whatever that of the destination says, which sends it.
    """

    bucket: str
    key: str
    source_bucket: str
    source_key: str
    source_if_match: str | None = None
    source_version: str | None = None
    if_absent: bool = False
    if_match: str | None = None
    storage_class: str | None = None
    encryption: Encryption | None = None
    owner: str | None = None
    source_owner: str | None = None
    requester_pays: bool = False
    leaves_annotations: bool = True


@dataclass(frozen=True, slots=True)
class CreateMultipartUpload:
    bucket: str
    key: str
    attributes: ObjectAttributes
    storage_class: str | None = None
    encryption: Encryption | None = None
    owner: str | None = None


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


@dataclass(frozen=True, slots=True)
class CompleteMultipartUpload:
    bucket: str
    key: str
    upload_id: str
    parts: Sequence[tuple[int, str]]  # (number, etag), ascending
    if_absent: bool = False
    if_match: str | None = None
    owner: str | None = None


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


@dataclass(frozen=True, slots=True)
class ListMultipartUploads:
    """One page of the open uploads whose key begins with `prefix`."""

    bucket: str
    prefix: str
    key_marker: str | None = None
    upload_id_marker: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteObject:
    bucket: str
    key: str
    if_match: str | None = None
    owner: str | None = None
    version: str | None = None  # that one, or that delete marker, is gone for good


@dataclass(frozen=True, slots=True)
class DeleteObjects:
    """At most 1,000 keys; an ETag with a key is its condition."""

    bucket: str
    keys: Sequence[tuple[str, str | None]]
    owner: str | None = None


Request = (
    HeadBucket
    | CreateBucket
    | GetBucketEncryption
    | ListObjects
    | HeadObject
    | GetObject
    | GetObjectTags
    | PutObject
    | CopyObject
    | CreateMultipartUpload
    | UploadPartCopy
    | CompleteMultipartUpload
    | AbortMultipartUpload
    | ListParts
    | ListMultipartUploads
    | ListVersions
    | DeleteObject
    | DeleteObjects
)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The store did it and has nothing to tell (create bucket, abort, single delete)."""


@dataclass(frozen=True, slots=True)
class BucketFound:
    region: str | None


@dataclass(frozen=True, slots=True)
class EncryptionFound:
    type: str | None  # what new objects get by default: AES256, aws:kms, ...


@dataclass(frozen=True, slots=True)
class ObjectsPage:
    """Rows in the order in which the store sent them, with whole keys; nothing is promised of the order here."""

    rows: Sequence[ObjectRow]
    prefixes: Sequence[bytes] = ()
    next_token: str | None = None
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class UnparsedPage:
    """What the store sent for a ListObjects, as it came: it may yet turn out to be no page at all."""

    body: bytes


@dataclass(frozen=True, slots=True)
class ObjectFound:
    etag: str
    size_bytes: int
    mtime_ms: int
    storage_class: str = STANDARD
    version: str | None = None
    encryption: str | None = None  # AES256, aws:kms, ...; None where the store does not say
    checksums: Mapping[str, str] = field(default_factory=dict)  # full-object ones only: {"CRC64NVME": "..."}
    attributes: ObjectAttributes = field(default_factory=ObjectAttributes)
    tag_count: int | None = None  # None: the store does not say


@dataclass(frozen=True, slots=True)
class ObjectRead:
    """The bytes that were asked for, of the object that has this ETag now."""

    etag: str
    body: bytes


@dataclass(frozen=True, slots=True)
class TagsFound:
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ObjectWritten:
    """Put, copy, part copy, complete. Some stores send no ETag for a part copy."""

    etag: str | None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class UploadOpened:
    upload_id: str


@dataclass(frozen=True, slots=True)
class PartsPage:
    parts: Sequence[tuple[int, str, int]]  # number, etag, size_bytes
    next_marker: int | None = None


@dataclass(frozen=True, slots=True)
class UploadsPage:
    uploads: Sequence[tuple[str, str, int]]  # key, upload id, initiated_ms
    next_key_marker: str | None = None
    next_upload_id_marker: str | None = None


@dataclass(frozen=True, slots=True)
class KeysDeleted:
    """Those in `failures` were not deleted, those in `deleted` were; of a key in neither the end is unknown."""

    deleted: frozenset[str]
    failures: Mapping[str, Failure]


Reply = (
    Failure
    | Acknowledged
    | BucketFound
    | EncryptionFound
    | ObjectsPage
    | UnparsedPage
    | ObjectFound
    | ObjectRead
    | TagsFound
    | ObjectWritten
    | UploadOpened
    | PartsPage
    | UploadsPage
    | VersionsPage
    | KeysDeleted
)
