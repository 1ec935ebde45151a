"""Ceph's object gateway (radosgw)."""

from __future__ import annotations

from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import Acls, Encryptions, Integrity, KeyRule, StoreQuirks, Support

_API = "https://docs.ceph.com/en/tentacle/radosgw/s3/"
_SETTINGS = "https://docs.ceph.com/en/tentacle/radosgw/config-ref/"
_DEFAULTS = "https://github.com/ceph/ceph/blob/main/src/common/options/rgw.yaml.in"
_LIMITS = (
    "https://docs.redhat.com/en/documentation/red_hat_ceph_storage/9/html/developer_guide/"
    "ceph-object-gateway-and-the-s3-api"
)

CEPH = StoreQuirks(
    name=StoreName.CEPH,
    title="Ceph",
    integrity=Integrity.MD5,
    has_annotations=Support.NO,
    batch_deletes=Support.YES,
    part_copies=Support.YES,
    key_rules=frozenset({KeyRule.XML_1_0}),
    tags=Support.YES,
    acls=Acls.OBJECT,
    storage_classes=frozenset({"STANDARD"}),  # others are an operator's: only who names one in a manifest knows it
    most_metadata_bytes=16_000,
    encryptions=frozenset(Encryptions),
    versioning=Support.YES,
    requester_pays=Support.YES,
    sources={
        "integrity": "measured with 16.2.15: it takes a wrong x-amz-checksum-crc32, refuses a wrong Content-MD5",
        "has_annotations": _API,
        "batch_deletes": "measured with 16.2.15: 1,000 keys are deleted, 1,001 refused",
        "part_copies": "measured with 16.2.15",
        "most_parts": _SETTINGS,
        "least_part_bytes": _SETTINGS,
        "most_part_bytes": f"{_DEFAULTS}: rgw_max_put_size, which limits parts, too",
        "most_put_bytes": f"{_DEFAULTS}: rgw_max_put_size",
        "most_object_bytes": f"{_DEFAULTS}: rgw_max_put_size times rgw_multipart_part_upload_limit",
        "key_rules": "measured with 16.2.15: a listing whose prefix has 0x01 or 0x1b is no XML",
        "tags": _API,
        "acls": _API,
        "storage_classes": "https://docs.ceph.com/en/tentacle/radosgw/placement/",
        "most_metadata_bytes": _LIMITS,
        "encryptions": "https://docs.ceph.com/en/tentacle/radosgw/encryption/",
        "versioning": _API,
        "requester_pays": _API,
    },
)
