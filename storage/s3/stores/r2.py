"""Cloudflare R2."""

from __future__ import annotations

from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import GIB, MIB, TIB, Acls, Encryptions, Integrity, KeyRule, StoreQuirks, Support

_API = "https://developers.cloudflare.com/r2/api/s3/api/"
_EXTENSIONS = "https://developers.cloudflare.com/r2/api/s3/extensions/"
_LIMITS = "https://developers.cloudflare.com/r2/platform/limits/"

R2 = StoreQuirks(
    name=StoreName.R2,
    title="R2",
    hosts=(".r2.cloudflarestorage.com",),
    integrity=Integrity.CRC64NVME,
    has_annotations=Support.NO,
    batch_deletes=Support.YES,
    # A copy's destination has headers of R2's own (cf-copy-destination-if-match), which s3plan does not send: unknown,
    # so probed, and looked at first. That a delete has any is not said.
    conditions={
        **dict.fromkeys(Condition, Enforcement.UNKNOWN),
        Condition.PUT_ABSENT: Enforcement.ENFORCED,
        Condition.PUT_MATCH: Enforcement.ENFORCED,
        Condition.COMPLETE_ABSENT: Enforcement.ENFORCED,
        Condition.COMPLETE_MATCH: Enforcement.ENFORCED,
    },
    part_copies=Support.YES,
    part_gets=Support.YES,
    decompresses=Support.YES,
    most_part_bytes=5 * GIB - 5 * MIB,
    equal_parts=True,
    most_put_bytes=5 * GIB - 5 * MIB,
    most_copy_bytes=5 * GIB - 5 * MIB,
    most_object_bytes=5 * TIB - 5 * GIB,
    key_rules=frozenset({KeyRule.NFC}),
    tags=Support.NO,
    acls=Acls.NONE,
    storage_classes=frozenset({"STANDARD", "STANDARD_IA"}),
    most_metadata_bytes=8192,
    encryptions=frozenset({Encryptions.SSE_C}),
    checksums=frozenset({"CRC64NVME", "SHA1", "SHA256"}),  # CRC32 and CRC32C of parts only, COMPOSITE
    versioning=Support.NO,
    requester_pays=Support.NO,
    sources={
        "hosts": _API,
        "integrity": _API,  # CRC-64/NVME of FULL_OBJECT
        "has_annotations": _API,
        "batch_deletes": _API,
        "conditions": f"{_EXTENSIONS} and https://developers.cloudflare.com/r2/api/s3/conditional-operations/",
        "part_copies": _API,
        "part_gets": _API,
        "decompresses": "https://github.com/aws/aws-sdk-go-v2/issues/2848",
        "most_parts": _LIMITS,
        "least_part_bytes": "https://developers.cloudflare.com/r2/objects/upload-objects",
        "most_part_bytes": _LIMITS,
        "equal_parts": "https://developers.cloudflare.com/r2/objects/multipart-objects/",
        "most_put_bytes": _LIMITS,
        "most_copy_bytes": _LIMITS,
        "most_object_bytes": _LIMITS,
        "key_rules": "https://developers.cloudflare.com/r2/reference/unicode-interoperability/",
        "tags": _API,
        "acls": _API,
        "storage_classes": _API,
        "most_metadata_bytes": _LIMITS,
        "encryptions": _API,
        "checksums": _API,
        "versioning": _API,
        "requester_pays": _API,
    },
)
