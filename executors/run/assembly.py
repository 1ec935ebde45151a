"""One run: what it is given, and its scheduler put together from that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import BatchState, total_counts
from s3plan.executors.journal.recorder import Recorder
from s3plan.executors.pace.circuit_breaker import SendProbe
from s3plan.executors.pace.outages import Outages
from s3plan.executors.pace.pacing import RunControl
from s3plan.executors.run.bookkeeping import TOLD, Bookkeeper, OnMatch
from s3plan.executors.run.hold import Hold
from s3plan.executors.run.plan_view import PlanView
from s3plan.executors.run.progress_report import ProgressReporter
from s3plan.executors.run.retries import RetryPolicy
from s3plan.executors.run.scheduler import RunParts, Scheduler
from s3plan.executors.run.surroundings import RunSurroundings
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.plan.places import Place
from s3plan.schemas.plan.rows import Batch, PhaseName
from s3plan.schemas.ports import Executor
from s3plan.schemas.run_states import RunLimits
from s3plan.schemas.tasks import TaskSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """What a run performs, by what, and how far.

    `states` are the batches that may be performed. `probes` ask each place whether it answers again. `settled_bytes`
    are those that earlier runs have copied. `held_jobs` cannot begin in this run, for these reasons. `told`: of actions
    that end so, an event is made.
    """

    plan: PlanView
    states: dict[int, BatchState]
    journal: Journal
    executor: Executor
    control: RunControl
    retry: RetryPolicy
    limits: RunLimits
    settings_of: Callable[[Batch], TaskSettings]
    probes: Mapping[Place, SendProbe]
    settled_bytes: int = 0
    held_jobs: Mapping[str, str] = field(default_factory=dict)
    told: frozenset[OutcomeKind] = TOLD
    on_match: OnMatch = lambda _, __: None


def assemble_run(order: RunOrder, surroundings: RunSurroundings) -> Scheduler:
    """Return the scheduler of a run that the journal has begun; nothing is sent yet."""
    control, on_event, clock = order.control, surroundings.on_event, surroundings.clock
    recorder = Recorder(order.journal, clock=clock)
    outages = Outages(order.probes, clock=clock)
    reporter = ProgressReporter(
        actions=sum(state.batch.actions for state in order.states.values()),
        size_bytes=order.plan.header.bytes,
        settled=total_counts(order.states.values()),
        settled_bytes=order.settled_bytes,
        control=control,
        on_event=on_event,
        clock=clock,
    )
    books = Bookkeeper(
        order.states,
        recorder=recorder,
        control=control,
        retry=order.retry,
        outages=outages,
        reporter=reporter,
        on_event=on_event,
        now_ms=surroundings.now_ms,
        told=order.told,
        job_of=_job_finder(order.plan),
        on_match=order.on_match,
    )
    hold = Hold(control, outages, wish=surroundings.wish, tell=surroundings.tell_state, on_event=on_event)
    parts = RunParts(
        plan=order.plan,
        states=order.states,
        executor=order.executor,
        control=control,
        settings_of=order.settings_of,
        limits=order.limits,
        held_jobs=order.held_jobs,
        recorder=recorder,
        books=books,
        reporter=reporter,
        hold=hold,
    )
    return Scheduler(parts, surroundings)


def _job_finder(plan: PlanView) -> Callable[[int], str]:
    is_alone = len(plan.header.jobs) == 1
    return lambda phase: "" if is_alone else plan.phases_by_id[phase].job


def settled_bytes_of(plan: PlanView, states: Mapping[int, BatchState]) -> int:
    """Return the bytes of the copies that earlier runs have ended well; raises PlanDamaged.

    Reads only batches that are half done, or are of jobs that have pairs of which nothing is written.
    """
    total = 0
    for state in states.values():
        if plan.phases_by_id[state.batch.phase].name is not PhaseName.COPY:
            continue
        counts = state.counts()
        ended_well = counts[OutcomeKind.DONE] + counts[OutcomeKind.ALREADY_DONE]
        writes_all = not plan.header.job(plan.phases_by_id[state.batch.phase].job).objects_of(VerdictKind.SAME)
        if ended_well == state.batch.actions and writes_all:
            total += state.batch.size_bytes
        elif ended_well:
            missing = {position for position, _ in state.not_done()}
            actions = plan.actions(state.batch)
            total += sum(
                action.size_bytes
                for position, action in enumerate(actions)
                if position not in missing and action.kind.is_write
            )
    return total
