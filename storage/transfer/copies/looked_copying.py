"""Copies whose pins the store does not hold itself: looked at, compared, then sent, within seconds.

Many keys are looked at together. What is not sent within LOOK_HOLDS_S of its look is looked at once more by itself,
after the pace has let it through and just before its request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

from s3plan.schemas.failures import Failure
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.outcomes import Evidence, Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.plan.sides import Side
from s3plan.storage.listing.object_look import LOOK_HOLDS_S, as_found
from s3plan.storage.listing.range_look import Found, look_at_keys
from s3plan.storage.steps import Asking, AwaitTurn, BatchContext, NumberedAction, NumberedProcedure, Procedure
from s3plan.storage.transfer.attributes.replacing import read_replacing
from s3plan.storage.transfer.copies.copying import copy_replacing
from s3plan.storage.transfer.evidence import Made, evidence_of
from s3plan.storage.transfer.settlement import already_done, ended_badly, look_at_both, moved_destination, moved_source

_LOOKED_AT_ONCE = 256


@dataclass(slots=True)
class _Looked:
    """What a look at both sides of some copies found; None where it failed, or the run was stopped first."""

    at_s: float
    sources: Found | None = None
    destinations: Found | None = None
    failures: list[Failure] = field(default_factory=list)


def looked_copy_stages(
    context: BatchContext, numbered: Sequence[NumberedAction]
) -> Iterator[Iterator[NumberedProcedure]]:
    """Yield the procedures of these copies in stages: some are looked at, then sent, then the next are looked at."""
    for first in range(0, len(numbered), _LOOKED_AT_ONCE):
        chunk = numbered[first : first + _LOOKED_AT_ONCE]
        looked = _Looked(context.clock())
        looks = _look_at_destinations(context, chunk, looked), _look_at_sources(context, chunk, looked)
        yield (((), look) for look in looks)  # they change nothing
        yield _judged(context, chunk, looked)


def _look_at_destinations(context: BatchContext, numbered: Sequence[NumberedAction], looked: _Looked) -> Procedure:
    keys = [context.destination_key(action).encode() for _, action in numbered]
    looked.destinations = yield from _look(Side.DESTINATION, context.destination, keys, looked)


def _look_at_sources(context: BatchContext, numbered: Sequence[NumberedAction], looked: _Looked) -> Procedure:
    keys = [context.source_key(action).encode() for _, action in numbered]
    looked.sources = yield from _look(Side.SOURCE, context.source, keys, looked)


def _look(side: Side, location: PlanLocation, keys: Sequence[bytes], looked: _Looked) -> Asking[Found | None]:
    found = yield from look_at_keys(side, location, keys)
    if isinstance(found, Failure):
        looked.failures.append(found)
        return None
    return found


def _judged(context: BatchContext, numbered: Sequence[NumberedAction], looked: _Looked) -> Iterator[NumberedProcedure]:
    """Tell the outcomes of what has ended; yield the procedures of the others."""
    if looked.failures:
        for position, _ in numbered:
            context.emit(ended_badly(position, looked.failures[0]))
        return
    if looked.sources is None or looked.destinations is None:
        return  # the run is stopping, and none of these was begun
    for position, action in numbered:
        source = looked.sources.get(context.source_key(action).encode())
        destination = looked.destinations.get(context.destination_key(action).encode())
        ended = _judge(context, position, action, source=source, destination=destination)
        if ended is None:
            yield (position,), copy_within(context, position, action, until_s=looked.at_s + LOOK_HOLDS_S)
        elif ended.kind is OutcomeKind.STALE and destination is not None and destination[1] == action.size_bytes:
            # Perhaps it is this action's work all the same: rows have no checksums and no encryption.
            yield (position,), copy_within(context, position, action)
        else:
            context.emit(ended)


def _judge(
    context: BatchContext, position: int, action: Action, *, source: ObjectRow | None, destination: ObjectRow | None
) -> Outcome | None:
    """Return how a copy has ended by the rows of its two keys; None if both pins hold."""
    here = None if destination is None else as_found(destination)
    if here is not None and evidence_of(here, Made(action, context.unclear_since_ms(position))) == Evidence.BY_ETAG:
        return already_done(position, Evidence.BY_ETAG)
    moved = moved_destination(action, here)
    if moved is None:
        moved = "source gone" if source is None else moved_source(action, as_found(source))
    return None if moved is None else Outcome(position, OutcomeKind.STALE, moved)


def copy_within(context: BatchContext, position: int, action: Action, *, until_s: float = -inf) -> Procedure:
    """Copy one object if its turn comes until then; else it is looked at once more."""
    replacing = yield from read_replacing(context, position, action)
    if isinstance(replacing, Outcome):
        context.emit(replacing)
        return
    yield AwaitTurn(action.size_bytes)
    if context.clock() > until_s:
        since_ms = context.unclear_since_ms(position)
        ended = yield from look_at_both(context, position, action, since_ms=since_ms)
        if ended is not None:
            context.emit(ended if isinstance(ended, Outcome) else ended_badly(position, ended))
            return
    yield from copy_replacing(context, position, action, replacing, reserves=False)
