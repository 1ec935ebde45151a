"""Deletes of files, each pinned by its stamp: taken out of its place, looked at, and only then gone."""

from __future__ import annotations

from s3plan.schemas.failures import Failure
from s3plan.schemas.files.requests import (
    FileFound,
    FilePublished,
    FindFile,
    LeftReturned,
    Published,
    RemoveFile,
    ReturnLeft,
)
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.outcomes import Evidence, Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.storage.steps import Asking, BatchContext, Procedure, ask_file
from s3plan.storage.transfer.files.downloading import ended_at_folder, file_parts, left_outcome, staged_name
from s3plan.storage.transfer.settlement import already_done


def delete_file(context: BatchContext, position: int, action: Action) -> Procedure:
    """Delete one file; tells exactly one outcome."""
    context.emit((yield from _deleted(context, position, action)))


def _deleted(context: BatchContext, position: int, action: Action) -> Asking[Outcome]:
    parts, staged = file_parts(action), staged_name(context, position)
    pinned = Stamp.parse(action.destination_pin or "")
    assert pinned is not None  # noqa: S101  a plan is held to that when it is read
    if context.unclear_since_ms(position) is not None:
        found = yield from ask_file(Side.DESTINATION, FindFile(staged, parts, pinned, -1), FileFound)
        if isinstance(found, Failure):
            return ended_at_folder(position, found)
        for name in found.left:
            answer = yield from ask_file(Side.DESTINATION, ReturnLeft(name, staged, parts), LeftReturned)
            return ended_at_folder(position, answer) if isinstance(answer, Failure) else left_outcome(position, answer)
    removed = yield from ask_file(Side.DESTINATION, RemoveFile(staged, parts, pinned), FilePublished)
    if isinstance(removed, Failure):  # midway, perhaps: the next attempt looks at what this one has left
        return ended_at_folder(position, removed)._replace(is_unclear=True)
    if removed.how is Published.DONE:
        return Outcome(position, OutcomeKind.DONE)
    if removed.how is Published.GONE:
        return already_done(position, Evidence.ABSENT)
    where = "" if removed.kept is None else f": the change lies in {removed.kept}"
    return Outcome(position, OutcomeKind.STALE, f"{removed.how.value}{where}")
