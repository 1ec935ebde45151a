"""Buckets in memory, with S3's semantics for what s3plan asks: conditions, copies, multipart uploads, listings."""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice

from s3plan.schemas.objects import ARCHIVED_CLASSES, MAX_KEY_BYTES, STANDARD
from s3plan.schemas.requests.attributes import Encryption, ObjectAttributes
from s3plan.schemas.requests.customer_keys import SSE_C, CustomerKey, is_free_of_digests
from s3plan.storage.digests import new_digest

_STATUSES = {
    "AccessControlListNotSupported": 400,
    "AccessDenied": 403,
    "BadDigest": 400,
    "BucketAlreadyOwnedByYou": 409,
    "EntityTooSmall": 400,
    "InvalidArgument": 400,
    "InvalidObjectState": 403,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRequest": 400,
    "KeyTooLongError": 400,
    "MalformedXML": 400,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "NoSuchVersion": 404,
    "PreconditionFailed": 412,
}


class Refused(Exception):
    """S3's code for a request that is not executed."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message
        self.status = _STATUSES[code]


@dataclass(frozen=True, slots=True)
class StoredObject:
    body: bytes
    etag: str
    mtime_ms: int
    storage_class: str = STANDARD
    attributes: ObjectAttributes = field(default_factory=ObjectAttributes)
    encryption: str = "AES256"
    customer_key: CustomerKey | None = None
    checksum: str | None = "CRC32"  # None: not of its bytes
    sum_of_parts: tuple[str, str] | None = None  # algorithm and value, of its parts' sums

    @property
    def checksums(self) -> dict[str, str]:
        return {} if self.checksum is None else {self.checksum: sum_of(self.body, self.checksum)}

    @property
    def stated(self) -> dict[str, str]:
        return self.checksums if self.sum_of_parts is None else dict([self.sum_of_parts])


@dataclass(slots=True)
class StoredUpload:
    key: str
    initiated_ms: int
    attributes: ObjectAttributes
    storage_class: str
    encryption: str
    customer_key: CustomerKey | None = None
    checksum: str | None = None
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)  # number: ETag, bytes


@dataclass(slots=True)
class StoredBucket:
    region: str | None
    objects: dict[str, StoredObject] = field(default_factory=dict)
    uploads: dict[str, StoredUpload] = field(default_factory=dict)
    _ordered: list[str] | None = None

    def ordered_keys(self) -> Sequence[str]:
        """All keys in the order of their bytes."""
        if self._ordered is None:
            self._ordered = sorted(self.objects, key=str.encode)
        return self._ordered

    def put(self, key: str, stored: StoredObject) -> None:
        if key not in self.objects:
            self._ordered = None
        self.objects[key] = stored

    def remove(self, key: str) -> None:
        if self.objects.pop(key, None) is not None:
            self._ordered = None

    def stored(self, key: str) -> StoredObject:
        found = self.objects.get(key)
        if found is None:
            raise Refused("NoSuchKey", "The specified key does not exist.")
        return found

    def upload(self, key: str, upload_id: str) -> StoredUpload:
        found = self.uploads.get(upload_id)
        if found is None or found.key != key:
            raise Refused("NoSuchUpload", "The specified multipart upload does not exist.")
        return found


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class MemoryStore:
    """The buckets of one account. Not thread-safe: MemoryEngine takes the lock.

    `now_ms` is the store's clock, in milliseconds since the epoch; LastModified has whole seconds, as with S3.
    """

    def __init__(
        self,
        *,
        owner: str = "123456789012",
        min_part_size_bytes: int = 5 << 20,
        now_ms: Callable[[], int] = _wall_clock_ms,
    ) -> None:
        self.owner = owner
        self.min_part_size_bytes = min_part_size_bytes
        self.now_ms = now_ms
        self.buckets: dict[str, StoredBucket] = {}
        self._serials = count(1)

    def bucket(self, name: str, *, owner: str | None = None) -> StoredBucket:
        """Return the bucket, if it is `owner`'s; raise Refused."""
        found = self.buckets.get(name)
        if found is None:
            raise Refused("NoSuchBucket", "The specified bucket does not exist")
        if owner is not None and owner != self.owner:
            raise Refused("AccessDenied", "Access Denied")
        return found

    def create_bucket(self, name: str, *, region: str | None = None) -> StoredBucket:
        """Return a new, empty bucket; raise Refused if there is one."""
        if name in self.buckets:
            raise Refused("BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded")
        self.buckets[name] = StoredBucket(region)
        return self.buckets[name]

    def new_object(
        self,
        body: bytes,
        *,
        etag: str | None = None,
        storage_class: str | None = None,
        attributes: ObjectAttributes | None = None,
        encryption: str = "AES256",
        customer_key: CustomerKey | None = None,
        checksum: str | None = "CRC32",
    ) -> StoredObject:
        """Return an object written now; its ETag is the MD5 of the bytes unless given, or random under KMS or SSE-C."""
        if customer_key is not None:
            encryption = SSE_C
        if is_free_of_digests(encryption):
            etag = md5_of(f"opaque {next(self._serials)}".encode())
        return StoredObject(
            body,
            md5_of(body) if etag is None else etag,
            self.now_ms() // 1000 * 1000,
            storage_class or STANDARD,
            attributes or ObjectAttributes(),
            encryption,
            customer_key,
            checksum,
        )

    def new_upload_id(self) -> str:
        return f"upload-{next(self._serials):08d}"


