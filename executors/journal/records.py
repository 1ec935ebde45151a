"""The rows of a journal as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from s3plan.schemas.engines import EngineUsed
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.sides import Side


@dataclass(frozen=True, slots=True)
class JournaledRun:
    """One run of the plan; `state` is `running` or `paused` until it ends, and stays so if it was killed.

    `reason` is a StopReason's value, None if the run came to its end.
    """

    id: int
    state: str
    began_at_ms: int
    ended_at_ms: int | None
    host: str
    pid: int
    executor: str
    tool_version: str
    engines: tuple[EngineUsed, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """One begun batch. `is_open`: an attempt was begun and its end was never recorded.

    `begun_at_ms` is when, by the store's clock: the first of them, if several in a row have no end.
    """

    id: int
    generation: int
    begun_at_ms: int
    is_open: bool
    actions: int
    done: bytes
    withheld: str | None = None  # why all of its actions are skipped


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """The newest outcome of one action, if it is not plainly `done`.

    `unclear_since_ms` is the durable start, by the store's clock, of the first attempt at it whose end is unclear.
    `side` is which side the failure came from.
    """

    batch: int
    position: int
    kind: OutcomeKind
    reason: str
    evidence: str
    failure: FailureKind | None
    attempts: int
    at_ms: int
    unclear_since_ms: int | None = None
    side: Side | None = None


class RootRecord(NamedTuple):
    """The folder that runs go to in place of the planned one; `inode`: of what stood there, as PlanLocation has it."""

    path: bytes
    inode: int | None


class ProofRecord(NamedTuple):
    """Which actions of a batch are done, and proved by one of `ladder.PROOFS` as they were written."""

    batch: int
    proved_by: str
    actions: bytes  # a bitmap, as long as that of what is done
