"""What plan and apply tell while they run; the command, JSON lines and the library's callers subscribe.

Every event is a frozen dataclass; `name` is its stable word for machines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.sides import Side


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that the user should know and that stops nothing."""

    name: ClassVar[str] = "warning"
    message: str


@dataclass(frozen=True, slots=True)
class Listed:
    """Listing goes on; at most a few times a second, and once at the end of each side."""

    name: ClassVar[str] = "listed"
    source_objects: int
    destination_objects: int
    actions: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Audited:
    """An audit goes on; at most a few times a second."""

    name: ClassVar[str] = "auditing"
    objects: int  # keys of the present job of which it is known what is so
    wanting: int  # of these: different, or missing at the destination
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class PlanSaved:
    """The plan is on disk, whole."""

    name: ClassVar[str] = "plan-saved"
    path: str
    digest: str
    actions: int
    blocked: bool


@dataclass(frozen=True, slots=True)
class RunStarted:
    """Apply holds the lock and begins, or goes on."""

    name: ClassVar[str] = "run-started"
    run: int
    plan_digest: str
    actions: int
    bytes: int
    settled: int  # actions that earlier runs have already ended
    executor: str
    resumed: bool
    root: str | None = None  # the folder that the run goes to, if it is not where it was planned


@dataclass(frozen=True, slots=True)
class Prepared:
    """A step before the first change is done: a probe, a bucket created."""

    name: ClassVar[str] = "prepared"
    message: str


@dataclass(frozen=True, slots=True)
class Advanced:
    """Where the run stands; at most four times a second."""

    name: ClassVar[str] = "progress"
    actions: int
    settled: int
    bytes: int
    settled_bytes: int
    counts: dict[str, int]  # by outcome, all runs of this plan together
    actions_per_s: float
    bytes_per_s: float
    eta_s: float | None
    phase: str
    retrying: int
    throttled: bool
    elapsed_s: float
    held: bool = False  # paused, or waiting for a store that does not answer: rates say nothing


@dataclass(frozen=True, slots=True)
class ActionEnded:
    """One action ended `failed` or `stale`; where every action is asked for, in any other way, too."""

    name: ClassVar[str] = "action-ended"
    kind: str
    key: bytes
    outcome: OutcomeKind
    reason: str
    size_bytes: int = 0  # of the object that is written or deleted
    side: Side | None = None  # whose store a failure came from
    job: str = ""


@dataclass(frozen=True, slots=True)
class RunPaused:
    """Somebody asked for a pause, and nothing is under way any more."""

    name: ClassVar[str] = "run-paused"


@dataclass(frozen=True, slots=True)
class RunResumed:
    """A pause is over."""

    name: ClassVar[str] = "run-resumed"


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is over; `exit_code` is the command's."""

    name: ClassVar[str] = "run-ended"
    state: str  # completed, partial, failed, cancelled, interrupted
    reason: str | None  # why, if the run ended before its plan was through: signal, cancel, time-limit, ...
    counts: dict[str, int]
    remaining: int
    exit_code: int
    elapsed_s: float
    messages: tuple[str, ...] = field(default=())
    evidence: dict[str, int] = field(default_factory=dict)  # on what the already-done ones rest
    verified: dict[str, int] = field(default_factory=dict)  # by what writes are proved, and how many are not
    unverified: int = 0  # failed by their verification


Event = (
    Warned
    | Listed
    | Audited
    | PlanSaved
    | RunStarted
    | Prepared
    | Advanced
    | ActionEnded
    | RunPaused
    | RunResumed
    | RunEnded
)
OnEvent = Callable[[Event], None]
