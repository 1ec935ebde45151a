"""`source:`, `destination:` and `location:` of the manifest."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from s3plan.schemas.files.urls import FolderUrl
from s3plan.schemas.manifest.attributes import NewObjectFields
from s3plan.schemas.manifest.customer_keys import DecryptionSetting, KeySetting
from s3plan.schemas.manifest.readers import folder_path, place_url
from s3plan.schemas.manifest.values import Section, flag, text_value, word_of
from s3plan.schemas.manifest.words import (
    CannedAcl,
    ChecksumAlgorithm,
    EncryptionType,
    StampKind,
    StorageClass,
    Symlinks,
)
from s3plan.schemas.objects import MAX_KEY_BYTES
from s3plan.schemas.plan.header_parts import KMS_KEY_PATTERN
from s3plan.schemas.plan.key_references import KeyReference
from s3plan.schemas.s3_urls import S3Url

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
REGION_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$"

ConnectionName = Annotated[str, text_value("letters, digits, dots, underscores and hyphens", pattern=NAME_PATTERN)]
Region = Annotated[str, text_value("a region such as eu-central-1", pattern=REGION_PATTERN)]


class Location(Section):
    """A bucket and the prefix of its keys, and the connection that reaches it; or a folder of this machine."""

    example: ClassVar[str] = "s3://bucket/prefix/"

    url: Annotated[S3Url | FolderUrl, place_url()] = Field(
        description="s3://bucket/prefix/, or a folder: ./x (from the manifest's own folder), ~/x, /x or file:///x."
    )
    connection: ConnectionName | None = Field(
        default=None,
        description="A name from `connections:`, or of your own connections. Without it: AWS, default credentials.",
        examples=["store"],
    )
    region: Region | None = Field(
        default=None, description="The bucket's region; wins over the connection's.", examples=["eu-central-1"]
    )
    expected_bucket_owner: (
        Annotated[str, text_value("an account number of 12 digits", pattern=r"^[0-9]{12}$")] | None
    ) = Field(
        default=None,
        description="Account number that must own the bucket; the store refuses every request if another one does.",
        examples=["111122223333"],
    )
    prefix: Annotated[str, text_value("the start of the keys", max_bytes=MAX_KEY_BYTES)] | None = Field(
        default=None,
        description="Raw start of the keys: `raw/pre` takes `raw/prefix` too. Not with a path in `url` or mirror.",
        examples=["raw/pre"],
    )

    symlinks: Annotated[Symlinks, word_of(Symlinks)] | None = Field(
        default=None,
        description="Of a folder that is read: skip symbolic links, as without it, or follow them.",
        examples=["follow"],
    )
    stamp: Annotated[StampKind, word_of(StampKind)] | None = Field(
        default=None,
        description="Of a folder: what pins a file. size-mtime for shares whose inodes do not stay. Without it: full.",
        examples=["size-mtime"],
    )

    @property
    def folder(self) -> FolderUrl | None:
        """The folder that it is, None for a bucket."""
        return self.url if isinstance(self.url, FolderUrl) else None

    @property
    def bucket(self) -> str:
        """The bucket's name; empty for a folder."""
        return self.url.bucket if isinstance(self.url, S3Url) else ""

    @property
    def key_prefix(self) -> str:
        """What every key of the location starts with: a folder ending in `/`, a raw prefix, or nothing."""
        if not isinstance(self.url, S3Url):
            return ""
        return self.url.path if self.prefix is None else self.prefix

    @property
    def customer_key(self) -> KeyReference | None:
        """Where the key of SSE-C is found that its objects are read and written with, if there is one."""
        return None


class ReadLocation(Location):
    """Where objects are that may be under a key."""

    decryption: DecryptionSetting | None = Field(
        default=None,
        description="Of a bucket whose objects are under SSE-C: the key that they are read with.",
        examples=[{"type": "sse-c", "key": {"env": "PHOTO_KEY"}}],
    )

    @property
    def customer_key(self) -> KeyReference | None:
        """That of `decryption`."""
        return None if self.decryption is None else self.decryption.key.reference


class Source(ReadLocation):
    """Where objects come from."""

    one_file_system: Annotated[bool, flag()] | None = Field(
        default=None, description="Of a folder: what is mounted below it is left out.", examples=[True]
    )


class DeletedFrom(ReadLocation):
    """Where a job deletes that copies nothing."""


class EncryptionSetting(Section):
    """How new objects are encrypted."""

    example: ClassVar[str] = "{type: AES256}"

    type: Annotated[EncryptionType, word_of(EncryptionType)] = Field(
        description="As x-amz-server-side-encryption names it; sse-c: by a key of yours, which `key` names."
    )
    key_id: Annotated[str, text_value("a KMS key id, ARN or alias", pattern=KMS_KEY_PATTERN, max_bytes=2048)] | None = (
        Field(
            default=None,
            description="KMS key: id, ARN or alias/NAME. Without it the AWS managed key.",
            examples=["alias/backup"],
        )
    )
    bucket_key: Annotated[bool, flag()] | None = Field(
        default=None, description="Use an S3 Bucket Key, which makes fewer requests to KMS; only with aws:kms."
    )
    key: KeySetting | None = Field(
        default=None, description="Where the key of sse-c is found.", examples=[{"env": "PHOTO_KEY"}]
    )


class Destination(NewObjectFields, Location):
    """Where objects go, and what new ones are like."""

    later_words: ClassVar[frozenset[str]] = frozenset(
        {
            "object_lock",
            "website_redirect",
        }
    )

    trash: Annotated[FolderUrl, folder_path()] | None = Field(
        default=None,
        description="Of a folder: where files go that are replaced or deleted, outside of it and on its disk.",
        examples=["../trash"],
    )
    create: Annotated[bool, flag()] = Field(default=False, description="Create the bucket at apply when there is none.")
    storage_class: Annotated[StorageClass, word_of(StorageClass)] | None = Field(
        default=None, description="Storage class of new objects. Without it: the source object's."
    )
    acl: Annotated[CannedAcl, word_of(CannedAcl)] | None = Field(
        default=None,
        description="Canned ACL of new objects, for buckets that have ACLs. Without it nothing is said: private.",
        examples=["bucket-owner-full-control"],
    )
    checksum_algorithm: Annotated[ChecksumAlgorithm, word_of(ChecksumAlgorithm)] | None = Field(
        default=None,
        description="Which checksum the store keeps with new objects. Without it the store's choice.",
        examples=["sha256"],
    )
    encryption: EncryptionSetting | None = Field(
        default=None,
        description="Encryption of new objects. Without it: the bucket's default.",
        examples=[{"type": "AES256"}],
    )

    @property
    def customer_key(self) -> KeyReference | None:
        """That of `encryption`, if it is by SSE-C."""
        key = None if self.encryption is None else self.encryption.key
        return None if key is None else key.reference
