"""Deletes with their pins: many in one DeleteObjects where the store holds each key's ETag, singly where it must be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Evidence, Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import DeleteObject, DeleteObjects, KeysDeleted, ObjectFound
from s3plan.schemas.stores.quirks import Support
from s3plan.schemas.stores.xml_text import is_xml_safe
from s3plan.storage.listing.object_look import LOOK_HOLDS_S, as_found, as_unexplained
from s3plan.storage.listing.range_look import Found, look_at_keys
from s3plan.storage.s3.store_quirks import quirks_of
from s3plan.storage.steps import BatchContext, NumberedAction, NumberedProcedure, Procedure, ask
from s3plan.storage.transfer.settlement import ended_badly, look_at_destination, moved_destination, not_executed

MAX_KEYS = 1000
_NO_BATCHES = frozenset({400, 405, 501})
_NO_SUCH_KEY = "NoSuchKey"


def delete_procedures(
    context: BatchContext, numbered: Sequence[NumberedAction], unbatched: list[NumberedAction]
) -> Iterator[NumberedProcedure]:
    """Yield the procedures that delete these actions' keys, each outcome told once.

    A store that holds the pins of single deletes only gets single deletes. Keys that XML 1.0 cannot carry are deleted
    singly. Where no pin is held, the keys are looked at first; the plan's owner has allowed that (`unpinned: allow`).
    A store that is known to have no batch deletes gets single ones; so does one that turns out to have none: what was
    to be in the batch is left in `unbatched`.
    """
    in_batches = context.is_enforced(Condition.BATCH_DELETE_MATCH)
    singly = context.is_enforced(Condition.DELETE_MATCH)
    has_batches = quirks_of(context.destination.store).batch_deletes is not Support.NO and context.deletes_in_batches
    together: list[NumberedAction] = []
    for position, action in numbered:
        is_batched = has_batches and (in_batches or not singly)
        if is_batched and is_xml_safe(context.destination_key(action)):
            together.append((position, action))
        else:
            yield (position,), delete_singly(context, position, action)
        if len(together) == MAX_KEYS:
            yield _positions(together), _delete_together(context, together, unbatched, is_pinned=in_batches)
            together = []
    if together:
        yield _positions(together), _delete_together(context, together, unbatched, is_pinned=in_batches)


def _positions(numbered: Sequence[NumberedAction]) -> list[int]:
    return [position for position, _ in numbered]


def _delete_together(
    context: BatchContext, numbered: Sequence[NumberedAction], unbatched: list[NumberedAction], *, is_pinned: bool
) -> Procedure:
    if is_pinned:
        return _delete_many(context, numbered, unbatched, is_pinned=True)
    return _delete_looked(context, numbered, unbatched)


def delete_singly(context: BatchContext, position: int, action: Action) -> Procedure:
    """Delete one key, by its pin where the store holds those of single deletes, else after a look."""
    if context.is_enforced(Condition.DELETE_MATCH):
        return _delete_one(context, position, action, is_pinned=True)
    return _look_and_delete_one(context, position, action)


def _has_no_batches(reply: Failure) -> bool:
    """Whether a store that answers so to DeleteObjects may not have it; GCS's S3 interface answers 400 or 501."""
    return reply.status in _NO_BATCHES and reply.kind in (FailureKind.INVALID, FailureKind.UNSUPPORTED)


def _delete_one(context: BatchContext, position: int, action: Action, *, is_pinned: bool) -> Procedure:
    location = context.destination
    pin = action.destination_pin if is_pinned else None
    reply = yield from ask(
        Side.DESTINATION,
        DeleteObject(location.bucket, context.destination_key(action), if_match=pin, owner=location.owner),
    )
    if not isinstance(reply, Failure):
        context.emit(Outcome(position, OutcomeKind.DONE))
    elif reply.code == _NO_SUCH_KEY:
        context.emit(_already_gone(position))
    else:
        yield from _settle_by_look(context, position, action, reply)


def _look_and_delete_one(context: BatchContext, position: int, action: Action) -> Procedure:
    found = yield from look_at_destination(context, action)
    if isinstance(found, Failure) and found.kind is not FailureKind.NOT_FOUND:
        context.emit(ended_badly(position, found))
        return
    ended = _judge(position, action, found if isinstance(found, ObjectFound) else None)
    if ended is not None:
        context.emit(ended)
        return
    yield from _delete_one(context, position, action, is_pinned=False)


def _delete_looked(
    context: BatchContext, numbered: Sequence[NumberedAction], unbatched: list[NumberedAction]
) -> Procedure:
    """Delete many keys without pins: those that a look has just found to be as planned."""
    began_s = context.clock()
    found = yield from look_at_keys(Side.DESTINATION, context.destination, _keys(context, numbered))
    if isinstance(found, Failure):
        for position, _ in numbered:
            context.emit(ended_badly(position, found))
        return
    if found is None:
        return  # the run is stopping, and none of these was begun
    numbered = _emit_and_keep(context, numbered, found)
    if context.clock() - began_s <= LOOK_HOLDS_S:
        yield from _delete_many(context, numbered, unbatched, is_pinned=False)
        return
    for position, action in numbered:
        yield from _look_and_delete_one(context, position, action)


