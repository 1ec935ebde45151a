"""Looks at both sides after an unclear or refused write, and says how the action ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from s3plan.schemas.evidence.verification import Verify
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Evidence, Outcome, OutcomeKind
from s3plan.schemas.permissions.table import POLICY_HINT, further_permissions, missing_permission
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.pins import MAX_ETAG_CHARACTERS
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import ObjectFound, Reply
from s3plan.storage.listing.object_look import look_at_object
from s3plan.storage.steps import Asking, BatchContext, Procedure
from s3plan.storage.transfer.evidence import Made, evidence_of
from s3plan.storage.transfer.verifying import not_proved, prove_made

LOOK_AGAIN = frozenset(
    {
        FailureKind.PRECONDITION,
        FailureKind.CONFLICT,
        FailureKind.NOT_FOUND,
        FailureKind.TRANSIENT,
        FailureKind.BAD_REPLY,
        FailureKind.NO_SUCH_UPLOAD,
    }
)

Look = Callable[[int | None], Asking[Outcome | Failure | None]]
"""Looks how an action has ended, given Made.unclear_since_ms; None if its pins hold, a Failure if it is not known."""


def not_executed(position: int, failure: Failure) -> Outcome:
    """Return the outcome of a request that did not happen, or whose end is not known; the scheduler may retry it."""
    return Outcome(
        position,
        OutcomeKind.UNKNOWN,
        f"verification: {failure}" if failure.kind is FailureKind.VERIFICATION else str(failure),
        failure=failure.kind,
        retry_after_s=failure.retry_after_s,
        side=failure.side,
    )


def ended_badly(position: int, failure: Failure) -> Outcome:
    """Return the outcome for a failure that needs no look: it says by itself what happened."""
    if failure.kind.is_retryable or failure.kind.is_credentials or failure.kind.is_unclear:
        return not_executed(position, failure)
    if failure.kind is FailureKind.ARCHIVED:
        return Outcome(position, OutcomeKind.SKIPPED, "archived: restore the source object first")
    return Outcome(position, OutcomeKind.FAILED, _explained(failure), failure=failure.kind, side=failure.side)


def _explained(failure: Failure) -> str:
    if failure.kind is not FailureKind.DENIED:
        return str(failure)
    missing, further = missing_permission(failure.operation), further_permissions(failure.operation)
    return f"{failure}; {missing} may be missing{further}; {POLICY_HINT}"


def settle_copy(
    context: BatchContext,
    position: int,
    action: Action,
    failure: Failure,
    *,
    multipart_etag: str | None = None,
    is_write: bool = True,
    tells_time: bool = True,
) -> Asking[Outcome]:
    """Decide how a copy ended that the store refused or left unclear.

    The destination first: if it is what the action would have made, the action is already-done. Then the pins: the
    side that moved makes it stale. If both still hold, the write did not happen and may be tried again. `is_write`
    says whether the request that failed would have made the object, `tells_time` whether its size and time may be all
    that shows it.
    """
    return (
        yield from settle(
            context,
            position,
            failure,
            look=lambda since_ms: look_at_both(
                context, position, action, since_ms=since_ms, multipart_etag=multipart_etag, tells_time=tells_time
            ),
            is_write=is_write,
        )
    )


def settle(
    context: BatchContext, position: int, failure: Failure, *, look: Look, is_write: bool = True
) -> Asking[Outcome]:
    """Decide how a write ended by what a look finds; `is_write` as in settle_copy."""
    if failure.kind not in LOOK_AGAIN:
        return ended_badly(position, failure)
    is_unclear = is_write and failure.kind.is_unclear
    since_ms = context.unclear_since_ms(position)
    if since_ms is None and is_unclear:
        since_ms = context.task.begun_at_ms
    ended = yield from look(since_ms)
    if isinstance(ended, Failure):
        ended = ended_badly(position, ended)
    elif ended is None and failure.kind in (FailureKind.PRECONDITION, FailureKind.NOT_FOUND):
        # The pins hold at this moment, so what refused us has passed, or the store compares ETags wrongly.
        ended = not_executed(position, replace(failure, kind=FailureKind.CONFLICT))
    ended = ended or not_executed(position, failure)
    return ended._replace(is_unclear=True) if is_unclear else ended


def look_at_both(
    context: BatchContext,
    position: int,
    action: Action,
    *,
    since_ms: int | None,
    multipart_etag: str | None = None,
    tells_time: bool = True,
) -> Asking[Outcome | Failure | None]:
    """Return how a copy has ended by what stands on both sides now; None if both pins hold, a Failure if unknown.

    `since_ms` as Made.unclear_since_ms.
    """
    found = yield from look_at_destination(context, action)
    if isinstance(found, Failure) and found.kind is not FailureKind.NOT_FOUND:
        return found
    here = found if isinstance(found, ObjectFound) else None
    source: Reply | None = None
    if here is not None and _is_worth_a_comparison(here, action):
        source = yield from look_at_source(context, action)
    if here is not None:
        made = Made(action, since_ms, multipart_etag, pinned(action, source), tells_time=tells_time)
        evidence = evidence_of(here, made)
        if evidence is not None:
            return (yield from weigh(context, position, action, evidence, here, source=pinned(action, source)))
    moved = moved_destination(action, here)
    if moved is not None:
        return Outcome(position, OutcomeKind.STALE, moved)
    if source is None:
        source = yield from look_at_source(context, action)
    if isinstance(source, Failure):
        if source.kind is not FailureKind.NOT_FOUND:
            return source
        return Outcome(position, OutcomeKind.STALE, "source gone")
    assert isinstance(source, ObjectFound)  # noqa: S101  a look answers nothing else
    moved = moved_source(action, source)
    return None if moved is None else Outcome(position, OutcomeKind.STALE, moved)


def already_done(position: int, evidence: Evidence) -> Outcome:
    """Return the outcome for a destination that is what the action would have made."""
    is_weak = evidence is Evidence.BY_SIZE_AND_TIME
    reason = "the destination has the planned size and was written since; no more is known of it" if is_weak else ""
    return Outcome(position, OutcomeKind.ALREADY_DONE, reason, evidence)


def weigh(
    context: BatchContext,
    position: int,
    action: Action,
    evidence: Evidence,
    here: ObjectFound,
    *,
    source: ObjectFound | None,
) -> Asking[Outcome]:
    """Return the outcome for a copy that evidence shows to be made: of what bytes is asked for `checksum`, at most."""
    if (
        evidence not in (Evidence.BY_PARTS, Evidence.BY_SIZE_AND_TIME)
        or context.task.settings.verification.asks is not Verify.CHECKSUM
    ):
        return already_done(position, evidence)
    ended = yield from prove_made(context, position, action, here, source)
    return already_done(position, evidence) if ended is None else ended


def look_at_unverified(context: BatchContext, position: int, action: Action, procedure: Procedure) -> Procedure:
    """Perform a write that failed by its verification, unless something stands at the destination since.

    That is looked at once more: what it was the last time may have been a store's, or a network's, passing fault.
    """
    found = yield from look_at_destination(context, action)
    if isinstance(found, Failure) and found.kind is not FailureKind.NOT_FOUND:
        context.emit(ended_badly(position, found))
        return
    here = found if isinstance(found, ObjectFound) else None
    if here is None or moved_destination(action, here) is None:
        yield from procedure
        return
    procedure.close()
    ended = yield from prove_made(context, position, action, here, None)
    why = "the destination was written, and nothing proves that it has the bytes of the source"
    context.emit(not_proved(position, why) if ended is None else ended)


def _is_worth_a_comparison(here: ObjectFound, action: Action) -> bool:
    """Return whether the source could show that this is the action's work, which its ETag does not."""
    return here.size_bytes == action.size_bytes and here.etag not in (action.source_pin, action.destination_pin)


