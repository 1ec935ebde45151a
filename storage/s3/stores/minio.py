"""MinIO."""

from __future__ import annotations

from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import TIB, Acls, Encryptions, KeyRule, StoreQuirks, Support

_API = "https://min.io/docs/minio/linux/reference/s3-api-compatibility.html"
_LIMITS = "https://min.io/docs/minio/linux/operations/concepts/thresholds.html"

MINIO = StoreQuirks(
    name=StoreName.MINIO,
    title="MinIO",
    has_annotations=Support.NO,
    batch_deletes=Support.YES,
    part_copies=Support.YES,
    most_put_bytes=5 * TIB,
    key_rules=frozenset({KeyRule.FILE_NAMES}),
    tags=Support.YES,
    acls=Acls.NONE,
    storage_classes=frozenset({"STANDARD", "REDUCED_REDUNDANCY"}),
    encryptions=frozenset(Encryptions),
    versioning=Support.YES,
    requester_pays=Support.NO,
    sources={
        "has_annotations": _API,
        "batch_deletes": _API,
        "part_copies": _API,
        "most_parts": _LIMITS,
        "least_part_bytes": _LIMITS,
        "most_part_bytes": _LIMITS,
        "most_put_bytes": _LIMITS,
        "most_object_bytes": f"{_LIMITS}: 50 TiB, of which 10,000 parts of 5 GiB reach 48.8 TiB",
        "key_rules": _LIMITS,
        "tags": _API,
        "acls": _API,
        "storage_classes": "https://github.com/minio/minio/blob/master/docs/erasure/storage-class/README.md",
        "encryptions": "https://min.io/docs/minio/linux/administration/server-side-encryption.html",
        "versioning": _API,
        "requester_pays": _API,
    },
)
