"""Which permissions of AWS each request of s3plan needs: one table, for policies and for what a refusal says.

The pages that it was read from: the operation's own in the S3 API reference (`page_of`); "Required permissions for
Amazon S3 API operations" (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html);
"Multipart upload API and permissions" (https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html); for
tags that are copied https://repost.aws/knowledge-center/s3-troubleshoot-copy-between-buckets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final


class Target(Enum):
    """What a permission is about."""

    BUCKET = auto()
    LISTED = auto()  # the bucket, for keys that begin like the prefix that is asked for
    OBJECT = auto()
    COPIED = auto()  # the object that a copy is made of
    KEY = auto()  # the KMS key of the object
    COPIED_KEY = auto()  # that of the object that a copy is made of


class When(StrEnum):
    """When it is needed besides the others."""

    ALWAYS = "always"
    CURRENT = "without a version"
    VERSION = "with a version"
    TAGS = "with tags"
    COPIED_TAGS = "with tags that the store copies"
    ACL = "with an ACL"
    KMS = "under SSE-KMS"


@dataclass(frozen=True, slots=True)
class Permission:
    """One action of IAM, `s3:GetObject`."""

    action: str
    target: Target
    when: When = When.ALWAYS


_READ: Final = (
    Permission("s3:GetObject", Target.OBJECT, When.CURRENT),
    Permission("s3:GetObjectVersion", Target.OBJECT, When.VERSION),
    Permission("kms:Decrypt", Target.KEY, When.KMS),
)
_COPIED: Final = (
    Permission("s3:GetObject", Target.COPIED, When.CURRENT),
    Permission("s3:GetObjectVersion", Target.COPIED, When.VERSION),
)
_WRITTEN: Final = (
    Permission("s3:PutObject", Target.OBJECT),
    Permission("s3:PutObjectTagging", Target.OBJECT, When.TAGS),
    Permission("s3:PutObjectAcl", Target.OBJECT, When.ACL),
    Permission("kms:GenerateDataKey", Target.KEY, When.KMS),
)
_DELETED: Final = (
    Permission("s3:DeleteObject", Target.OBJECT, When.CURRENT),
    Permission("s3:DeleteObjectVersion", Target.OBJECT, When.VERSION),
)
_OF_PARTS: Final = Permission("kms:Decrypt", Target.KEY, When.KMS)  # parts are read when they are put together

PERMISSIONS: Final[Mapping[str, tuple[Permission, ...]]] = {
    "AbortMultipartUpload": (Permission("s3:AbortMultipartUpload", Target.OBJECT),),
    "CompleteMultipartUpload": (Permission("s3:PutObject", Target.OBJECT), _OF_PARTS),
    "CopyObject": (
        *_COPIED,
        *_WRITTEN,
        Permission("s3:GetObjectTagging", Target.COPIED, When.COPIED_TAGS),
        Permission("kms:Decrypt", Target.COPIED_KEY, When.KMS),
    ),
    "CreateBucket": (Permission("s3:CreateBucket", Target.BUCKET),),
    "CreateMultipartUpload": (*_WRITTEN, _OF_PARTS),
    "DeleteObject": _DELETED,
    "DeleteObjects": _DELETED,
    "GetBucketEncryption": (Permission("s3:GetEncryptionConfiguration", Target.BUCKET),),
    "GetObject": _READ,
    "GetObjectTagging": (
        Permission("s3:GetObjectTagging", Target.OBJECT, When.CURRENT),
        Permission("s3:GetObjectVersionTagging", Target.OBJECT, When.VERSION),
    ),
    "HeadBucket": (Permission("s3:ListBucket", Target.LISTED),),
    "HeadObject": _READ,  # kms:Decrypt for checksums alone; whoever may not decrypt is told the rest
    "ListMultipartUploads": (Permission("s3:ListBucketMultipartUploads", Target.LISTED),),
    "ListObjectVersions": (Permission("s3:ListBucketVersions", Target.LISTED),),
    "ListObjectsV2": (Permission("s3:ListBucket", Target.LISTED),),
    "ListParts": (Permission("s3:ListMultipartUploadParts", Target.OBJECT), _OF_PARTS),
    "PutObject": _WRITTEN,
    "UploadPart": (Permission("s3:PutObject", Target.OBJECT), _OF_PARTS),
    "UploadPartCopy": (
        *_COPIED,
        Permission("s3:PutObject", Target.OBJECT),
        _OF_PARTS,
        Permission("kms:Decrypt", Target.COPIED_KEY, When.KMS),
    ),
}
"""By the operation's name in the S3 API."""


def page_of(operation: str) -> str:
    """Return the address of an operation's page in the S3 API reference."""
    return f"https://docs.aws.amazon.com/AmazonS3/latest/API/API_{operation}.html"


_ALL_USES = (When.ALWAYS, When.CURRENT)
_TOLD = (When.TAGS, When.COPIED_TAGS, When.KMS)
_WRITES = frozenset({"PutObject", "CopyObject"} | {name for name in PERMISSIONS if "Upload" in name})


def actions_of(operation: str, *cases: When) -> str:
    """Return what an operation needs in these cases, by default always and without a version: "s3:GetObject"."""
    needed = PERMISSIONS[operation]
    named = list(dict.fromkeys(each.action for each in needed if each.when in (cases or _ALL_USES)))
    return f"{', '.join(named[:-1])} or {named[-1]}" if len(named) > 1 else named[0]


def missing_permission(operation: str) -> str:
    """Return what credentials may be missing that were denied an operation, as a sentence begins with it."""
    needed = [each for each in PERMISSIONS.get(operation, ()) if each.when in _ALL_USES]
    named = " or ".join(f"{each.action}{_where(operation, each.target)}" for each in needed)
    if operation == "HeadObject":
        return f"{named} (or, where there is no object, s3:ListBucket)"
    return named or "a permission"


def further_permissions(operation: str) -> str:
    """Return what may be missing besides, in some cases: ", with tags s3:PutObjectTagging"; empty if there is none."""
    by_case: dict[When, list[str]] = {}
    for each in PERMISSIONS.get(operation, ()):
        if each.when in _TOLD and each.action not in by_case.setdefault(each.when, []):
            by_case[each.when].append(each.action)
    return "".join(f", {when} {' and '.join(actions)}" for when, actions in by_case.items() if actions)


def _where(operation: str, target: Target) -> str:
    if target is Target.COPIED:
        return " on the source"
    return " on the destination" if operation in _WRITES and target is Target.OBJECT else ""


POLICY_HINT: Final = "`s3plan policy` prints all that a job needs"
