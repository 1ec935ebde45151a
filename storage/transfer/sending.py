"""What holds for every object that is sent in one piece, wherever its bytes come from: they are known as they go."""

from __future__ import annotations

from s3plan.schemas.evidence.ladder import KnownBytes, compare_bytes, known_of_object
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.requests.objects import ObjectFound, ObjectWritten, Reply
from s3plan.storage.checksums import CRC64NVME
from s3plan.storage.steps import Asking, BatchContext
from s3plan.storage.transfer.evidence import Made, evidence_of
from s3plan.storage.transfer.settlement import already_done, look_at_destination, moved_destination, settle
from s3plan.storage.transfer.verifying import not_verified, prove_ours, verify_written
from s3plan.storage.verification.asked_sides import AskedSide

SENT_WITH_HEAD_BYTES = 64 << 10
"""Bodies up to this size go in one piece with the request's head."""


def needs_look(context: BatchContext, action: Action) -> bool:
    """Return whether the destination must be looked at before the upload: its store does not hold the pin."""
    pin = action.destination_pin
    return not context.is_enforced(Condition.PUT_ABSENT if pin is None else Condition.PUT_MATCH)


def judge_written(
    context: BatchContext,
    position: int,
    action: Action,
    known: KnownBytes,
    reply: ObjectWritten,
    *,
    source: AskedSide,
) -> Asking[Outcome]:
    """Return how a write ended that the store took, and by what it is proved that it has the bytes that were sent."""
    compared = compare_bytes(known, known_of_written(action.size_bytes, reply))
    if compared is None:
        return (yield from verify_written(context, position, action, reply, source=source))
    if compared.is_same:
        return Outcome(position, OutcomeKind.DONE, evidence=compared.by)
    return not_verified(position, compared)


def known_of_written(size_bytes: int, reply: ObjectWritten) -> KnownBytes:
    """Return what the reply to a write tells of the bytes that were stored; its ETag need not be an MD5 sum."""
    checksums = {} if reply.crc64nvme is None else {CRC64NVME: reply.crc64nvme}
    return known_of_object(size_bytes, reply.etag or "", checksums=checksums, is_exact=False)


def look_for_made(
    context: BatchContext, position: int, action: Action, made: Made | None, *, since_ms: int | None
) -> Asking[Outcome | Failure | None]:
    """Return how an upload has ended by what stands at the destination, as a Look does; `made`: if that is known."""
    found = yield from look_at_destination(context, action)
    ended = judge_made(position, action, found, made)
    if isinstance(ended, Outcome) and ended.kind is OutcomeKind.STALE:
        return (yield from prove_ours(context, position, action, found, since_ms=since_ms, stale=ended))
    return ended


def settle_sent(
    context: BatchContext, position: int, action: Action, known: KnownBytes, failure: Failure
) -> Asking[Outcome]:
    """Decide how a write ended that the store refused or left unclear: never by size and time alone."""
    return settle(
        context,
        position,
        failure,
        look=lambda since_ms: look_for_sent(context, position, action, known, since_ms=since_ms),
    )


def look_for_sent(
    context: BatchContext, position: int, action: Action, known: KnownBytes, *, since_ms: int | None
) -> Asking[Outcome | Failure | None]:
    """Return how a write of these bytes has ended by what stands at the destination, as a Look does."""
    return look_for_made(context, position, action, _made_of(action, known, since_ms), since_ms=since_ms)


def judge_made(position: int, action: Action, found: Reply, made: Made | None) -> Outcome | Failure | None:
    """Return that by what a look has found."""
    if isinstance(found, Failure) and found.kind is not FailureKind.NOT_FOUND:
        return found
    here = found if isinstance(found, ObjectFound) else None
    if here is not None and made is not None:
        evidence = evidence_of(here, made)
        if evidence is not None:
            return already_done(position, evidence)
    moved = moved_destination(action, here)
    return None if moved is None else Outcome(position, OutcomeKind.STALE, moved)


def _made_of(action: Action, known: KnownBytes, since_ms: int | None) -> Made:
    """Return what is made by sending these bytes, as if the source were an object of them: never told by time alone."""
    as_object = ObjectFound(known.md5 or "", action.size_bytes, 0, checksums=known.checksums)
    return Made(action._replace(source_pin=known.md5), since_ms, source=as_object, tells_time=False)
