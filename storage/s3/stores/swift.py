"""OpenStack Swift, by its s3api."""

from __future__ import annotations

from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import GIB, Acls, Integrity, StoreQuirks, Support

_S3API = "https://docs.openstack.org/swift/latest/middleware.html#module-swift.common.middleware.s3api.s3api"
_COMPARED = "https://docs.openstack.org/swift/latest/s3_compat.html"
_LIMITS = "https://docs.openstack.org/swift/latest/api/object_api_v1_overview.html"
_MEASURED = "measured with 2.38.3"

SWIFT = StoreQuirks(
    name=StoreName.SWIFT,
    title="Swift",
    integrity=Integrity.MD5,
    states_checksums=Support.NO,
    has_annotations=Support.NO,
    batch_deletes=Support.YES,
    conditions={
        **dict.fromkeys(Condition, Enforcement.UNKNOWN),
        Condition.PUT_ABSENT: Enforcement.NOT_ATOMIC,
        Condition.PUT_MATCH: Enforcement.CHECKED,
        Condition.COPY_ABSENT: Enforcement.CHECKED,
    },
    part_copies=Support.YES,
    most_parts=1000,
    most_object_bytes=1000 * 5 * GIB,
    tags=Support.NO,
    acls=Acls.OBJECT,
    storage_classes=frozenset({"STANDARD"}),
    most_metadata_bytes=4096,
    encryptions=frozenset(),
    checksums=frozenset(),
    versioning=Support.YES,
    sources={
        "integrity": f"{_MEASURED}: it returns no checksum of an object, refuses a wrong Content-MD5",
        "states_checksums": f"{_MEASURED}: it returns none",
        "has_annotations": _COMPARED,
        "refusal_status": f"{_MEASURED}: 501 to ?tagging and to PutObject with If-Match",
        "batch_deletes": f"{_MEASURED}: 1,001 keys are refused",
        "conditions": f"{_MEASURED}: up to 8 of 8 writers won with If-None-Match, If-Match is answered by 501; "
        "a copy's If-None-Match is answered by 412 where there is nothing, too",
        "part_copies": _MEASURED,
        "most_parts": _S3API,
        "least_part_bytes": _S3API,
        "most_put_bytes": _LIMITS,
        "most_object_bytes": _S3API,
        "tags": f"{_MEASURED}: 501; https://github.com/IQSS/dataverse/issues/10022",
        "acls": _COMPARED,
        "storage_classes": f"{_MEASURED}: 400 InvalidStorageClass for GLACIER",
        "most_metadata_bytes": _LIMITS,
        "encryptions": f"{_MEASURED}: SSE-C headers are ignored",
        "checksums": f"{_MEASURED}: it returns no checksum of an object",
        "versioning": f"{_MEASURED}: versions, delete markers, copies by versionId",
    },
)
