"""What the command, or a program, asks of s3plan, and what it gets back: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from s3plan.app.ends import JobEnds
from s3plan.app.roots import Root
from s3plan.app.runs.overrides import RunOverrides
from s3plan.schemas.engines import EngineUsed
from s3plan.schemas.events import Advanced
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.header import PlanHeader
from s3plan.schemas.plan.sides import Side

KEPT_PLANS = 5


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """A plan is asked for. `output` None: `.s3plan/NAME.s3plan` next to the manifest.

    `keep`: so many plans that the manifest had before stay, with their journals; None: all that are there. `select`:
    these jobs of it, with those that they depend on unless `without_dependencies`; none named: all. `allow` releases
    guards by their names, those of one job of several as `JOB.NAME`. `profiles`: those that were chosen, by
    the names of connections; the default one's is empty.
    """

    manifest: Path
    output: Path | None = None
    allow: Mapping[str, int] = field(default_factory=dict)
    expires_after: timedelta | None = None
    probe: bool = False
    keep: int | None = KEPT_PLANS
    select: tuple[str, ...] = ()
    without_dependencies: bool = False
    owns_process: bool = False  # this process does nothing else: see app/runs/executors/own_process.py
    profiles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlanMade:
    """A plan is on disk; `header.is_blocked` says whether a guard holds it."""

    path: Path
    digest: str
    header: PlanHeader

    @property
    def has_changes(self) -> bool:
        """Whether applying it would write or delete anything."""
        return self.header.actions > 0


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    """A plan is to be performed, or gone on with.

    `expect` is the full digest that somebody approved, from outside; `shown` the digest of what this user has just
    been shown. Both must be the plan's; only `expect` also vouches for endpoints that nothing on this machine names.
    """

    plan: Path
    journal: Path | None = None
    shown: str | None = None
    expect: str | None = None
    executor: str | None = None
    workers: int | None = None
    overrides: RunOverrides = field(default_factory=RunOverrides)
    cluster: str | None = None  # the address of its scheduler; never a plan's
    limit: int | None = None
    max_duration: timedelta | None = None
    allow_checked: bool = False
    rebuild_journal: bool = False
    root: Path | None = None  # where the plan's folder lies here; None: where earlier runs went, else as planned
    every_action: bool = False  # an event for each action that ends, not only for those that end badly
    owns_process: bool = False  # this process does nothing else: see app/runs/executors/own_process.py


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What one apply came to. `counts` are of the whole plan, all its runs together."""

    plan: Path
    journal: Path
    state: str  # schemas.run_states.RunState
    reason: str | None  # schemas.run_states.StopReason; None: every action has ended
    exit_code: int
    counts: Mapping[OutcomeKind, int]
    remaining: int
    messages: tuple[str, ...]
    elapsed_s: float  # of this run
    runs: int = 1  # of this plan so far, this one included
    evidence: Mapping[str, int] = field(default_factory=dict)  # on what the already-done ones rest
    verified: Mapping[str, int] = field(default_factory=dict)  # by what writes are proved, and how many are not
    unverified: int = 0  # failed by their verification


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run of a plan, as `status` shows it."""

    number: int
    state: str  # schemas.run_states.RunState; `interrupted` where the process is gone
    began_at: datetime
    ended_at: datetime | None
    host: str
    pid: int
    executor: str
    engines: tuple[EngineUsed, ...] = ()
    reason: str | None = None  # schemas.run_states.StopReason


@dataclass(frozen=True, slots=True)
class JobStanding:
    """Where one job of a plan stands."""

    name: str
    actions: int  # that apply performs
    remaining: int
    counts: Mapping[OutcomeKind, int]


@dataclass(frozen=True, slots=True)
class Status:
    """Where a plan stands."""

    plan: Path
    journal: Path
    digest: str
    header: PlanHeader
    state: str  # schemas.run_states.RunState
    counts: Mapping[OutcomeKind, int]
    actions: int  # that apply performs
    remaining: int
    runs: tuple[RunLine, ...]
    ends: tuple[JobEnds, ...]
    jobs: tuple[JobStanding, ...] = ()
    messages: tuple[str, ...] = ()
    progress: Advanced | None = None  # of the run that goes on, a second old at most
    evidence: Mapping[str, int] = field(default_factory=dict)  # on what the already-done ones rest
    verified: Mapping[str, int] = field(default_factory=dict)  # by what writes are proved, and how many are not
    root: Root | None = None  # where its folder lies, if that is not where it was planned
    unverified: int = 0  # failed by their verification


@dataclass(frozen=True, slots=True)
class EarlierPlan:
    """A plan that the job had before, and how its last run ended; never applied if `ended_at` and `began_at` are None.

    One that did not come to its end was given up.
    """

    plan: Path
    digest: str
    made_at: datetime
    state: str  # schemas.run_states.RunState
    began_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class FailureLine:
    """One action that did not end well, with its cause, or is already-done by size and time alone."""

    job: str
    action: str  # copy, delete
    key: bytes
    outcome: OutcomeKind
    reason: str
    failure: str | None  # a FailureKind's value
    attempts: int
    at: datetime
    evidence: str = ""  # an Evidence, of an already-done one
    side: Side | None = None  # which side the failure came from
