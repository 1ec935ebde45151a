"""Backblaze B2, by its S3-compatible API."""

from __future__ import annotations

from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import Acls, Encryptions, Integrity, StoreQuirks, Support

_API = "https://www.backblaze.com/docs/cloud-storage-s3-compatible-api"
_LARGE = "https://www.backblaze.com/docs/cloud-storage-large-files"
_MB, _GB, _TB = 10**6, 10**9, 10**12

B2 = StoreQuirks(
    name=StoreName.B2,
    title="B2",
    hosts=(".backblazeb2.com",),
    integrity=Integrity.MD5,
    states_checksums=Support.NO,
    has_annotations=Support.NO,
    refusal_status=400,
    batch_deletes=Support.YES,
    part_copies=Support.YES,
    least_part_bytes=5 * _MB,
    most_part_bytes=5 * _GB,
    most_put_bytes=5 * _GB,
    most_copy_bytes=5 * _GB,
    most_object_bytes=10 * _TB,
    tags=Support.NO,
    acls=Acls.BUCKET,
    encryptions=frozenset({Encryptions.SSE_S3, Encryptions.SSE_C}),
    versioning=Support.YES,
    sources={
        "hosts": "https://www.backblaze.com/apidocs/introduction-to-the-s3-compatible-api",
        "integrity": "https://github.com/stonith404/pingvin-share/issues/798",
        "states_checksums": "https://github.com/vatesfr/xen-orchestra/issues/8358",
        "has_annotations": _API,
        "refusal_status": "https://github.com/diced/zipline/issues/746",
        "batch_deletes": "https://www.backblaze.com/b2/docs/s3_compatible_api.html",
        "part_copies": "https://www.backblaze.com/b2/docs/s3_compatible_api.html",
        "most_parts": _LARGE,
        "least_part_bytes": _LARGE,
        "most_part_bytes": _LARGE,
        "most_put_bytes": _LARGE,
        "most_copy_bytes": _LARGE,
        "most_object_bytes": _LARGE,
        "tags": "https://github.com/Intrinsec/s3proxy/issues/34",
        "acls": _API,
        "encryptions": _API,
        "versioning": "https://www.backblaze.com/b2/docs/s3_compatible_api.html",
    },
)
