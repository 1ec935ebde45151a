"""What a process and its workers say to each other: plain data, one pickle a message, over a pipe of their own."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from s3plan.executors.pace.pacing import Pace
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.evidence.ladder import PROOFS
from s3plan.schemas.outcomes import Outcome, OutcomeKind, Progress
from s3plan.schemas.plan.places import Place
from s3plan.schemas.ports import Performer
from s3plan.schemas.tasks import BatchProgress, BatchTask

OpenPerformer = Callable[[], Performer]
"""Makes the performer in the process that it runs in. It pickles, by reference to its module, and holds no secrets."""

_PROTOCOL = 5
_PROVED_BY = ("", *PROOFS)
_CODES = {by: code for code, by in enumerate(_PROVED_BY)}
_CODE_BITS = 4
_Packed = tuple[int, int, Sequence[Progress | int], bool, str | None]


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker is allowed, for each of its batches (`in_flight`) and in all (its `pace`).

    `until_s`: it may send by lease_clock_s up to then; None: until it is told otherwise.
    """

    in_flight: int
    pace: Pace
    held: frozenset[Place]
    stopping: bool
    abandoned: bool
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """The first thing that a worker is told.

    `most_in_flight` is how far each batch may climb where the store's latency makes that worth while. `core` is the
    processor core to keep to, None to use them all.
    """

    open_performer: OpenPerformer
    share: Share
    most_in_flight: int
    core: int | None


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker takes batches from now on."""


@dataclass(frozen=True, slots=True)
class NotReady:
    """A worker cannot work, and no other one will; it leaves."""

    error: S3PlanError


@dataclass(frozen=True, slots=True)
class Report:
    """News of a worker's batches, and how many requests it has sent to each place since the last report."""

    packed: Sequence[_Packed]
    requests: Mapping[Place, int]


ToWorker = Setup | Share | BatchTask
FromWorker = Ready | NotReady | Report


def send(connection: Connection, message: ToWorker | FromWorker) -> None:
    """Send a message; OSError if the other side is gone."""
    connection.send_bytes(pickle.dumps(message, _PROTOCOL))


def receive(connection: Connection) -> ToWorker | FromWorker:
    """Wait for the next message; EOFError or OSError if the other side is gone, even in the middle of one."""
    message: ToWorker | FromWorker = pickle.loads(connection.recv_bytes())  # noqa: S301  a pipe that only we hold
    return message


def pack(news: Iterable[BatchProgress]) -> list[_Packed]:
    """Return news as it travels: an action that is simply done is one number, fifty times as quick to read."""
    return [
        (
            progress.batch_id,
            progress.generation,
            [_packed(item) for item in progress.items],
            progress.final,
            progress.error,
        )
        for progress in news
    ]


def unpack(packed: Iterable[_Packed]) -> list[BatchProgress]:
    """Return what `pack` was given."""
    return [
        BatchProgress(batch_id, generation, [_unpacked(item) for item in items], final=final, error=error)
        for batch_id, generation, items, final, error in packed
    ]


def _packed(item: Progress) -> Progress | int:
    """Return a number for what is done: its position, and by what it is proved in the lowest bits."""
    if type(item) is Outcome and item.kind is OutcomeKind.DONE:
        code = _CODES.get(item.evidence)
        if code is not None and item == Outcome(item.position, OutcomeKind.DONE, evidence=item.evidence):
            return item.position << _CODE_BITS | code
    return item


def _unpacked(item: Progress | int) -> Progress:
    if not isinstance(item, int):
        return item
    by = _PROVED_BY[item & (1 << _CODE_BITS) - 1]
    return Outcome(item >> _CODE_BITS, OutcomeKind.DONE, evidence=by)
