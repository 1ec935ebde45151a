"""The closed sets of words that a manifest chooses from."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """What a job does."""

    COPY = "copy"
    MIRROR = "mirror"
    MOVE = "move"
    DELETE = "delete"


class Overwrite(StrEnum):
    """What happens to an object that the destination already has."""

    NEVER = "never"
    IF_DIFFERENT = "if-different"
    IF_NEWER = "if-newer"
    IF_SIZE_DIFFERS = "if-size-differs"
    ALWAYS = "always"


class Compare(StrEnum):
    """What "different" looks at."""

    ETAG = "etag"
    MTIME = "mtime"
    SIZE = "size"
    CHECKSUM = "checksum"


class Symlinks(StrEnum):
    """What is made of symbolic links in a folder."""

    SKIP = "skip"
    FOLLOW = "follow"


class StampKind(StrEnum):
    """What of a file its pin holds."""

    FULL = "full"
    SIZE_MTIME = "size-mtime"


class Transfer(StrEnum):
    """How objects come from one bucket to another."""

    AUTO = "auto"
    SERVER_SIDE = "server-side"
    RELAY = "relay"


class Preserve(StrEnum):
    """What goes with a file into a bucket and back, or with an object into another."""

    MTIME = "mtime"
    METADATA = "metadata"
    CONTENT = "content"
    TAGS = "tags"
    STORAGE_CLASS = "storage_class"


class Loss(StrEnum):
    """What objects may lose where the destination's store does not have it."""

    TAGS = "tags"
    STORAGE_CLASS = "storage_class"
    ENCRYPTION = "encryption"
    CHECKSUM = "checksum"


class Archived(StrEnum):
    """What happens to source objects that must be restored before they can be read."""

    SKIP = "skip"
    COPY = "copy"


class DeleteWhen(StrEnum):
    """What must have ended well before a mirror deletes."""

    ALL_DONE = "all-done"
    NO_FAILURES = "no-failures"


class Unpinned(StrEnum):
    """Whether a job deletes on a store that cannot enforce the pins of a delete."""

    REFUSE = "refuse"
    ALLOW = "allow"


class Durability(StrEnum):
    """When a file that was written counts as done."""

    BATCH = "batch"
    NONE = "none"


class ExecutorName(StrEnum):
    """Where batches run."""

    SERIAL = "serial"
    THREADS = "threads"
    PROCESSES = "processes"
    DASK = "dask"


class Jitter(StrEnum):
    """How a wait before the next try is chosen."""

    FULL = "full"
    NONE = "none"


class EngineName(StrEnum):
    """How requests are sent."""

    AUTO = "auto"
    NATIVE = "native"
    CRT = "crt"
    BOTO3 = "boto3"


class AddressingStyle(StrEnum):
    """Whether the bucket stands in the host name or in the path of a request."""

    AUTO = "auto"
    PATH = "path"
    VIRTUAL = "virtual"


class EncryptionType(StrEnum):
    """Server-side encryption, as S3 names it; for keys of the customer it has no name."""

    AES256 = "AES256"
    KMS = "aws:kms"
    KMS_DSSE = "aws:kms:dsse"
    SSE_C = "sse-c"


class DecryptionType(StrEnum):
    """What reading an object may need."""

    SSE_C = "sse-c"


class CannedAcl(StrEnum):
    """What a new object grants to whom, as `x-amz-acl` names it."""

    PRIVATE = "private"
    BUCKET_OWNER_FULL_CONTROL = "bucket-owner-full-control"
    BUCKET_OWNER_READ = "bucket-owner-read"
    AUTHENTICATED_READ = "authenticated-read"
    AWS_EXEC_READ = "aws-exec-read"
    PUBLIC_READ = "public-read"
    PUBLIC_READ_WRITE = "public-read-write"


class ChecksumAlgorithm(StrEnum):
    """The checksums that S3 keeps with an object; in capitals as its headers name them."""

    CRC64NVME = "crc64nvme"
    CRC32 = "crc32"
    CRC32C = "crc32c"
    SHA1 = "sha1"
    SHA256 = "sha256"


class StorageClass(StrEnum):
    """Storage classes of S3, as `x-amz-storage-class` and listings name them."""

    STANDARD = "STANDARD"
    STANDARD_IA = "STANDARD_IA"
    ONEZONE_IA = "ONEZONE_IA"
    INTELLIGENT_TIERING = "INTELLIGENT_TIERING"
    GLACIER_IR = "GLACIER_IR"
    GLACIER = "GLACIER"
    DEEP_ARCHIVE = "DEEP_ARCHIVE"
    EXPRESS_ONEZONE = "EXPRESS_ONEZONE"
    REDUCED_REDUNDANCY = "REDUCED_REDUNDANCY"
    OUTPOSTS = "OUTPOSTS"
    SNOW = "SNOW"
