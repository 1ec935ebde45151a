"""Performs one batch: starts its procedures, keeps the allowed number of requests under way, tells what happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from time import monotonic

from s3plan.schemas.bitmaps import is_in, numbers_in
from s3plan.schemas.outcomes import Outcome, OutcomeKind, Progress, Remark
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.places import place_of
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.ports import BufferEngine, Control, Engine, FileEngine
from s3plan.schemas.redaction import mask_known
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.tasks import BatchTask
from s3plan.storage.s3.keyed_engine import KeyedEngine
from s3plan.storage.s3.store_quirks import quirks_of
from s3plan.storage.steps import BatchContext, NumberedAction, NumberedProcedure, Procedure, TagHabit
from s3plan.storage.transfer.batch_run import BatchEnd, BatchRun
from s3plan.storage.transfer.copies.copying import copy_object, needs_look
from s3plan.storage.transfer.copies.looked_copying import copy_within, looked_copy_stages
from s3plan.storage.transfer.copies.part_copying import copy_in_parts
from s3plan.storage.transfer.deleting import delete_procedures, delete_singly
from s3plan.storage.transfer.files.downloading import download_object
from s3plan.storage.transfer.files.file_deleting import delete_file
from s3plan.storage.transfer.files.part_downloading import download_in_parts
from s3plan.storage.transfer.files.part_uploading import upload_in_parts
from s3plan.storage.transfer.files.uploading import upload_file
from s3plan.storage.transfer.part_sizes import is_copied_in_parts, is_cut
from s3plan.storage.transfer.relays.part_relaying import relay_in_parts
from s3plan.storage.transfer.relays.relaying import relay_object
from s3plan.storage.transfer.sameness import prove_same
from s3plan.storage.transfer.settlement import look_at_unverified

EngineOf = Callable[[PlanLocation], Engine]
FilesOf = Callable[[PlanLocation], FileEngine]
KeyOf = Callable[[PlanLocation], CustomerKey | None]
BufferOf = Callable[[int], memoryview | None]


class EnginePerformer:
    """The Performer for whatever an engine can reach; `engine_of` gives the engine of a location's connection."""

    def __init__(
        self,
        engine_of: EngineOf,
        *,
        files_of: FilesOf | None = None,
        buffer: BufferOf | None = None,
        buffers: BufferEngine | None = None,
        key_of: KeyOf = lambda _: None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`files_of` gives the engine of a location that is a folder; `buffer` has memory for what passes through us.

        `buffers` waits for such memory, and sums up what is in it, where objects are relayed. `key_of` gives a
        location's key of SSE-C, which `engine_of` has seen to; copies have it beside their own.
        """
        self._key_of = key_of
        self._buffer = buffer
        self._buffers = buffers
        self._tag_habits: dict[tuple[str, str | None, str], TagHabit] = {}
        self._engine_of = engine_of
        self._files_of = files_of
        self._without_batch_deletes: set[tuple[str | None, str]] = set()
        self._clock = clock

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        """Yield what happens in one batch.

        When `control.stopping` turns true no new action is begun; actions never begun are not reported. When
        `control.abandoned` does, those of which a request was sent and whose end was not learnt are told as `unknown`.
        """
        destination = self._destination_of(task)
        source = destination if task.source is None else self._end_of(task.source)
        told: deque[Progress] = deque()
        context = BatchContext(task, told.append, self._clock, self._without_batch_deletes, self._tag_habits)
        if self._buffer is not None:
            context.buffer = self._buffer
        run = BatchRun(control, told, source=source, destination=destination, buffers=self._buffers)
        ended: set[int] = set()
        removes = task.actions[0].kind is ActionKind.REMOVE  # so what it changes is the source of its copies

        def drained() -> Iterator[Progress]:
            while told:
                item = told.popleft()
                if isinstance(item, Outcome):
                    ended.add(item.position)
                    if removes and item.side is not None:
                        item = item._replace(side=Side.SOURCE)
                yield _without_secrets(item)

        with closing(run.advance(_stages(context))) as steps:
            for _ in steps:
                yield from drained()
        yield from drained()  # what came while it was being left
        for position in sorted(run.undecided):
            if position not in ended:
                yield Outcome(position, OutcomeKind.UNKNOWN, "stopped before its end was known", is_unclear=True)

    def _end_of(self, location: PlanLocation) -> BatchEnd:
        if location.is_folder:
            assert self._files_of is not None  # noqa: S101  whoever opens plans with folders gives it
            return BatchEnd(None, place_of(location), self._files_of(location))
        return BatchEnd(self._engine_of(location), place_of(location))

    def _destination_of(self, task: BatchTask) -> BatchEnd:
        """Return the end that is written to, whose copies read what is under the source's key."""
        end = self._end_of(task.destination)
        key = None if task.source is None else self._key_of(task.source)
        return end if end.engine is None or key is None else end._replace(engine=KeyedEngine(end.engine, source=key))


def _without_secrets(item: Progress) -> Progress:
    """Return what is told without what is secret: a store may have repeated it, as an ETag or a checksum even."""
    if isinstance(item, Outcome):
        return item._replace(reason=mask_known(item.reason)) if item.reason else item
    return item._replace(message=mask_known(item.message)) if isinstance(item, Remark) else item


def _stages(context: BatchContext) -> Iterator[Iterator[NumberedProcedure]]:
    """Yield the batch's procedures in stages; one stage has ended before the next is taken."""
    task = context.task
    numbered = [(position, task.actions[position]) for position in numbers_in(task.todo)]
    if task.unverified and not task.destination.is_folder:
        again = [pair for pair in numbered if pair[0] in task.unverified and pair[1].kind.is_write]
        looked_at = {position for position, _ in again}
        numbered = [pair for pair in numbered if pair[0] not in looked_at]
        yield ((pair[:1], look_at_unverified(context, *pair, _written(context, *pair))) for pair in again)
    yield ((pair[:1], prove_same(context, *pair)) for pair in numbered if pair[1].kind is ActionKind.SAME)
    unbatched: list[NumberedAction] = []
    deletes = [pair for pair in numbered if pair[1].kind.is_delete]
    if task.destination.is_folder:
        yield ((pair[:1], delete_file(context, *pair)) for pair in deletes)
        yield ((pair[:1], _through_us(context, *pair)) for pair in numbered if pair[1].kind.is_write)
        return
    yield delete_procedures(context, deletes, unbatched)
    yield ((pair[:1], delete_singly(context, *pair)) for pair in unbatched)
    sent = [pair for pair in numbered if pair[1].kind in (ActionKind.UPLOAD, ActionKind.RELAY)]
    yield ((pair[:1], _through_us(context, *pair)) for pair in sent)
    copies = [pair for pair in numbered if pair[1].kind is ActionKind.COPY]
    yield ((pair[:1], copy_in_parts(context, *pair)) for pair in copies if _is_large(context, pair[1]))
    unlooked: list[NumberedAction] = []
    pinned: list[NumberedAction] = []
    for pair in copies:
        if not _is_large(context, pair[1]):
            looks = needs_look(context, pair[1], is_doubtful=is_in(pair[0], task.doubtful))
            (unlooked if looks else pinned).append(pair)
    yield ((pair[:1], copy_object(context, *pair)) for pair in pinned)
    yield from looked_copy_stages(context, unlooked)


def _written(context: BatchContext, position: int, action: Action) -> Procedure:
    """Return the procedure of one write, whichever it is, that looks before it writes if that is needed."""
    if action.kind is not ActionKind.COPY:
        return _through_us(context, position, action)
    return (copy_in_parts if _is_large(context, action) else copy_within)(context, position, action)


def _is_large(context: BatchContext, action: Action) -> bool:
    """Return whether the store is to copy an object in parts."""
    return is_copied_in_parts(
        action.size_bytes,
        threshold_bytes=context.task.settings.multipart_threshold_bytes,
        quirks=quirks_of(context.destination.store),
    )


def _through_us(context: BatchContext, position: int, action: Action) -> Procedure:
    """Return the procedure of an upload, a download or a relay."""
    in_parts = is_cut(action.size_bytes, threshold_bytes=context.task.settings.multipart_threshold_bytes)
    if action.kind is ActionKind.UPLOAD:
        return (upload_in_parts if in_parts else upload_file)(context, position, action)
    if action.kind is ActionKind.RELAY:
        return (relay_in_parts if in_parts else relay_object)(context, position, action)
    return (download_in_parts if in_parts else download_object)(context, position, action)
