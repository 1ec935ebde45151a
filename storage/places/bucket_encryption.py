"""Whether a bucket's objects have MD5 sums as ETags, as far as its default encryption tells."""

from __future__ import annotations

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import EncryptionFound, GetBucketEncryption
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import refusal_of

_NO_KMS_THERE = frozenset({FailureKind.UNSUPPORTED, FailureKind.NOT_FOUND})
# No answer to what was asked; another plan must not come of that.
_SAYS_NOTHING = frozenset({FailureKind.THROTTLED, FailureKind.UNREACHABLE, FailureKind.WRONG_REGION})
_PATIENCE = Patience(attempts=5)  # some stores never answer this one


def is_free_of_kms(engine: Engine, location: PlanLocation) -> bool:
    """Return whether the bucket does not encrypt by KMS; not knowing counts as no.

    ETags of objects under SSE-KMS are no MD5 sums (S3 API reference, Object, ETag). Raises StoreRefused,
    CredentialsUnusable where the question was not answered at all.
    """
    reply = _PATIENCE.call(engine, GetBucketEncryption(location.bucket, owner=location.owner))
    if isinstance(reply, EncryptionFound):
        return reply.type is None or not reply.type.startswith("aws:kms")
    if isinstance(reply, Failure) and (reply.kind.is_credentials or reply.kind in _SAYS_NOTHING):
        raise refusal_of(
            reply,
            bucket=location.bucket,
            doing="asking for the bucket's encryption",
            clock_offset_ms=engine.clock_offset_ms,
        )
    return isinstance(reply, Failure) and reply.kind in _NO_KMS_THERE
