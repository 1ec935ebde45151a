"""Performs one batch: starts its procedures, keeps the allowed number of requests under way, tells what happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from s3plan.schemas.actions import Action, ActionKind
from s3plan.schemas.bitmaps import is_in, numbers_in
from s3plan.schemas.failures import Failure
from s3plan.schemas.outcomes import Outcome, OutcomeKind, Progress
from s3plan.schemas.plan import PlanLocation
from s3plan.schemas.ports import Control, Engine
from s3plan.schemas.tasks import BatchTask
from s3plan.storage.batch_run import BatchRun
from s3plan.storage.copying import copy_object, judge_by_look, needs_look
from s3plan.storage.deleting import delete_procedures, delete_singly
from s3plan.storage.part_copying import copy_in_parts
from s3plan.storage.range_look import look_at_keys
from s3plan.storage.settlement import ended_badly
from s3plan.storage.steps import BatchContext, Procedure, Side, Work

EngineOf = Callable[[PlanLocation], Engine]
Numbered = tuple[int, Action]


class EnginePerformer:
    """The Performer for whatever an engine can reach; `engine_of` gives the engine of a location's connection."""

    def __init__(self, engine_of: EngineOf) -> None:
        self._engine_of = engine_of
        self._without_batch_deletes: set[tuple[str | None, str]] = set()

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        """Yield what happens in one batch.

        When `control.stopping` turns true no new action is begun; actions never begun are not told of. When
        `control.abandoned` does, those of which a request was sent and whose end was not learnt are told as `unknown`.
        """
        destination = self._engine_of(task.destination)
        source = destination if task.source is None else self._engine_of(task.source)
        told: deque[Progress] = deque()
        context = BatchContext(task, told.append, self._without_batch_deletes)
        run = BatchRun(control, (source, destination), told)
        ended: set[int] = set()

        def drained() -> Iterator[Progress]:
            while told:
                item = told.popleft()
                if isinstance(item, Outcome):
                    ended.add(item.position)
                yield item

        with closing(run.advance(_stages(context))) as steps:
            for _ in steps:
                yield from drained()
        yield from drained()  # what came while it was being left
        for position in sorted(run.undecided):
            if position not in ended:
                yield Outcome(position, OutcomeKind.UNKNOWN, "stopped before its end was known")


def _stages(context: BatchContext) -> Iterator[Iterator[Work]]:
    """Yield the batch's procedures in stages; one stage has ended before the next is taken."""
    task = context.task
    numbered = [(position, task.actions[position]) for position in numbers_in(task.todo)]
    unbatched: list[Numbered] = []
    deletes = [pair for pair in numbered if pair[1].kind is ActionKind.DELETE]
    yield delete_procedures(context, deletes, unbatched)
    yield ((pair[:1], delete_singly(context, *pair)) for pair in unbatched)
    copies = [pair for pair in numbered if pair[1].kind is ActionKind.COPY]
    large = task.settings.multipart_threshold_bytes
    yield ((pair[:1], copy_in_parts(context, *pair)) for pair in copies if pair[1].size_bytes >= large)
    unlooked: list[Numbered] = []
    pinned: list[Numbered] = []
    for pair in copies:
        if pair[1].size_bytes < large:
            looks = needs_look(context, pair[1], is_doubtful=is_in(pair[0], task.doubtful))
            (unlooked if looks else pinned).append(pair)
    yield ((pair[:1], copy_object(context, *pair)) for pair in pinned)
    if unlooked:
        remaining: list[Numbered] = []
        yield iter([((), _look_at_both_sides(context, unlooked, remaining))])  # it changes nothing
        yield ((pair[:1], copy_object(context, *pair)) for pair in remaining)


def _look_at_both_sides(context: BatchContext, numbered: Sequence[Numbered], remaining: list[Numbered]) -> Procedure:
    """One LIST of each side's key range; tells what has ended and leaves the others in `remaining`."""
    keys = [context.destination_key(action).encode() for _, action in numbered]
    destinations = yield from look_at_keys(Side.DESTINATION, context.destination, keys)
    if isinstance(destinations, Failure):
        _all_end(context, numbered, destinations)
        return
    keys = [context.source_key(action).encode() for _, action in numbered]
    sources = yield from look_at_keys(Side.SOURCE, context.source, keys)
    if isinstance(sources, Failure):
        _all_end(context, numbered, sources)
        return
    for position, action in numbered:
        doubtful = is_in(position, context.task.doubtful)
        ended = judge_by_look(
            context, position, action, sources=sources, destinations=destinations, is_doubtful=doubtful
        )
        if ended is None:
            remaining.append((position, action))
        else:
            context.emit(ended)


def _all_end(context: BatchContext, numbered: Sequence[Numbered], failure: Failure) -> None:
    for position, _ in numbered:
        context.emit(ended_badly(position, failure))
