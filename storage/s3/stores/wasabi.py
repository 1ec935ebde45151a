"""Wasabi."""

from __future__ import annotations

from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import Acls, Integrity, StoreQuirks, Support

_API = "https://docs.wasabi.com/apidocs/wasabi-api.md"
_OBJECTS = "https://docs.wasabi.com/docs/operations-on-objects"
_LIMITS = "https://github.com/pglombardo/PasswordPusher/issues/1895"  # quotes Wasabi's own answers
_GB, _TB = 10**9, 10**12

WASABI = StoreQuirks(
    name=StoreName.WASABI,
    title="Wasabi",
    hosts=(".wasabisys.com",),
    integrity=Integrity.MD5,
    has_annotations=Support.NO,
    batch_deletes=Support.YES,
    most_part_bytes=5 * _GB,
    most_put_bytes=5 * _GB,
    most_copy_bytes=5 * _GB,
    most_object_bytes=5 * _TB,
    tags=Support.YES,
    acls=Acls.OBJECT,
    storage_classes=frozenset({"STANDARD"}),
    sources={
        "hosts": "https://docs.wasabi.com/docs/rest-api-introduction",
        "integrity": "https://docs.wasabi.com/docs/rest-api-introduction",  # BadDigest: The Content-MD5 ...
        "has_annotations": _API,
        "batch_deletes": _API,
        "most_part_bytes": _LIMITS,
        "most_put_bytes": _LIMITS,
        "most_copy_bytes": _LIMITS,
        "most_object_bytes": _LIMITS,
        "tags": "https://docs.wasabi.com/apidocs/object-tagging-with-the-wasabi-s3-api.md",
        "acls": _API,
        "storage_classes": _OBJECTS,
    },
)