def pinned(action: Action, source: Reply | None) -> ObjectFound | None:
    """Return the source if it is the object that the plan saw: no other shows anything about the action's work."""
    if not isinstance(source, ObjectFound) or moved_source(action, source) is not None:
        return None
    return source


def moved_destination(action: Action, found: ObjectFound | None) -> str | None:
    """Return how the destination differs from its pin, or None if the pin holds; of a removal that is the source."""
    what = Side.SOURCE if action.kind is ActionKind.REMOVE else Side.DESTINATION
    if found is None:
        return None if action.destination_pin is None else f"{what} gone"
    if action.destination_pin is None:
        return f"destination created after the plan (etag {_shown(found.etag)})"
    if found.etag != action.destination_pin:
        return f"{what} changed: etag {action.destination_pin} -> {_shown(found.etag)}"
    return None


def moved_source(action: Action, found: ObjectFound) -> str | None:
    """Return how the source differs from its pin, or None if the pin holds."""
    if found.etag != action.source_pin:
        return f"source changed: etag {action.source_pin} -> {_shown(found.etag)}"
    if found.size_bytes != action.size_bytes:  # a listing, or a plan, may lie: cut by it, a copy would miss its end
        return f"source is of another size: {action.size_bytes} -> {found.size_bytes}"
    return None


def _shown(etag: str) -> str:
    """Return an ETag as a reason quotes it: a store may send anything for one, and reasons are kept."""
    return etag if len(etag) <= MAX_ETAG_CHARACTERS else f"{etag[:MAX_ETAG_CHARACTERS]}..."


def look_at_destination(context: BatchContext, action: Action) -> Asking[Reply]:
    """Return what stands at the destination's key, or a Failure (NOT_FOUND: nothing does)."""
    return look_at_object(Side.DESTINATION, context.destination, context.destination_key(action))


def look_at_source(context: BatchContext, action: Action) -> Asking[Reply]:
    """Return what stands at the source's key, or a Failure (NOT_FOUND: nothing does)."""
    return look_at_object(Side.SOURCE, context.source, context.source_key(action), version=action.source_version)
