"""Buckets, objects and uploads.

The server has one thread, and an operation runs from its conditions to its write without a break: that is the lock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from fakes.s3server.body import Body
from fakes.s3server.customer_keys import OWN
from fakes.s3server.errors import S3Error

STANDARD = "STANDARD"
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
STORAGE_CLASSES = ARCHIVED | {
    STANDARD,
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "REDUCED_REDUNDANCY",
    "EXPRESS_ONEZONE",
}
_BUCKET_NAME = re.compile(r"[A-Za-z0-9._-]{3,255}")  # old names, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """What goes with an object's bytes. `headers` holds content headers and `x-amz-meta-*`, by lower-case name."""

    headers: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[tuple[str, str], ...] = ()
    storage_class: str = STANDARD
    encryption: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    acl: str = ""  # canned, as the request said

    @property
    def hides_digests(self) -> bool:
        """Whether ETags say nothing of the bytes: under SSE-KMS and SSE-C."""
        is_kms = self.encryption.get("x-amz-server-side-encryption", "").startswith("aws:kms")
        return is_kms or f"{OWN}-algorithm" in self.encryption


@dataclass(frozen=True, slots=True)
class StoredObject:
    """`etag` is without quotes, `modified_s` whole seconds since 1970, as S3 keeps them."""

    body: Body
    etag: str
    modified_s: int
    properties: Properties
    part_sizes_bytes: tuple[int, ...] = ()

    @property
    def size_bytes(self) -> int:
        return self.body.size_bytes


@dataclass(frozen=True, slots=True)
class Part:
    body: Body
    etag: str
    modified_s: int
    checksums: Mapping[str, str]


@dataclass(slots=True)
class Upload:
    upload_id: str
    key: str
    properties: Properties
    initiated_s: int
    checksum: str | None = None  # by which its parts are summed up, in small letters
    parts: dict[int, Part] = field(default_factory=dict)


@dataclass(slots=True)
class Bucket:
    """`writes` counts the requests that wrote a key, deletions do not set it back; seeding does not count."""

    name: str
    region: str
    created_s: int
    objects: dict[str, StoredObject] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    completed: dict[str, tuple[str, str]] = field(default_factory=dict)
    encryption: Mapping[str, str] = field(default_factory=lambda: {"x-amz-server-side-encryption": "AES256"})
    blocks_customer_keys: bool = False
    _ordered: list[str] = field(default_factory=list)
    _added: list[str] = field(default_factory=list)
    _gone: set[str] = field(default_factory=set)

    def object(self, key: str) -> StoredObject:
        try:
            return self.objects[key]
        except KeyError:
            raise S3Error("NoSuchKey") from None

    def upload(self, key: str, upload_id: str) -> Upload:
        upload = self.uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise S3Error("NoSuchUpload")
        return upload

    def put(self, key: str, stored: StoredObject) -> None:
        """Store an object without counting a write."""
        if key not in self.objects:
            if key in self._gone:
                self._gone.discard(key)
            else:
                self._added.append(key)
        self.objects[key] = stored

    def write(self, key: str, stored: StoredObject) -> None:
        self.put(key, stored)
        self.writes[key] = self.writes.get(key, 0) + 1

    def remove(self, key: str) -> None:
        if self.objects.pop(key, None) is not None:
            self._gone.add(key)

    def ordered_keys(self) -> list[str]:
        """All keys in the order of their UTF-8 bytes, which for `str` is the order of code points."""
        if self._gone:
            self._ordered = [key for key in self._ordered if key not in self._gone]
            self._added = [key for key in self._added if key not in self._gone]
            self._gone.clear()
        if self._added:
            self._ordered += self._added
            self._ordered.sort()
            self._added = []
        return self._ordered


@dataclass(slots=True)
class Store:
    buckets: dict[str, Bucket] = field(default_factory=dict)
    _serial: int = 0

    def bucket(self, name: str) -> Bucket:
        try:
            return self.buckets[name]
        except KeyError:
            raise S3Error("NoSuchBucket") from None

    def create_bucket(self, name: str, *, region: str, now_s: float) -> Bucket:
        if not _BUCKET_NAME.fullmatch(name):
            raise S3Error("InvalidBucketName", "The specified bucket is not valid.")
        bucket = self.buckets[name] = Bucket(name, region, int(now_s))
        return bucket

    def next_serial(self) -> int:
        """A number that no earlier call on this store returned."""
        self._serial += 1
        return self._serial
