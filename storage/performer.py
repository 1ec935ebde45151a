"""Performs one batch: starts its procedures, keeps the allowed number of requests under way, tells what happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from time import monotonic, sleep

from s3plan.schemas.actions import Action, ActionKind
from s3plan.schemas.bitmaps import is_in, numbers_in
from s3plan.schemas.failures import Failure
from s3plan.schemas.outcomes import Outcome, OutcomeKind, Progress
from s3plan.schemas.plan import PlanLocation
from s3plan.schemas.ports import Control, Engine
from s3plan.schemas.requests import Reply, Request
from s3plan.schemas.tasks import BatchTask
from s3plan.storage.copying import copy_object, judge_by_look, needs_look
from s3plan.storage.deleting import delete_procedures
from s3plan.storage.part_copying import copy_in_parts
from s3plan.storage.range_look import look_at_keys
from s3plan.storage.settlement import ended_badly
from s3plan.storage.steps import Answer, Ask, AskMany, BatchContext, Next, Procedure, Side

EngineOf = Callable[[PlanLocation], Engine]
Numbered = tuple[int, Action]
_POLL_S = 0.1


class EnginePerformer:
    """The Performer for whatever an engine can reach; `engine_of` gives the engine of a location's connection."""

    def __init__(self, engine_of: EngineOf) -> None:
        self._engine_of = engine_of

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        """Yield what happens in one batch.

        When `control.stopping` turns true no new action is begun; actions never begun are not told of. When
        `control.abandoned` does, all that have not ended are told as `unknown`.
        """
        destination = self._engine_of(task.destination)
        source = destination if task.source is None else self._engine_of(task.source)
        told: deque[Progress] = deque()
        context = BatchContext(task, told.append, lambda: destination.clock_offset_ms)
        run = _Run(control, (source, destination))
        ended: set[int] = set()
        for _ in run.advance(_stages(context)):
            while told:
                item = told.popleft()
                if isinstance(item, Outcome):
                    ended.add(item.position)
                yield item
        if control.abandoned:
            for position in numbers_in(task.todo):
                if position not in ended:
                    yield Outcome(position, OutcomeKind.UNKNOWN, "stopped before its end was known")


def _stages(context: BatchContext) -> Iterator[Iterator[Procedure]]:
    """Yield the batch's procedures in stages; one stage has ended before the next is taken."""
    task = context.task
    numbered = [(position, task.actions[position]) for position in numbers_in(task.todo)]
    yield delete_procedures(context, [pair for pair in numbered if pair[1].kind is ActionKind.DELETE])
    copies = [pair for pair in numbered if pair[1].kind is ActionKind.COPY]
    large = task.settings.multipart_threshold_bytes
    yield (copy_in_parts(context, *pair) for pair in copies if pair[1].size_bytes >= large)
    unlooked: list[Numbered] = []
    pinned: list[Numbered] = []
    for pair in copies:
        if pair[1].size_bytes < large:
            looks = needs_look(context, pair[1], is_doubtful=is_in(pair[0], task.doubtful))
            (unlooked if looks else pinned).append(pair)
    yield (copy_object(context, *pair) for pair in pinned)
    if unlooked:
        remaining: list[Numbered] = []
        yield iter([_look_at_both_sides(context, unlooked, remaining)])
        yield (copy_object(context, *pair) for pair in remaining)


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


class _Running:
    """One begun procedure and, while it has asked for many, the asks that are left."""

    __slots__ = ("asks", "generator", "under_way")

    def __init__(self, generator: Procedure) -> None:
        self.generator = generator
        self.asks: Iterator[Ask] | None = None
        self.under_way = 0


_Answered = tuple[_Running, Request, Reply]


class _Run:
    """The loop of one batch. One thread drives it; engines answer from theirs through a queue."""

    def __init__(self, control: Control, engines: tuple[Engine, Engine]) -> None:
        self._control = control
        self._engines = engines
        self._answers: SimpleQueue[_Answered] = SimpleQueue()
        self._under_way = 0
        self._hungry: deque[_Running] = deque()  # have asks that wait for room
        self._begun: set[_Running] = set()

    def advance(self, stages: Iterator[Iterator[Procedure]]) -> Iterator[None]:
        """Run all stages until done or stopped; yields after each step so that the caller can pass on what was told."""
        for procedures in stages:
            for _ in self._advance_stage(procedures):
                yield
        for running in self._begun:
            running.generator.close()

    def _advance_stage(self, procedures: Iterator[Procedure]) -> Iterator[None]:
        is_drained = False
        while not self._control.abandoned:
            self._feed_hungry()
            is_drained = is_drained or self._fill(procedures)
            yield
            if self._under_way:
                self._take_answers()
                self._feed_hungry()
                yield
            elif is_drained or self._control.stopping:
                return

    def _fill(self, procedures: Iterator[Procedure]) -> bool:
        """Begin procedures while there is room; return whether there are no more."""
        while self._has_room() and not self._hungry and not self._control.stopping:
            procedure = next(procedures, None)
            if procedure is None:
                return True
            running = _Running(procedure)
            self._begun.add(running)
            self._step(running, None)
            self._feed_hungry()
        return False

    def _has_room(self) -> bool:
        return self._under_way < self._control.in_flight and not self._control.abandoned

    def _feed_hungry(self) -> None:
        while self._hungry and self._has_room():
            self._feed(self._hungry.popleft())

    def _feed(self, running: _Running) -> None:
        asks = running.asks
        if asks is None:
            return
        wanted = None if self._control.stopping else next(asks, None)
        if wanted is None:
            running.asks = iter(())
            if running.under_way == 0:
                running.asks = None
                self._step(running, None)
            return
        self._hungry.append(running)
        self._send(running, wanted)

    def _step(self, running: _Running, answer: Reply | Answer | None) -> None:
        """Resume a procedure with its answer and do what it asks for next."""
        try:
            wish: Ask | AskMany | Next = running.generator.send(answer)
        except StopIteration:
            self._begun.discard(running)
            return
        if isinstance(wish, Ask):
            running.asks = None
            self._send(running, wish)
        elif isinstance(wish, AskMany):
            running.asks = wish.asks
            self._hungry.append(running)
        elif running.under_way == 0 and running not in self._hungry:
            running.asks = None
            self._step(running, None)

    def _send(self, running: _Running, wanted: Ask) -> None:
        self._wait_for_turn(wanted.size_bytes)
        if self._control.abandoned:
            return
        running.under_way += 1
        self._under_way += 1
        request, answers = wanted.request, self._answers
        self._engines[wanted.side.value].submit(request, lambda reply: answers.put((running, request, reply)))

    def _wait_for_turn(self, size_bytes: int) -> None:
        due = monotonic() + self._control.reserve(size_bytes=size_bytes)
        while (left := due - monotonic()) > 0 and not self._control.abandoned:
            sleep(min(left, _POLL_S))

    def _take_answers(self) -> None:
        try:
            answered = self._answers.get(timeout=_POLL_S)
        except Empty:
            return
        while True:
            self._take(answered)
            try:
                answered = self._answers.get_nowait()
            except Empty:
                return

    def _take(self, answered: _Answered) -> None:
        running, request, reply = answered
        running.under_way -= 1
        self._under_way -= 1
        self._step(running, reply if running.asks is None else Answer(request, reply))
