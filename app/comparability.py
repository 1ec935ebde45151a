"""Whether the ETags of both sides are MD5 sums, as far as the buckets' default encryption tells."""

from __future__ import annotations

from s3plan.app.locations import FoundLocation
from s3plan.app.stores import Stores
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.manifest.locations import EncryptionSetting
from s3plan.schemas.requests import EncryptionFound, GetBucketEncryption
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import refusal_of

_NO_KMS_THERE = frozenset({FailureKind.UNSUPPORTED, FailureKind.NOT_FOUND})
# No answer to what was asked; another plan must not come of that.
_SAYS_NOTHING = frozenset({FailureKind.THROTTLED, FailureKind.UNREACHABLE, FailureKind.WRONG_REGION})
_PATIENCE = Patience(attempts=5)  # some stores never answer this one


def are_etags_comparable(
    stores: Stores, source: FoundLocation, destination: FoundLocation, asked: EncryptionSetting | None
) -> bool:
    """Return whether neither side is encrypted with KMS, as far as is known.

    ETags of objects under SSE-KMS are no MD5 sums (S3 API reference, Object, ETag). The manifest's `encryption:`
    speaks for the destination; otherwise the bucket's default is asked for, and not knowing counts as no. Raises
    StoreRefused, CredentialsUnusable where the question was not answered at all.
    """
    if asked is not None and asked.type.value != "AES256":
        return False
    sides = [source] if asked is not None else [source, destination]
    return all(_is_free_of_kms(stores, side) for side in sides if side.exists)


def _is_free_of_kms(stores: Stores, found: FoundLocation) -> bool:
    location = found.location
    engine = stores.engine_of(location)
    reply = _PATIENCE.call(engine, GetBucketEncryption(location.bucket, owner=location.owner))
    if isinstance(reply, EncryptionFound):
        return reply.type is None or not reply.type.startswith("aws:kms")
    if isinstance(reply, Failure) and (reply.kind.is_credentials or reply.kind in _SAYS_NOTHING):
        raise refusal_of(
            reply,
            bucket=location.bucket,
            doing="asking for the bucket's encryption",
            permission="s3:GetEncryptionConfiguration",
            clock_offset_ms=engine.clock_offset_ms,
        )
    return isinstance(reply, Failure) and reply.kind in _NO_KMS_THERE
