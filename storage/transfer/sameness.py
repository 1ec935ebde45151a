"""Pairs that a move has found to be the same: proved to be so, on both sides as planned, before the source may go."""

from __future__ import annotations

from s3plan.schemas.evidence.ladder import Compared
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.requests import FileHashed, HashFile
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.outcomes import Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.storage.steps import Asking, BatchContext, Procedure, ask_file
from s3plan.storage.transfer.files.downloading import file_parts
from s3plan.storage.transfer.settlement import ended_badly
from s3plan.storage.transfer.verifying import already_same, verify_pair

_MOVED_ON = {
    FailureKind.NOT_FOUND: "gone",
    FailureKind.PRECONDITION: "changed",
    FailureKind.SOURCE_CHANGED: "changed",  # a file's, on whichever side
}


def prove_same(context: BatchContext, position: int, action: Action) -> Procedure:
    """Prove that both sides have the same bytes, without writing any; tells exactly one outcome.

    What cannot be proved is skipped: nobody removes its source.
    """
    missing = yield from _look_at_empty_file(context, action)
    found = missing or (yield from verify_pair(context, action))
    context.emit(_judge(position, found))


def _look_at_empty_file(context: BatchContext, action: Action) -> Asking[Failure | None]:
    """Return what is wrong with a file without bytes: nothing else needs to be read of it to be compared."""
    stamp = Stamp.parse(action.destination_pin or "")
    if action.size_bytes or not context.destination.is_folder or stamp is None:
        return None
    request = HashFile(file_parts(action), stamp, frozenset({"MD5"}), is_to_last=True)
    reply = yield from ask_file(Side.DESTINATION, request, FileHashed)
    return reply if isinstance(reply, Failure) else None


def _judge(position: int, found: Compared | Failure | None) -> Outcome:
    if isinstance(found, Failure):
        if found.kind in _MOVED_ON:
            side = found.side or Side.DESTINATION
            return Outcome(position, OutcomeKind.STALE, f"{side} {_MOVED_ON[found.kind]}", side=side)
        return ended_badly(position, found)
    if found is None:
        return _kept(position, "nothing proves that both sides have the same bytes")
    if not found.is_same:
        return _kept(
            position, f"not the same: the {found.by} of the source is {found.of_one}, there it is {found.of_other}"
        )
    return already_same(position, found)


def _kept(position: int, why: str) -> Outcome:
    return Outcome(position, OutcomeKind.SKIPPED, f"{why}; the source is kept")
