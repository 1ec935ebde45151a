"""Looks at both sides after an unclear or refused write, and says how the action ended."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from s3plan.schemas.actions import Action
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind
from s3plan.schemas.requests import HeadObject, ObjectFound, Reply
from s3plan.storage.evidence import BY_CHECKSUM, BY_ETAG, Made, evidence_of
from s3plan.storage.steps import Answer, Ask, AskMany, BatchContext, Next, Side, ask

Look = Generator[Ask | AskMany | Next, Reply | Answer | None, Outcome]

_LOOK_AGAIN = frozenset(
    {
        FailureKind.PRECONDITION,
        FailureKind.CONFLICT,
        FailureKind.NOT_FOUND,
        FailureKind.TRANSIENT,
        FailureKind.BAD_REPLY,
        FailureKind.NO_SUCH_UPLOAD,
    }
)


def not_executed(position: int, failure: Failure) -> Outcome:
    """Return the outcome of a request that did not happen, or whose end is not known; the scheduler may retry it."""
    return Outcome(
        position,
        OutcomeKind.UNKNOWN,
        str(failure),
        failure=failure.kind,
        retry_after_s=failure.retry_after_s,
    )


def ended_badly(position: int, failure: Failure) -> Outcome:
    """Return the outcome for a failure that needs no look: it says by itself what happened."""
    if failure.kind.is_retryable or failure.kind.is_credentials or failure.kind.is_unclear:
        return not_executed(position, failure)
    if failure.kind is FailureKind.ARCHIVED:
        return Outcome(position, OutcomeKind.SKIPPED, "archived: restore the source object first")
    return Outcome(position, OutcomeKind.FAILED, _explained(failure), failure=failure.kind)


def _explained(failure: Failure) -> str:
    if failure.kind is FailureKind.DENIED:
        return f"{failure}; {_PERMISSIONS.get(failure.operation, 'a permission')} may be missing"
    return str(failure)


_PERMISSIONS = {
    "CopyObject": "s3:GetObject on the source or s3:PutObject on the destination (or their tagging permissions)",
    "UploadPartCopy": "s3:GetObject on the source or s3:PutObject on the destination",
    "CreateMultipartUpload": "s3:PutObject on the destination",
    "CompleteMultipartUpload": "s3:PutObject on the destination",
    "HeadObject": "s3:GetObject",
    "GetObjectTagging": "s3:GetObjectTagging",
    "ListParts": "s3:ListMultipartUploadParts",
    "ListObjectsV2": "s3:ListBucket",
    "DeleteObject": "s3:DeleteObject",
    "DeleteObjects": "s3:DeleteObject",
}


def settle_copy(
    context: BatchContext,
    position: int,
    action: Action,
    failure: Failure,
    *,
    multipart_etag: str | None = None,
) -> Look:
    """Decide how a copy ended that the store refused or left unclear.

    The destination first: if it is what the action would have made, the action is already-done. Then the pins: the
    side that moved makes it stale. If both still hold, the write did not happen and may be tried again.
    """
    if failure.kind not in _LOOK_AGAIN:
        return ended_badly(position, failure)
    found = yield from ask(Side.DESTINATION, _head_destination(context, action))
    if isinstance(found, Failure) and found.kind is not FailureKind.NOT_FOUND:
        return not_executed(position, found) if found.kind.is_retryable else ended_badly(position, found)
    source = yield from _source_if_needed(context, action, found)
    if isinstance(found, ObjectFound):
        made = Made(action, context.begun_by_store_clock_ms(), multipart_etag, _checksums(source))
        evidence = evidence_of(found, made)
        if evidence is not None:
            reason = (
                "" if evidence in (BY_ETAG, BY_CHECKSUM) else "the destination has the size and the time of this run"
            )
            return Outcome(position, OutcomeKind.ALREADY_DONE, reason, evidence)
    moved = moved_destination(action, found if isinstance(found, ObjectFound) else None)
    if moved is not None:
        return Outcome(position, OutcomeKind.STALE, moved)
    if source is None:
        source = yield from ask(Side.SOURCE, _head_source(context, action))
    return _settle_by_source(position, action, failure, source)


def _source_if_needed(
    context: BatchContext, action: Action, found: Reply
) -> Generator[Ask | AskMany | Next, Reply | Answer | None, Reply | None]:
    """Ask for the source's checksums only where they could decide."""
    if not isinstance(found, ObjectFound) or not found.checksums or found.etag == action.source_etag:
        return None
    return (yield from ask(Side.SOURCE, _head_source(context, action)))


def _checksums(source: Reply | None) -> Mapping[str, str] | None:
    return source.checksums if isinstance(source, ObjectFound) else None


def _settle_by_source(position: int, action: Action, failure: Failure, source: Reply) -> Outcome:
    if isinstance(source, Failure):
        if source.kind is FailureKind.NOT_FOUND:
            return Outcome(position, OutcomeKind.STALE, "source gone")
        return ended_badly(position, source)
    assert isinstance(source, ObjectFound)  # noqa: S101  HeadObject answers nothing else
    moved = moved_source(action, source)
    if moved is not None:
        return Outcome(position, OutcomeKind.STALE, moved)
    if failure.kind in (FailureKind.PRECONDITION, FailureKind.NOT_FOUND):
        # Both pins hold at this moment, so what refused us has passed, or the store compares ETags wrongly.
        return Outcome(position, OutcomeKind.UNKNOWN, str(failure), failure=FailureKind.CONFLICT)
    return not_executed(position, failure)


def moved_destination(action: Action, found: ObjectFound | None) -> str | None:
    """Return how the destination differs from its pin, or None if the pin holds."""
    if found is None:
        return None if action.destination_etag is None else "destination gone"
    if action.destination_etag is None:
        return f"destination created after the plan (etag {found.etag})"
    if found.etag != action.destination_etag:
        return f"destination changed: etag {action.destination_etag} -> {found.etag}"
    return None


def moved_source(action: Action, found: ObjectFound) -> str | None:
    """Return how the source differs from its pin, or None if the pin holds."""
    if found.etag != action.source_etag:
        return f"source changed: etag {action.source_etag} -> {found.etag}"
    return None


def _head_destination(context: BatchContext, action: Action) -> HeadObject:
    location = context.destination
    return HeadObject(location.bucket, context.destination_key(action), owner=location.owner)


def _head_source(context: BatchContext, action: Action) -> HeadObject:
    location = context.source
    return HeadObject(location.bucket, context.source_key(action), action.source_version, owner=location.owner)
