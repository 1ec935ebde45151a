"""One run of an opened plan: everything that its scheduler works with, put together, and the report of its end."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from time import monotonic

from s3plan.app.clock import now_ms
from s3plan.app.known_pairs import MatchesOfRun
from s3plan.app.requests import ApplyReport, ApplyRequest
from s3plan.app.roots import Root, record_of
from s3plan.app.runs.executors.opening import EngineLimits
from s3plan.app.runs.left_out import left_out_sentences
from s3plan.app.runs.preparation.all_places import Preparation
from s3plan.app.stores import Stores
from s3plan.executors.journal.control_file import ControlFile
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import BatchState, total_counts, total_evidence, total_unverified, total_verified
from s3plan.executors.journal.lock import JournalLock
from s3plan.executors.pace.circuit_breaker import SendProbe
from s3plan.executors.pace.pacing import RunControl
from s3plan.executors.run.assembly import RunOrder, assemble_run, settled_bytes_of
from s3plan.executors.run.bookkeeping import TOLD
from s3plan.executors.run.retries import retry_policy
from s3plan.executors.run.surroundings import RunSurroundings
from s3plan.planfile.reader import PlanReader
from s3plan.schemas.engines import EngineUsed
from s3plan.schemas.errors import ExitCode
from s3plan.schemas.events import OnEvent, RunEnded, RunPaused, RunResumed, RunStarted
from s3plan.schemas.evidence.verification import Verification, Verify
from s3plan.schemas.manifest.words import Loss
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.header import JobRecord, RunRecord
from s3plan.schemas.plan.places import Place, place_of
from s3plan.schemas.plan.rows import Batch, PlanLocation
from s3plan.schemas.ports import Executor
from s3plan.schemas.run_states import RunEnd, RunLimits, RunState, StopLevel, StopReason, run_end
from s3plan.schemas.tasks import TaskSettings
from s3plan.storage.checksums import CRC64NVME

_EXIT_CODES = {
    None: ExitCode.INCOMPLETE,
    StopReason.SIGNAL: ExitCode.INTERRUPTED,
    StopReason.CANCEL: ExitCode.INTERRUPTED,
    StopReason.ACTION_LIMIT: ExitCode.LIMIT_REACHED,
    StopReason.TIME_LIMIT: ExitCode.LIMIT_REACHED,
    StopReason.FAILURE_LIMIT: ExitCode.LIMIT_REACHED,
    StopReason.CREDENTIALS: ExitCode.CREDENTIALS,
    StopReason.DENIED: ExitCode.ERROR,
    StopReason.OUTAGE: ExitCode.ERROR,
}


@dataclass(frozen=True, slots=True)
class OpenedRun:
    """What one run works on."""

    request: ApplyRequest
    plan: PlanReader
    journal: Journal
    lock: JournalLock
    stores: Stores
    on_event: OnEvent
    stop_level: Callable[[], StopLevel]
    asked: ControlFile
    root: Root | None = None


def run_scheduler(
    run: OpenedRun,
    states: dict[int, BatchState],
    *,
    executor: Executor,
    control: RunControl,
    limits: EngineLimits,
    prepared: Preparation,
) -> ApplyReport:
    plan, journal = run.plan, run.journal
    settings = run.request.overrides.applied_to(plan.header.run)
    run.stores.open_all(plan.locations)  # here: batches only look them up

    def store_now_ms(location: PlanLocation) -> int:
        offset_ms = run.stores.at(location).clock_offset_ms
        return max(now_ms() + offset_ms, 0)  # a store may say any year; a journal's begin in 1970

    settled_bytes = settled_bytes_of(plan, states)  # what is damaged comes out before a run is begun
    began_s = monotonic()
    number = _begin_run(run, states, limits.name)
    order = RunOrder(
        plan=plan,
        states=states,
        journal=journal,
        executor=executor,
        control=control,
        retry=retry_policy(settings.retries, random=random.random),
        limits=_limits(run.request, settings),
        settings_of=_settings_finder(run, prepared),
        probes=_probes(run),
        settled_bytes=settled_bytes,
        held_jobs=prepared.held_jobs,
        told=frozenset(OutcomeKind) if run.request.every_action else TOLD,
        on_match=MatchesOfRun(run.stores.known_files).note,
    )
    surroundings = RunSurroundings(
        stop_level=run.stop_level,
        wish=run.asked.wish,
        check_lock=run.lock.check,
        tell_state=_teller(run, number),
        on_event=run.on_event,
        clock=monotonic,
        now_ms=now_ms,
        store_now_ms=store_now_ms,
    )
    scheduler = assemble_run(order, surroundings)
    # Of several clocks the latest: what is not newer than that is taken for nobody's work, should the journal be lost.
    run.lock.note_begun(max(map(store_now_ms, _destinations(run))), root=_path(run))
    end = scheduler.run()
    journal.end_run(number, state=end.state.value, reason=end.stop_reason, now_ms=now_ms())
    return report_end(run, end, began_s=began_s)


def end_unbegun(run: OpenedRun, states: dict[int, BatchState], *, reason: StopReason, executor: str) -> ApplyReport:
    """Record and report a run that was asked to stop before its first action."""
    began_s = monotonic()
    number = _begin_run(run, states, executor)
    end = run_end(
        total_counts(states.values()),
        actions=sum(state.batch.actions for state in states.values()),
        conflicts=run.plan.header.objects_of_conflicts,
        stop_reason=reason,
        messages=(),
        evidence=total_evidence(states.values()),
        verified=total_verified(states.values(), run.plan.phases_by_id),
        unverified=total_unverified(states.values()),
    )
    run.journal.end_run(number, state=end.state.value, reason=end.stop_reason, now_ms=now_ms())
    return report_end(run, end, began_s=began_s)


def _begin_run(run: OpenedRun, states: dict[int, BatchState], executor: str) -> int:
    number = run.journal.begin_run(
        now_ms=now_ms(),
        host=socket.gethostname(),
        pid=os.getpid(),
        executor=executor,
        tool_version=version("s3plan"),
        engines=_engines_used(run),
        root=None if run.root is None else record_of(run.root),
    )
    run.on_event(_started(run, states, number, executor))
    return number


def _path(run: OpenedRun) -> str | None:
    """Return the folder that the run goes to, if it is not where it was planned."""
    return None if run.root is None else run.root.path


def _probes(run: OpenedRun) -> dict[Place, SendProbe]:
    """Return what asks each place whether it answers again."""
    locations = run.plan.locations
    return {place_of(location): run.stores.at(location).ask_whether_it_answers for location in locations}


def _destinations(run: OpenedRun) -> list[PlanLocation]:
    return [run.plan.locations_by_id[each] for job in run.plan.header.jobs for each in job.changed]


def _limits(request: ApplyRequest, settings: RunRecord) -> RunLimits:
    duration = request.max_duration
    return RunLimits(
        max_failures=settings.max_failures,
        actions=request.limit,
        duration_s=None if duration is None else duration.total_seconds(),
    )


def _teller(run: OpenedRun, number: int) -> Callable[[RunState], None]:
    """Return what writes down, and tells, that the run is paused or goes on."""

    def tell(state: RunState) -> None:
        run.journal.note_run_state(number, state=state.value)
        run.on_event(RunPaused() if state is RunState.PAUSED else RunResumed())

    return tell


def _engines_used(run: OpenedRun) -> list[EngineUsed]:
    choices = run.stores.engines_of(run.plan.locations)
    return [EngineUsed(connection, choice.name.value, choice.reason) for connection, choice in choices.items()]


def _settings_finder(run: OpenedRun, prepared: Preparation) -> Callable[[Batch], TaskSettings]:
    """Return what gives a batch the settings of its job at the place that it changes."""
    plan = run.plan
    by_place = {
        (job.name, location): _task_settings(run, job, prepared, location)
        for job in plan.header.jobs
        for location in job.changed
        if location in prepared.capabilities  # others do not begin
    }
    return lambda batch: by_place[plan.phases_by_id[batch.phase].job, batch.to_location or 0]


def _task_settings(run: OpenedRun, job: JobRecord, prepared: Preparation, location: int) -> TaskSettings:
    is_lost = Loss.CHECKSUM in job.lost or job.name in prepared.without_checksum
    checksum = None if is_lost else job.settings.checksum_algorithm
    return TaskSettings(
        capabilities=dict(prepared.capabilities[location]),
        sums_parts=location in prepared.sums_parts and checksum in (None, CRC64NVME),
        checksum=checksum,
        multipart_threshold_bytes=run.plan.header.run.multipart_threshold_bytes,
        part_size_bytes=run.plan.header.run.part_size_bytes,
        encryption=job.encryption,
        acl=job.settings.acl,
        verification=Verification(Verify(job.settings.verify), job.settings.verify_is_strict, job.etags_are_md5),
        plan_digest=run.plan.digest,
        preserves_mtime=job.settings.preserves_mtime,
        given=job.settings.objects.given(lost=job.lost),
        removes_source=job.is_move,
        source_requester_pays=job.from_location is not None
        and run.stores.pays_for(run.plan.locations_by_id[job.from_location]),
    )


def _started(run: OpenedRun, states: dict[int, BatchState], number: int, executor: str) -> RunStarted:
    counts = total_counts(states.values())
    settled = sum(count for kind, count in counts.items() if kind is not OutcomeKind.UNKNOWN)
    return RunStarted(
        run=number,
        plan_digest=run.plan.digest,
        actions=sum(state.batch.actions for state in states.values()),
        bytes=run.plan.header.bytes,
        settled=settled,
        executor=executor,
        resumed=number > 1,
        root=_path(run),
    )


def _exit_code(end: RunEnd) -> ExitCode:
    """Return that of a run that is not all done; why it was stopped comes before what it found."""
    if end.stop_reason is None and end.unverified:
        return ExitCode.VERIFICATION_FAILED
    return _EXIT_CODES[end.stop_reason]


def report_end(run: OpenedRun, end: RunEnd, *, began_s: float) -> ApplyReport:
    elapsed_s = monotonic() - began_s
    is_done = end.state is RunState.COMPLETED
    exit_code = int(ExitCode.DONE if is_done else _exit_code(end))
    counts = {kind: number for kind, number in end.counts.items() if number}
    messages = (*end.messages, *left_out_sentences(run.plan.header))
    run.on_event(
        RunEnded(
            state=end.state.value,
            reason=end.stop_reason,
            counts={kind.value: number for kind, number in counts.items()},
            remaining=end.remaining,
            exit_code=exit_code,
            elapsed_s=elapsed_s,
            messages=messages,
            evidence=dict(end.evidence),
            verified=dict(end.verified),
            unverified=end.unverified,
        )
    )
    return ApplyReport(
        plan=run.request.plan,
        journal=run.journal.path,
        state=end.state.value,
        reason=end.stop_reason,
        exit_code=exit_code,
        counts=counts,
        remaining=end.remaining,
        messages=messages,
        elapsed_s=elapsed_s,
        runs=len(run.journal.runs()),
        evidence=end.evidence,
        verified=end.verified,
        unverified=end.unverified,
    )
