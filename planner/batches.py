"""Actions -> sealed batches, phase by phase, in one pass and flat memory."""

from __future__ import annotations

import marshal
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.header import PlanHeader
from s3plan.schemas.plan.rows import Batch, Phase, PhaseName, PlanLocation
from s3plan.schemas.printable import shown_path

BATCH_ACTIONS = 1_000
LATER_BATCH_ACTIONS = 10_000
BATCHES_BEFORE_LATER = 1_000
_LENGTH_BYTES = 8


class PlanSink(Protocol):
    """What a plan is written to; planfile's PlanWriter is one."""

    def add_location(self, location: PlanLocation, /) -> None:
        """Take a place that jobs read or write."""

    def add_phase(self, phase: Phase, /) -> None:
        """Take a node of the graph, before its batches."""

    def add_batch(
        self, *, phase: int, from_location: int | None, to_location: int | None, actions: Sequence[Action]
    ) -> Batch:
        """Take one batch whole, its actions in key order, after all batches that stand before it."""

    def add_removal(self, copies: Batch, /, *, phase: int) -> Batch:
        """Take the batch that removes what a copy batch copies."""

    def seal(self, header: PlanHeader, /) -> str:
        """Finish the plan, with the edges that the header's jobs ask for; return its digest in hex."""


class ActionSpool:
    """Actions kept on disk in the order in which they came, in a file without a name that vanishes with the process."""

    def __init__(self, *, folder: Path | None) -> None:
        """Keep them in `folder`, or where temporary files go; that may be memory. Raises S3PlanError."""
        self._folder = folder
        try:
            self._file = tempfile.TemporaryFile(dir=folder, prefix=".s3plan-spool-")  # noqa: SIM115
        except OSError as e:
            raise self._unusable(e) from e
        self._pending: list[tuple[object, ...]] = []
        self.actions = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # what a full disk did not take is not missed any more
            self._file.close()

    def add(self, action: Action) -> None:
        """Append one action; raises S3PlanError if the disk is full."""
        self._pending.append((action.kind.value, *action[1:]))
        self.actions += 1
        if len(self._pending) == BATCH_ACTIONS:
            self._write()

    def read(self) -> Iterator[Action]:
        """Yield the actions; none may be added afterwards. Raises S3PlanError if the disk fails."""
        self._write()
        try:
            self._file.seek(0)
            while length := self._file.read(_LENGTH_BYTES):
                # Our own bytes, from a file that nobody else can open.
                for kind, *fields in marshal.loads(self._file.read(int.from_bytes(length, "big"))):  # noqa: S302
                    yield Action(ActionKind(kind), *fields)
        except OSError as e:
            raise self._unusable(e) from e

    def _write(self) -> None:
        data = marshal.dumps(self._pending)
        try:
            self._file.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
            self._file.flush()
        except OSError as e:
            raise self._unusable(e) from e
        self._pending.clear()

    def _unusable(self, error: OSError) -> S3PlanError:
        where = "" if self._folder is None else f" in {shown_path(self._folder)}"
        elsewhere = "set TMPDIR" if self._folder is None else "put the plan elsewhere with -o"
        return S3PlanError(
            f"cannot keep planned actions in a temporary file{where}: {error.strerror}; make room or check the disk, "
            f"or {elsewhere}"
        )


class PhaseNumbers:
    """Numbers the phases of a plan's jobs, and counts its batches: what the batchers of its jobs share."""

    def __init__(self, sink: PlanSink) -> None:
        self._sink = sink
        self._phases: dict[tuple[str, PhaseName], int] = {}
        self.batches = 0

    def phase(self, job: str, name: PhaseName) -> int:
        """Return a phase's id; a new one is added to the plan."""
        at = (job, name)
        if at not in self._phases:
            self._phases[at] = len(self._phases) + 1
            self._sink.add_phase(Phase(self._phases[at], job, name))
        return self._phases[at]


class Batcher:
    """Cuts the actions of a job into batches and adds each phase to the graph when its first batch comes.

    Batches hold 1,000 actions, and 10,000 after the first 1,000 batches of a plan, so that a small plan spreads over
    many workers and a large one has few rows.
    """

    def __init__(
        self,
        sink: PlanSink,
        *,
        numbers: PhaseNumbers,
        job: str,
        source: int | None,
        destination: int,
        large_bytes: int,
        moves: bool = False,
    ) -> None:
        """Write to `sink`; locations are given by id, and a copy of at least `large_bytes` is a batch of its own.

        With `moves` each batch of copies has one that removes what it copies.
        """
        self._sink = sink
        self._numbers = numbers
        self._job = job
        self._source = source
        self._destination = destination
        self._large_bytes = large_bytes
        self._moves = moves
        self._copies: list[Action] = []
        self._written: list[Batch] = []  # of copies, where they are moved
        numbers.phase(job, PhaseName.PREPARE)

    def add_copy(self, action: Action) -> None:
        """Take the next copy, in key order."""
        if action.size_bytes >= self._large_bytes:
            self.end_copies()
            self._write(PhaseName.COPY, [action])
            return
        self._copies.append(action)
        if len(self._copies) >= self._batch_actions:
            self.end_copies()

    def add_same(self, action: Action) -> None:
        """Take a pair of which nothing is to be written, in key order with the copies."""
        self._copies.append(action)
        if len(self._copies) >= self._batch_actions:
            self.end_copies()

    def end_copies(self) -> None:
        """Write what has been taken."""
        if self._copies:
            self._write(PhaseName.COPY, self._copies)
            self._copies = []

    def add_removals(self) -> None:
        """Write the batches that remove what is moved; the copies have been ended."""
        for copies in self._written:
            self._sink.add_removal(copies, phase=self._numbers.phase(self._job, PhaseName.REMOVE))
            self._numbers.batches += 1

    def add_all(self, phase: PhaseName, actions: Iterable[Action]) -> None:
        """Write a whole phase whose actions come in key order; the copies have been ended."""
        pending: list[Action] = []
        for action in actions:
            pending.append(action)
            if len(pending) >= self._batch_actions:
                self._write(phase, pending)
                pending = []
        if pending:
            self._write(phase, pending)

    @property
    def _batch_actions(self) -> int:
        return BATCH_ACTIONS if self._numbers.batches < BATCHES_BEFORE_LATER else LATER_BATCH_ACTIONS

    def _write(self, phase: PhaseName, actions: Sequence[Action]) -> None:
        batch = self._sink.add_batch(
            phase=self._numbers.phase(self._job, phase),
            from_location=None if phase is PhaseName.DELETE else self._source,
            to_location=self._destination,
            actions=actions,
        )
        if self._moves and phase is PhaseName.COPY:
            self._written.append(batch)
        self._numbers.batches += 1
