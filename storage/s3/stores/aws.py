"""Amazon S3."""

from __future__ import annotations

from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import GIB, Acls, Encryptions, Integrity, StoreQuirks, Support

_GUIDE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide"
_API = "https://docs.aws.amazon.com/AmazonS3/latest/API"
_LIMITS = f"{_GUIDE}/qfacts.html"

AWS = StoreQuirks(
    name=StoreName.AWS,
    title="Amazon S3",
    # Further ones are told by schemas/endpoints.py: with a region, a bucket, an endpoint of a VPC in them.
    hosts=("s3.amazonaws.com",),
    integrity=Integrity.CRC64NVME,
    states_checksums=Support.YES,
    has_annotations=Support.YES,
    batch_deletes=Support.YES,
    # Put and complete 2024, delete 2025-09, copy 2025-10.
    conditions=dict.fromkeys(Condition, Enforcement.ENFORCED),
    part_copies=Support.YES,
    part_gets=Support.YES,
    decompresses=Support.NO,
    most_parts=10_000,
    most_object_bytes=10_000 * 5 * GIB,
    tags=Support.YES,
    counts_tags=Support.YES,
    acls=Acls.OBJECT,
    storage_classes=frozenset(
        {
            "STANDARD",
            "REDUCED_REDUNDANCY",
            "STANDARD_IA",
            "ONEZONE_IA",
            "INTELLIGENT_TIERING",
            "GLACIER",
            "DEEP_ARCHIVE",
            "GLACIER_IR",
            "OUTPOSTS",
            "SNOW",
            "EXPRESS_ONEZONE",
            "FSX_OPENZFS",
            "FSX_ONTAP",
        }
    ),
    most_metadata_bytes=2048,
    encryptions=frozenset(Encryptions),
    checksums=frozenset({"CRC64NVME", "CRC32", "CRC32C", "SHA1", "SHA256"}),
    versioning=Support.YES,
    requester_pays=Support.YES,
    sources={
        "hosts": "https://docs.aws.amazon.com/general/latest/gr/s3.html",
        "integrity": f"{_GUIDE}/checking-object-integrity.html",
        "states_checksums": f"{_API}/API_HeadObject.html",
        "has_annotations": f"{_API}/API_CopyObject.html",
        "batch_deletes": f"{_API}/API_DeleteObjects.html",
        "conditions": f"{_GUIDE}/conditional-requests.html",
        "part_copies": f"{_API}/API_UploadPartCopy.html",
        "part_gets": f"{_API}/API_HeadObject.html",
        "decompresses": f"{_API}/API_GetObject.html",
        "most_parts": _LIMITS,
        "least_part_bytes": _LIMITS,
        "most_part_bytes": _LIMITS,
        "most_put_bytes": f"{_GUIDE}/upload-objects.html",
        "most_copy_bytes": f"{_API}/API_CopyObject.html",
        "most_object_bytes": _LIMITS,
        "tags": f"{_GUIDE}/object-tagging.html",
        "counts_tags": f"{_API}/API_GetObject.html",
        "acls": f"{_GUIDE}/acl-overview.html",
        "storage_classes": f"{_API}/API_PutObject.html",
        "most_metadata_bytes": f"{_GUIDE}/UsingMetadata.html",
        "encryptions": f"{_GUIDE}/UsingEncryption.html",
        "checksums": f"{_GUIDE}/checking-object-integrity-upload.html",
        "versioning": f"{_GUIDE}/Versioning.html",
        "requester_pays": f"{_GUIDE}/RequesterPaysBuckets.html",
    },
)
