"""What holds for every object that is fetched, wherever its bytes go."""

from __future__ import annotations

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import ObjectFound
from s3plan.storage.steps import Asking, BatchContext
from s3plan.storage.transfer.settlement import ended_badly, look_at_source, moved_source, not_executed


def settle_read(context: BatchContext, position: int, action: Action, failure: Failure) -> Asking[Outcome]:
    """Say how an action ended whose object could not be read: nothing was changed, so only the source is looked at."""
    if failure.kind not in {FailureKind.PRECONDITION, FailureKind.NOT_FOUND}:
        return ended_badly(position, failure)
    found = yield from look_at_source(context, action)
    if isinstance(found, Failure):
        if found.kind is FailureKind.NOT_FOUND:
            return Outcome(position, OutcomeKind.STALE, "source gone")
        return ended_badly(position, found)
    assert isinstance(found, ObjectFound)  # noqa: S101  a look answers nothing else
    moved = moved_source(action, found)
    if moved is not None:
        return Outcome(position, OutcomeKind.STALE, moved)
    # The pin holds at this moment, so what refused us has passed, or the store compares ETags wrongly.
    return Outcome(position, OutcomeKind.UNKNOWN, str(failure), failure=FailureKind.CONFLICT, side=Side.SOURCE)


def suffered(position: int, differs: str) -> Outcome:
    """Return the outcome for bytes that are not those that the store states; they may be fetched again."""
    said = f"its bytes suffered on the way: {differs}"
    return not_executed(
        position, Failure(FailureKind.VERIFICATION, "GetObject", "ChecksumDiffers", said, side=Side.SOURCE)
    )