def sum_of(body: bytes, algorithm: str) -> str:
    """Return a checksum as S3 states it."""
    digest = new_digest(algorithm)
    digest.update(memoryview(body))
    return digest.text()


def md5_of(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def encryption_type(encryption: Encryption | None) -> str:
    return "AES256" if encryption is None else encryption.type


def check_key(key: str) -> None:
    """Raise Refused for a key that no object can have."""
    try:
        size_bytes = len(key.encode())
    except UnicodeEncodeError as error:
        raise Refused("InvalidArgument", "a key is UTF-8 text") from error
    if not size_bytes:
        raise Refused("InvalidRequest", "A key must be specified")
    if size_bytes > MAX_KEY_BYTES:
        raise Refused("KeyTooLongError", "Your key is too long")


def check_acl(acl: str | None) -> None:
    """Raise Refused for an ACL that a bucket does not take whose owner owns every object (bucket owner enforced)."""
    if acl not in {None, "bucket-owner-full-control"}:
        raise Refused("AccessControlListNotSupported", "The bucket does not allow ACLs")


def check_write(current: StoredObject | None, *, if_absent: bool, if_match: str | None) -> None:
    """Judge the conditions of a put, copy or complete; If-Match on a missing key is NoSuchKey."""
    if if_absent and current is not None:
        raise Refused("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    if if_match is not None:
        if current is None:
            raise Refused("NoSuchKey", "The specified key does not exist.")
        check_match(current, if_match)


def check_match(stored: StoredObject, etag: str | None) -> None:
    if etag is not None and etag != stored.etag:
        raise Refused("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")


def check_customer_key(kept: CustomerKey | None, given: CustomerKey | None) -> None:
    """Judge the key that a request has for an object, or an upload, that has been made with one, or with none."""
    if kept is not None and given is None:
        raise Refused("InvalidRequest", "The object was stored using a form of Server Side Encryption.")
    if kept is None and given is not None:
        raise Refused("InvalidRequest", "The encryption parameters are not applicable to this object.")
    if kept != given:
        raise Refused("AccessDenied", "Access Denied")


def copied_source(bucket: StoredBucket, key: str, *, if_match: str | None, version: str | None) -> StoredObject:
    """Return the source of a copy if it may be copied; raise Refused."""
    if version is not None:
        raise Refused("NoSuchVersion", "no bucket here has versions")
    source = bucket.stored(key)
    check_match(source, if_match)
    if source.storage_class in ARCHIVED_CLASSES:
        raise Refused("InvalidObjectState", "The operation is not valid for the object's storage class")
    return source


def entries_after(bucket: StoredBucket, *, prefix: str, delimiter: str | None, after: str | None) -> Iterator[str]:
    """Yield keys and, as text that ends in the delimiter and is no key of the listing, common prefixes, in order."""
    keys = bucket.ordered_keys()
    first = bisect_left(keys, prefix.encode(), key=str.encode)
    if after is not None:
        first = max(first, bisect_right(keys, after.encode(), key=str.encode))
    last_common: str | None = None
    for key in islice(keys, first, None):
        if not key.startswith(prefix):
            return
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        if delimiter is None or cut < 0:
            yield key
            continue
        common = key[: cut + len(delimiter)]
        if common != last_common and not (after is not None and after.startswith(common)):
            last_common = common
            yield common
