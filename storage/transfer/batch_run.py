"""Drives the procedures of one batch: keeps the allowed number of requests under way.

Replies drive it: whichever thread brings one resumes its procedure, begins the next ones and sends their requests, so
that no reply has to wake a thread of ours. One thread at a time does so; a reply that comes meanwhile is left for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from heapq import heappop, heappush
from itertools import count
from threading import Event, Lock
from time import monotonic
from typing import NamedTuple

from s3plan.schemas.failures import Failure
from s3plan.schemas.files.requests import PublishFile, RemoveFile
from s3plan.schemas.outcomes import Progress
from s3plan.schemas.plan.places import Place
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.ports import BufferEngine, Control, Engine, FileEngine
from s3plan.schemas.requests.objects import KeysDeleted
from s3plan.storage.steps import (
    Answer,
    Ask,
    AskAlso,
    AskBuffer,
    Asked,
    AskFile,
    AskMany,
    AskManyBuffers,
    AskManyFiles,
    AwaitTurn,
    NumberedProcedure,
    Procedure,
)
from s3plan.storage.transfer.answers import AskOne, OneReply, answered, from_side

_POLL_S = 0.1
_AT_ONCE = 64  # replies, before new requests are sent
_TELL_AT = 128  # outcomes that are worth waking the batch's own thread for
# What waits for the disk takes nothing of what may be under way: one sync is for all that wait.
_MOST_AT_DISK = 4096
_MOST_AT_DISK_BYTES = 16 << 20


class _Running:
    """One begun procedure and, while it has asked for many, the asks that are left."""

    __slots__ = ("asks", "generator", "has_sent", "positions", "under_way")

    def __init__(self, positions: Sequence[int], generator: Procedure) -> None:
        self.positions = positions
        self.generator = generator
        self.has_sent = False
        self.asks: Iterator[AskOne] | None = None
        self.under_way = 0


class BatchEnd(NamedTuple):
    """One side of a batch: what sends its requests, and the place that they go to; a folder has `files` instead."""

    engine: Engine | None
    place: Place
    files: FileEngine | None = None


class BatchRun:
    """The procedures of one batch under way. `told` is what they have emitted and the caller has not yet taken."""

    def __init__(
        self,
        control: Control,
        told: deque[Progress],
        *,
        source: BatchEnd,
        destination: BatchEnd,
        buffers: BufferEngine | None = None,
    ) -> None:
        self._control = control
        self._source = source
        self._destination = destination
        self._buffers = buffers
        self._told = told
        self._places = frozenset({source.place, destination.place})
        self._arrived: deque[tuple[_Running, AskOne, OneReply]] = deque()
        self._turn = Lock()  # held by the one thread that resumes procedures
        self._wake = Event()  # for the batch's own thread
        self._begun: set[_Running] = set()
        self._hungry: deque[_Running] = deque()  # have asks that wait for room
        self._procedures: Iterator[NumberedProcedure] = iter(())
        self._is_drained = True
        self._due: list[tuple[float, int, _Running, Ask | AwaitTurn]] = []  # a heap of what waits for its turn
        self._numbers = count()
        self._kept_back: deque[tuple[_Running, Ask | AskFile | AwaitTurn]] = deque()  # would be sent if they might be
        self._under_way = 0
        self._at_disk = 0
        self._at_disk_bytes = 0
        self._error: BaseException | None = None
        self._is_left = False  # nobody takes what is told any more
        self.undecided: list[int] = []  # once it is over: of which a request was sent, and whose end was not learnt

    def advance(self, stages: Iterator[Iterator[NumberedProcedure]]) -> Generator[None, None, None]:
        """Run all stages until done or stopped, one after the other; yields whenever something may have been told.

        Replies that come after its end, however it ended, begin and send nothing more.
        """
        try:
            for procedures in stages:
                self._procedures, self._is_drained = procedures, False
                while not self._has_ended():
                    self._wake.clear()
                    self._pump()
                    yield
                    self._rest()
                yield
                if self._control.abandoned:
                    break
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._turn:
            self._is_left = True
            for running in self._begun:
                running.generator.close()
                if running.has_sent:
                    self.undecided += running.positions
            self._begun.clear()
            for holder in (self._arrived, self._due, self._kept_back):  # of room, too, which others wait for
                holder.clear()

    def _has_ended(self) -> bool:
        if self._error is not None:
            raise self._error
        if self._control.abandoned:
            return True
        if not self._turn.acquire(timeout=_POLL_S):
            return False  # somebody is at work
        try:
            is_idle = not (self._under_way or self._at_disk or self._arrived or self._hungry or self._due)
            return is_idle and (self._is_drained or self._is_stopping())
        finally:
            self._turn.release()

    def _rest(self) -> None:
        """Sleep until there is something to pass on, or the next request's turn has come."""
        due = self._due[:1]  # another thread may take it meanwhile
        timeout_s = min(_POLL_S, max(0.0, due[0][0] - monotonic())) if due else _POLL_S
        if timeout_s > 0:
            self._wake.wait(timeout_s)

    def _take_reply(self, running: _Running, asked: AskOne, reply: OneReply) -> None:
        self._arrived.append((running, asked, reply))
        if self._is_left:  # asked last, or one could come right after they were all let go
            self._arrived.clear()  # room that has come is for others, not to be kept until the last reply
            return
        self._pump()

    def _pump(self) -> None:
        """Do all that can be done now, unless another thread is at it; it will see what has arrived."""
        while self._turn.acquire(blocking=False):
            try:
                if not (self._control.abandoned or self._is_left):
                    self._work()
            except BaseException as error:  # noqa: BLE001  raised again on the batch's own thread
                self._error, self._is_left = error, True
                self._wake.set()
                return
            finally:
                self._turn.release()
            is_idle = not (self._under_way or self._at_disk)
            if (is_idle or len(self._told) >= _TELL_AT) and not self._wake.is_set():
                self._wake.set()
            if not self._arrived or self._control.abandoned or self._is_left:
                return

    def _work(self) -> None:
        while True:
            for _ in range(min(len(self._arrived), _AT_ONCE)):
                running, asked, reply = self._arrived.popleft()
                if isinstance(asked, AskFile) and _waits_for_disk(asked):
                    self._at_disk -= 1
                    self._at_disk_bytes -= asked.held_bytes
                else:
                    running.under_way -= 1
                    self._under_way -= 1
                if type(reply) is Failure or type(reply) is KeysDeleted:
                    reply = from_side(asked.side, reply)
                self._step(running, reply if running.asks is None else answered(asked, reply))
            if self._kept_back:
                self._send_kept_back()
            self._send_due()
            self._feed_hungry()
            self._begin()
            if not self._arrived or len(self._told) >= _TELL_AT:
                return

    def _begin(self) -> None:
        """Begin procedures while there is room."""
        while not self._is_drained and not self._hungry and self._has_room() and not self._is_stopping():
            work = next(self._procedures, None)
            if work is None:
                self._is_drained = True
                return
            running = _Running(*work)
            self._begun.add(running)
            self._step(running, None)
            self._feed_hungry()

    def _is_stopping(self) -> bool:
        """Whether no new action is to be taken: of any batch, or of those that ask what this one asks."""
        return self._control.stopping or self._control.holds(self._places)

    def _has_room(self) -> bool:
        is_disk_slow = self._at_disk >= _MOST_AT_DISK or self._at_disk_bytes >= _MOST_AT_DISK_BYTES
        return not self._due and self._under_way < self._control.in_flight and not is_disk_slow

    def _feed_hungry(self) -> None:
        while self._hungry and (self._has_room() or self._is_stopping()):
            running = self._hungry.popleft()
            asks = running.asks
            wanted = None if asks is None or self._is_stopping() else next(asks, None)
            if wanted is not None:
                self._hungry.append(running)
                self._ask(running, wanted)
                continue
            running.asks = iter(())
            if running.under_way == 0:
                running.asks = None
                self._step(running, None)

    def _step(self, running: _Running, answer: Answer) -> None:
        """Resume a procedure with its answer and do what it asks for next."""
        try:
            asked: Asked = running.generator.send(answer)
        except StopIteration:
            self._begun.discard(running)
            return
        if isinstance(asked, Ask | AskFile | AskBuffer | AwaitTurn):
            running.asks = None
            self._ask(running, asked)
        elif isinstance(asked, AskAlso):
            self._ask(running, asked.ask)
        elif isinstance(asked, AskMany | AskManyFiles | AskManyBuffers):
            running.asks = asked.asks
            self._hungry.append(running)
        elif running.under_way == 0 and running not in self._hungry:
            running.asks = None
            self._step(running, None)

    def _ask(self, running: _Running, wanted: AskOne | AwaitTurn) -> None:
        if isinstance(wanted, AskFile):
            self._ask_file(running, wanted)
        elif isinstance(wanted, AskBuffer):
            self._ask_buffer(running, wanted)
        else:
            self._send(running, wanted)

    def _ask_buffer(self, running: _Running, wanted: AskBuffer) -> None:
        running.under_way += 1
        self._under_way += 1
        assert self._buffers is not None  # noqa: S101  whoever has bytes pass through gives it
        self._buffers.submit(wanted.request, lambda reply: self._take_reply(running, wanted, reply))

    def _send(self, running: _Running, wanted: Ask | AwaitTurn) -> None:
        """Send a request, or note when its turn comes: this may be a thread that must not sleep."""
        running.under_way += 1
        self._under_way += 1
        place = self._end_of(wanted).place
        wait_s = self._control.reserve(place, size_bytes=wanted.size_bytes) if wanted.reserves else 0.0
        wait_s = max(wait_s, wanted.wait_s)
        if wait_s > 0:
            self._wait_for_turn(running, wanted, wait_s)
        else:
            self._submit(running, wanted)

    def _wait_for_turn(self, running: _Running, wanted: Ask | AwaitTurn, wait_s: float) -> None:
        heappush(self._due, (monotonic() + wait_s, next(self._numbers), running, wanted))
        self._wake.set()

    def _send_due(self) -> None:
        while self._due and monotonic() >= self._due[0][0]:
            _, _, running, wanted = heappop(self._due)
            self._submit(running, wanted)

    def _send_kept_back(self) -> None:
        while self._kept_back and not self._control.in_doubt:
            self._submit(*self._kept_back.popleft())

    def _submit(self, running: _Running, wanted: Ask | AskFile | AwaitTurn) -> None:
        if self._control.in_doubt:
            self._kept_back.append((running, wanted))
            return
        if isinstance(wanted, AskFile):
            self._send_to_folder(running, wanted)
            return
        if isinstance(wanted, AwaitTurn):
            running.under_way -= 1
            self._under_way -= 1
            self._step(running, None)
            return
        running.has_sent = True
        engine = self._end_of(wanted).engine
        assert engine is not None  # noqa: S101  procedures ask no folder for objects
        engine.submit(wanted.request, lambda reply: self._take_reply(running, wanted, reply))

    def _ask_file(self, running: _Running, wanted: AskFile) -> None:
        """Ask a folder, which needs nobody's turn; what is changed there waits while the run is in doubt."""
        if _waits_for_disk(wanted):
            self._at_disk += 1
            self._at_disk_bytes += wanted.held_bytes
            self._submit(running, wanted)
            return
        running.under_way += 1
        self._under_way += 1
        self._send_to_folder(running, wanted)

    def _send_to_folder(self, running: _Running, wanted: AskFile) -> None:
        running.has_sent |= _waits_for_disk(wanted)
        files = self._end_of(wanted).files
        assert files is not None  # noqa: S101  procedures ask no bucket for files
        files.submit(wanted.request, lambda reply: self._take_reply(running, wanted, reply))

    def _end_of(self, wanted: Ask | AskFile | AwaitTurn) -> BatchEnd:
        return self._source if wanted.side is Side.SOURCE else self._destination


def _waits_for_disk(asked: AskFile) -> bool:
    return isinstance(asked.request, PublishFile | RemoveFile)
