"""Google Cloud Storage, by its XML API."""

from __future__ import annotations

from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import TIB, Integrity, KeyRule, StoreQuirks, Support

_HEADERS = "https://cloud.google.com/storage/docs/xml-api/reference-headers"
_QUOTAS = "https://cloud.google.com/storage/quotas"
_RCLONE = "https://github.com/rclone/rclone/blob/master/backend/s3/provider/GCS.yaml"

GCS = StoreQuirks(
    name=StoreName.GCS,
    title="Google Cloud Storage",
    hosts=("storage.googleapis.com",),
    integrity=Integrity.MD5,
    has_annotations=Support.NO,
    refusal_status=400,
    batch_deletes=Support.NO,
    # What is written is conditional on generations, for which S3 has no word; what is not among the headers of a
    # request is ignored.
    conditions={
        **dict.fromkeys(Condition, Enforcement.CHECKED),
        Condition.COPY_SOURCE_MATCH: Enforcement.UNKNOWN,
    },
    part_copies=Support.NO,
    decompresses=Support.YES,
    most_put_bytes=5 * TIB,
    most_copy_bytes=5 * TIB,
    most_object_bytes=5 * TIB,
    key_rules=frozenset({KeyRule.NO_LINE_BREAKS}),
    tags=Support.NO,
    storage_classes=frozenset(
        {
            "STANDARD",
            "NEARLINE",
            "COLDLINE",
            "ARCHIVE",
            "MULTI_REGIONAL",
            "REGIONAL",
            "DURABLE_REDUCED_AVAILABILITY",
        }
    ),
    most_metadata_bytes=8192,
    sources={
        "hosts": _RCLONE,
        "integrity": _HEADERS,
        "has_annotations": _HEADERS,
        "refusal_status": "https://github.com/supabase/storage/issues/898",
        "batch_deletes": "https://github.com/supabase/storage/issues/898",
        "conditions": f"{_HEADERS} and https://github.com/gaul/undocumented-s3-apis/issues/4",
        "part_copies": f"{_RCLONE}, https://issuetracker.google.com/issues/323465186",
        "decompresses": "https://cloud.google.com/storage/docs/transcoding#decompressive_transcoding",
        "most_parts": _QUOTAS,
        "least_part_bytes": _QUOTAS,
        "most_part_bytes": _QUOTAS,
        "most_put_bytes": _QUOTAS,
        "most_copy_bytes": _RCLONE,
        "most_object_bytes": _QUOTAS,
        "key_rules": "https://cloud.google.com/storage/docs/objects#naming",
        "tags": _HEADERS,
        "storage_classes": "https://cloud.google.com/storage/docs/storage-classes",
        "most_metadata_bytes": _QUOTAS,
    },
)