def _delete_many(
    context: BatchContext, numbered: Sequence[NumberedAction], unbatched: list[NumberedAction], *, is_pinned: bool
) -> Procedure:
    if not numbered:
        return
    location = context.destination
    by_key = {context.destination_key(action): (position, action) for position, action in numbered}
    keys = [(key, action.destination_pin if is_pinned else None) for key, (_, action) in by_key.items()]
    reply = yield from ask(Side.DESTINATION, DeleteObjects(location.bucket, keys, owner=location.owner))
    if isinstance(reply, KeysDeleted):
        unsettled: list[NumberedAction] = []
        for key, (position, action) in by_key.items():
            if key in reply.deleted:
                context.emit(Outcome(position, OutcomeKind.DONE))
            elif key not in reply.failures:
                unsettled.append((position, action))
            elif reply.failures[key].code == _NO_SUCH_KEY:
                context.emit(_already_gone(position))
            else:
                yield from _settle_by_look(context, position, action, reply.failures[key])
        words = "the reply left this key out"
        silent = Failure(FailureKind.BAD_REPLY, "DeleteObjects", "KeyNotAnswered", words, side=Side.DESTINATION)
        yield from _settle_by_range(context, unsettled, silent)
        return
    assert isinstance(reply, Failure)  # noqa: S101  DeleteObjects answers nothing else
    if reply.kind is FailureKind.MALFORMED_XML and len(numbered) > 1:
        middle = len(numbered) // 2
        for half in (numbered[:middle], numbered[middle:]):
            yield from _delete_together(context, half, unbatched, is_pinned=is_pinned)
    elif reply.kind is FailureKind.MALFORMED_XML:
        yield from delete_singly(context, *numbered[0])
    elif _has_no_batches(reply) and (context.is_enforced(Condition.DELETE_MATCH) or not is_pinned):
        context.note_no_batch_deletes()
        unbatched += numbered
    else:  # also where only batches would hold the pins: a look is less than the plan states
        yield from _settle_by_range(context, numbered, reply)


def _emit_and_keep(context: BatchContext, numbered: Sequence[NumberedAction], found: Found) -> list[NumberedAction]:
    kept: list[NumberedAction] = []
    for position, action in numbered:
        row = found.get(context.destination_key(action).encode())
        ended = _judge(position, action, None if row is None else as_found(row))
        if ended is None:
            kept.append((position, action))
        else:
            context.emit(ended)
    return kept


def _settle_by_range(context: BatchContext, numbered: Sequence[NumberedAction], failure: Failure) -> Procedure:
    """Settle deletes whose reply says nothing of the single key; those still as planned may be tried again."""
    if not numbered:
        return
    if not failure.kind.is_unclear and failure.kind is not FailureKind.CONFLICT:
        for position, _ in numbered:
            context.emit(ended_badly(position, failure))
        return
    found = yield from look_at_keys(Side.DESTINATION, context.destination, _keys(context, numbered))
    if found is None or isinstance(found, Failure):
        for position, _ in numbered:
            context.emit(not_executed(position, found or failure))
        return
    for position, _ in _emit_and_keep(context, numbered, found):
        context.emit(not_executed(position, failure))


def _settle_by_look(context: BatchContext, position: int, action: Action, failure: Failure) -> Procedure:
    """Settle one key's delete that was refused or left unclear; only NoSuchKey says that there was nothing."""
    failure = as_unexplained(failure)
    is_open = failure.kind in (FailureKind.PRECONDITION, FailureKind.CONFLICT) or failure.kind.is_unclear
    if not is_open:
        context.emit(ended_badly(position, failure))
        return
    found = yield from look_at_destination(context, action)
    if isinstance(found, Failure) and found.kind is not FailureKind.NOT_FOUND:
        context.emit(ended_badly(position, found))
        return
    ended = _judge(position, action, found if isinstance(found, ObjectFound) else None)
    if ended is None and failure.kind is FailureKind.PRECONDITION:
        # The pin holds at this moment, so what refused us has passed, or the store compares ETags wrongly.
        ended = not_executed(position, replace(failure, kind=FailureKind.CONFLICT))
    context.emit(ended or not_executed(position, failure))


def _already_gone(position: int) -> Outcome:
    return Outcome(position, OutcomeKind.ALREADY_DONE, "", Evidence.ABSENT)


def _judge(position: int, action: Action, found: ObjectFound | None) -> Outcome | None:
    """Return how a delete has ended by what stands at its key, or None if the object is still the planned one."""
    if found is None:
        return _already_gone(position)
    moved = moved_destination(action, found)
    return None if moved is None else Outcome(position, OutcomeKind.STALE, moved)


def _keys(context: BatchContext, numbered: Sequence[NumberedAction]) -> list[bytes]:
    return [context.destination_key(action).encode() for _, action in numbered]
