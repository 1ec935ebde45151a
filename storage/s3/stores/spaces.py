"""DigitalOcean Spaces."""

from __future__ import annotations

from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import Encryptions, Integrity, StoreQuirks, Support

_API = "https://docs.digitalocean.com/products/spaces/reference/s3-compatibility/"
_LIMITS = "https://docs.digitalocean.com/products/spaces/details/limits/"
_GB, _TB = 10**9, 10**12

SPACES = StoreQuirks(
    name=StoreName.SPACES,
    title="Spaces",
    hosts=(".digitaloceanspaces.com",),
    integrity=Integrity.MD5,
    has_annotations=Support.NO,
    part_copies=Support.YES,
    most_part_bytes=5 * _GB,
    most_put_bytes=5 * _GB,
    most_copy_bytes=5 * _GB,
    most_object_bytes=5 * _TB,
    encryptions=frozenset({Encryptions.SSE_C}),
    versioning=Support.YES,
    sources={
        "hosts": "https://github.com/rclone/rclone/blob/master/backend/s3/provider/DigitalOcean.yaml",
        "integrity": _API,  # checksums are not among what it has
        "has_annotations": _API,
        "part_copies": _API,
        "most_parts": _LIMITS,
        "least_part_bytes": _LIMITS,
        "most_part_bytes": _LIMITS,
        "most_put_bytes": _LIMITS,
        "most_copy_bytes": _LIMITS,
        "most_object_bytes": _LIMITS,
        "encryptions": _API,
        "versioning": _API,
    },
)
