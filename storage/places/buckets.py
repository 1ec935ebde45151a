"""Buckets: where they are, and making the one that a destination lacks."""

from __future__ import annotations

from s3plan.schemas.errors import PlanRefused, StoreRefused
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import BucketFound, CreateBucket, HeadBucket
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import BucketMissing, refusal_of

__all__ = ["BucketMissing", "BucketTaken", "claim_bucket", "create_bucket", "find_region", "is_owned_by_another"]

_OURS, _TAKEN = "BucketAlreadyOwnedByYou", "BucketAlreadyExists"
_NOBODY, _NOBODY_ELSE = "0" * 12, "1" * 12  # account ids that are given to no one


class BucketTaken(PlanRefused):
    """There is a bucket of that name, and it is not known to be ours."""


def find_region(
    engine: Engine, bucket: str, *, owner: str | None = None, patience: Patience | None = None
) -> str | None:
    """Return the region that the store says the bucket is in; None where it does not say.

    AWS names it even to those who may not use the bucket, so a denial with a region is an answer. Raises BucketMissing,
    StoreRefused, CredentialsUnusable.
    """
    reply = (patience or Patience()).call(engine, HeadBucket(bucket, owner=owner))
    if isinstance(reply, BucketFound):
        return reply.region
    if not isinstance(reply, Failure):
        raise TypeError(f"{type(reply).__name__} answers no HeadBucket")
    if reply.region is not None and reply.kind in {FailureKind.DENIED, FailureKind.WRONG_REGION}:
        return reply.region
    if reply.kind is FailureKind.DENIED:
        return None  # listing will tell whether that matters: HeadBucket can be denied alone
    raise refusal_of(
        reply,
        bucket=bucket,
        doing="looking for the bucket",
        clock_offset_ms=engine.clock_offset_ms,
    )


def is_owned_by_another(engine: Engine, bucket: str, *, owner: str | None, patience: Patience | None = None) -> bool:
    """Return whether the bucket answers, but not to those who expect this owner; False where none is expected.

    A denial alone may be a permission that lacks: the same request without the expected owner tells.
    """
    if owner is None:
        return False
    patient = patience or Patience()
    reply = patient.call(engine, HeadBucket(bucket, owner=owner))
    is_denied = isinstance(reply, Failure) and reply.kind is FailureKind.DENIED
    return is_denied and isinstance(patient.call(engine, HeadBucket(bucket)), BucketFound)


def looks_at_owners(engine: Engine, bucket: str, *, owner: str, patience: Patience | None = None) -> bool:
    """Whether the store denies the bucket to those who expect another owner; some ignore the header."""
    stranger = _NOBODY_ELSE if owner == _NOBODY else _NOBODY
    reply = (patience or Patience()).call(engine, HeadBucket(bucket, owner=stranger))
    return isinstance(reply, Failure) and reply.kind is FailureKind.DENIED


def create_bucket(engine: Engine, bucket: str, *, region: str | None, patience: Patience | None = None) -> None:
    """Create the bucket through an engine of that region and wait until it can be seen.

    One that is ours already is fine. Raises BucketTaken (exit 4) where the name is somebody else's, StoreRefused,
    CredentialsUnusable.
    """
    patient = patience or Patience()
    reply = patient.call(engine, CreateBucket(bucket, region=region))
    if isinstance(reply, Failure) and reply.code != _OURS:
        if reply.code == _TAKEN:
            raise BucketTaken(f"{bucket}: the name is taken by another account; choose another")
        raise refusal_of(
            reply,
            bucket=bucket,
            doing="creating the bucket",
            clock_offset_ms=engine.clock_offset_ms,
        )
    _wait_until_visible(engine, bucket, patient)


def claim_bucket(
    engine: Engine, bucket: str, *, region: str | None, owner: str | None, patience: Patience | None = None
) -> None:
    """See that a bucket which was not there at the plan is ours or the expected owner's; raise BucketTaken if not.

    Somebody else may have made it since, to be given our objects. Where the store holds expected owners, that one
    tells. Else the bucket is asked for once more: BucketAlreadyOwnedByYou, and in us-east-1 a 200, are the answers to
    its owner (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html); everybody else, and who may
    not create buckets, gets another.
    """
    patient = patience or Patience()
    if owner is not None and _holds_owners(engine, bucket, owner, patient):
        return
    reply = patient.call(engine, CreateBucket(bucket, region=region))
    if isinstance(reply, Failure) and reply.kind.is_credentials:
        raise refusal_of(
            reply,
            bucket=bucket,
            doing="seeing whose the bucket is",
            clock_offset_ms=engine.clock_offset_ms,
        )
    if isinstance(reply, Failure) and reply.code != _OURS:
        raise BucketTaken(
            f"{bucket}: the plan says that there is no such bucket, and now there is one that is not known to be yours "
            f"({reply}); look at it, and plan again if it is"
        )


def _holds_owners(engine: Engine, bucket: str, owner: str, patience: Patience) -> bool:
    """Whether the store lets in those who expect this owner, and nobody who expects another."""
    is_let_in = isinstance(patience.call(engine, HeadBucket(bucket, owner=owner)), BucketFound)
    return is_let_in and looks_at_owners(engine, bucket, owner=owner, patience=patience)


def _wait_until_visible(engine: Engine, bucket: str, patience: Patience) -> None:
    for attempt in range(patience.attempts):
        try:
            find_region(engine, bucket, patience=patience)
        except BucketMissing:
            patience.sleep(patience.pause_s(attempt))
        else:
            return
    raise StoreRefused(f"{bucket}: created, but the store does not show it yet; apply again in a minute")
