"""Whether the ETags of both sides are MD5 sums, as far as the buckets' default encryption tells."""

from __future__ import annotations

from s3plan.app.locations import FoundLocation
from s3plan.app.stores import Stores
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.manifest_locations import EncryptionSetting
from s3plan.schemas.requests import EncryptionFound, GetBucketEncryption

_NO_KMS_THERE = frozenset({FailureKind.UNSUPPORTED, FailureKind.NOT_FOUND})


def are_etags_comparable(
    stores: Stores, source: FoundLocation, destination: FoundLocation, asked: EncryptionSetting | None
) -> bool:
    """Return whether neither side is encrypted with KMS, for all that is known.

    ETags of objects under SSE-KMS are no MD5 sums (S3 API reference, Object, ETag). The manifest's `encryption:`
    speaks for the destination; otherwise the bucket's default is asked for, and not knowing counts as no.
    """
    if asked is not None and asked.type.value != "AES256":
        return False
    sides = [source] if asked is not None else [source, destination]
    return all(_is_free_of_kms(stores, side) for side in sides if side.exists)


def _is_free_of_kms(stores: Stores, found: FoundLocation) -> bool:
    location = found.location
    reply = stores.engine_of(location).call(GetBucketEncryption(location.bucket, owner=location.owner))
    if isinstance(reply, EncryptionFound):
        return reply.type is None or not reply.type.startswith("aws:kms")
    return isinstance(reply, Failure) and reply.kind in _NO_KMS_THERE
