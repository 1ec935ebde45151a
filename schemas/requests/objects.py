"""The S3 requests that s3plan sends, as values; an engine turns each into one HTTP request and never retries it.

Keys are whole keys, as text; ETags have no quotes. `if_absent` is `If-None-Match: *`. `customer_key` is that of SSE-C,
of the object that is read or made, `source_customer_key` of what is copied. Parameters follow the S3 API
reference (https://docs.aws.amazon.com/AmazonS3/latest/API/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from s3plan.schemas.bodies import UNKNOWN_DIGESTS, Body, Digests, Sink
from s3plan.schemas.failures import Failure
from s3plan.schemas.objects import STANDARD, ObjectRow
from s3plan.schemas.requests.attributes import NO_ATTRIBUTES, Encryption, ObjectAttributes
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.requests.identity import AccountFound, FindAccount
from s3plan.schemas.requests.uploads import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListMultipartUploads,
    ListParts,
    PartsPage,
    UploadOpened,
    UploadPart,
    UploadPartCopy,
    UploadsPage,
)
from s3plan.schemas.requests.versions import ListVersions, VersionsPage


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
    """With `part` the size is that of this part, from 1, and ObjectFound says of how many; a store need not heed it."""

    bucket: str
    key: str
    version: str | None = None
    owner: str | None = None
    with_checksums: bool = True
    part: int | None = None
    customer_key: CustomerKey | None = None
    requester_pays: bool = False  # as with CopyObject


@dataclass(frozen=True, slots=True)
class GetObject:
    """Bytes `first_byte` to `last_byte` (inclusive), or all.

    Without `into` they are held in memory: ask for a part of what is large then. A sink takes exactly what was asked
    for; whatever else the store sends is no success. `with_checksums`: have the store say those of the whole object.
    """

    bucket: str
    key: str
    if_match: str | None = None
    version: str | None = None
    first_byte: int | None = None  # None with last_byte None: the whole object
    last_byte: int | None = None
    owner: str | None = None
    into: Sink | None = None
    with_checksums: bool = False
    customer_key: CustomerKey | None = None


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
    body: bytes | Body
    if_absent: bool = False
    if_match: str | None = None
    owner: str | None = None
    digests: Digests = UNKNOWN_DIGESTS
    attributes: ObjectAttributes = NO_ATTRIBUTES
    storage_class: str | None = None
    encryption: Encryption | None = None
    customer_key: CustomerKey | None = None
    acl: str | None = None  # canned: private, bucket-owner-full-control, ...


@dataclass(frozen=True, slots=True)
class CopyObject:
    """Metadata, content headers and tags are copied; annotations are not (each is billed as a PUT).

    `attributes`: those that the new object has instead of its source's, its tags apart; `tags`: these instead of the
    source's. What is replaced is replaced whole: what is to be kept of it must be given.
    `leaves_annotations`: say so to the store; False for one that has none and does not know the word.
    `requester_pays`: the source's connection pays for requests, whatever that of the destination says, which sends it.
    `checksum`: the algorithm of that which the store is to make and to keep with it; None: the source's, or its own.
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
    attributes: ObjectAttributes | None = None
    tags: Mapping[str, str] | None = None
    customer_key: CustomerKey | None = None
    source_customer_key: CustomerKey | None = None
    acl: str | None = None  # canned: private, bucket-owner-full-control, ...
    checksum: str | None = None


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
    | UploadPart
    | UploadPartCopy
    | CompleteMultipartUpload
    | AbortMultipartUpload
    | ListParts
    | ListMultipartUploads
    | ListVersions
    | DeleteObject
    | DeleteObjects
    | FindAccount
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
    encryption: str | None = None  # AES256, aws:kms, ..., sse-c; None where the store does not say
    checksums: Mapping[str, str] = field(default_factory=dict)  # full-object ones only: {"CRC64NVME": "..."}
    attributes: ObjectAttributes = field(default_factory=ObjectAttributes)
    tag_count: int | None = None  # None: the store does not say
    parts: int | None = None  # of a HeadObject about one of them
    untold_metadata: int = 0  # entries that no header can carry: the store says how many, and no more
    stated: Mapping[str, str] = field(default_factory=dict)  # every checksum, of parts and of untold type, too


@dataclass(frozen=True, slots=True)
class ObjectRead:
    """The bytes that were asked for, of the object that has this ETag now; a sink that was given has them instead.

    `found` is what the answer says of the whole object, where it says all of that.
    """

    etag: str
    body: bytes
    found: ObjectFound | None = None


@dataclass(frozen=True, slots=True)
class TagsFound:
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ObjectWritten:
    """Put, part, copy, part copy, complete. Some stores send no ETag for a part copy.

    `crc64nvme` is what the store says of the bytes that it has, in base64; `part_sum` that of a copied part by one
    of SUMS_OF_SUMS.
    """

    etag: str | None
    version: str | None = None
    crc64nvme: str | None = None
    part_sum: str | None = None


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
    | AccountFound
)
