"""What an apply and the dask workers that perform its batches tell each other, packed into bytes.

dask's scheduler passes it on and need not understand it. Nothing in it is secret: a worker finds its own credentials.
"""

from __future__ import annotations

import pickle
import zlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from s3plan.executors.workers.messages import OpenPerformer, Report, Share
from s3plan.schemas.tasks import BatchTask

ORDERS_TOPIC = "s3plan-orders"  # dask keeps the last thousand events of a topic: one for all runs is the least

_PROTOCOL = 5
_QUICK = 1  # of zlib's levels


@dataclass(frozen=True, slots=True)
class Assignment:
    """One dask task: a batch of the run `run`, to be reported under `reply_topic`.

    Once nothing was heard of the run for `lease_s` seconds, its batches begin no more actions.
    """

    run: str
    reply_topic: str
    task: BatchTask
    open_performer: OpenPerformer
    share: Share
    most_in_flight: int
    lease_s: float


@dataclass(frozen=True, slots=True)
class MayBegin:
    """A worker has taken up a batch and asks whether to begin; asked again until it is answered.

    dask may take up the same task a second time, after a worker was lost. Only the first attempt may begin: what it
    has done is known to the apply alone.
    """

    batch_id: int
    generation: int
    attempt: str
    worker: str


@dataclass(frozen=True, slots=True)
class AttemptReport:
    """News of an attempt that was allowed to begin."""

    attempt: str
    report: Report


@dataclass(frozen=True, slots=True)
class Orders:
    """What holds for a run from now on: each is whole, and the one with the highest number counts.

    `allowed` and `refused` are attempts at batches. `is_over`: whatever still goes on is of no use to anybody.
    `sure_for_s`: the run holds its plan for so long from when this was written; None: for as long as it lasts.
    """

    run: str
    number: int
    share: Share
    allowed: frozenset[str]
    refused: frozenset[str]
    is_over: bool
    sure_for_s: float | None = None


WorkerNews = MayBegin | AttemptReport


def freeze(message: Assignment | WorkerNews | Orders) -> bytes:
    """Return a message as it travels."""
    return zlib.compress(pickle.dumps(message, _PROTOCOL), _QUICK)


def thaw(frozen: bytes) -> Assignment | WorkerNews | Orders:
    """Return the message that `freeze` was given."""
    message: Assignment | WorkerNews | Orders = pickle.loads(zlib.decompress(frozen))  # noqa: S301  who can write it runs code here anyway
    return message


@cache
def own_version() -> str:
    """Return s3plan's version here; messages are understood by the same version only."""
    return version("s3plan")
