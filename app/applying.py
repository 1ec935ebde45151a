"""Plan -> checks -> preparation -> scheduler: what `s3plan apply` does, the first time and every time after."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import monotonic, time_ns

from s3plan.app.checks import check_approval, check_endpoints, check_header
from s3plan.app.connections import connections_of
from s3plan.app.executors import EngineLimits, engine_limits, open_control, opened_executor
from s3plan.app.own_process import tuned_process
from s3plan.app.places import journal_path, lock_path
from s3plan.app.preparation import prepare
from s3plan.app.requests import ApplyReport, ApplyRequest
from s3plan.app.standing import performed_batches
from s3plan.app.stores import Stores
from s3plan.app.worker import OpenEngines
from s3plan.executors.bookkeeping import Bookkeeper
from s3plan.executors.journal import Journal, OutcomeRecord
from s3plan.executors.ledger import BatchState, load_states, total_counts
from s3plan.executors.lock import JournalLock
from s3plan.executors.pacing import RunControl
from s3plan.executors.progress_report import ProgressReporter
from s3plan.executors.recorder import Recorder
from s3plan.executors.retries import retry_policy
from s3plan.executors.scheduler import RunEnd, RunLimits, RunState, Scheduler, StopLevel
from s3plan.planfile.invariants import check_invariants
from s3plan.planfile.reader import PlanReader, open_plan
from s3plan.planner.manifest_file import parse_manifest
from s3plan.schemas.conditions import Capabilities
from s3plan.schemas.engines import EngineUsed
from s3plan.schemas.errors import ExitCode, UsageInvalid
from s3plan.schemas.events import OnEvent, RunEnded, RunStarted, Warned
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan import PhaseName
from s3plan.schemas.ports import Executor
from s3plan.schemas.requests import Encryption
from s3plan.schemas.tasks import TaskSettings
from s3plan.storage.performer import EnginePerformer

__all__ = ["StopLevel", "apply_plan"]

_EXIT_CODES = {
    RunState.COMPLETED: ExitCode.DONE,
    RunState.INCOMPLETE: ExitCode.INCOMPLETE,
    RunState.INTERRUPTED: ExitCode.INTERRUPTED,
    RunState.LIMIT_REACHED: ExitCode.LIMIT_REACHED,
    RunState.CREDENTIALS: ExitCode.CREDENTIALS,
    RunState.DENIED: ExitCode.ERROR,
}


@dataclass(frozen=True, slots=True)
class _Opened:
    """What one run works on."""

    request: ApplyRequest
    plan: PlanReader
    journal: Journal
    lock: JournalLock
    stores: Stores
    on_event: OnEvent
    stop_level: Callable[[], StopLevel]


def apply_plan(
    request: ApplyRequest,
    *,
    on_event: OnEvent = lambda _: None,
    stop_level: Callable[[], StopLevel] = lambda: StopLevel.NONE,
) -> ApplyReport:
    """Perform the plan, or go on where an earlier run of it stopped; exactly its actions, each with its pins.

    `stop_level` is asked a few times a second. Raises PlanRefused, PlanDamaged, GuardRefused, NotApproved, Locked,
    JournalRefused, CredentialsUnusable, StoreRefused before anything is changed.
    """
    journal = request.journal or journal_path(request.plan)
    if request.limit is not None and request.limit < 1:
        raise UsageInvalid("--limit takes a number of actions from 1")
    with ExitStack() as stack:
        plan = stack.enter_context(open_plan(request.plan))
        check_approval(plan, request)
        check_header(plan, now=datetime.now(UTC))
        check_endpoints(plan, request)
        lock = stack.enter_context(JournalLock(lock_path(journal), plan_digest=plan.digest, now_ms=_now_ms()))
        if request.rebuild_journal:
            _set_aside(journal)
        since_ms = _doubtful_since_ms(plan, lock, rebuilt=request.rebuild_journal)
        opened = stack.enter_context(
            Journal.open(journal, plan_digest=plan.digest, now_ms=_now_ms(), doubtful_since_ms=since_ms)
        )
        if opened.is_new and lock.was_begun_before and not request.rebuild_journal:
            on_event(Warned("this plan was applied before, but its journal is gone: every action is looked at again"))
        states = _load(plan, opened)
        if not opened.runs():
            check_invariants(plan)
        stores, limits = _open_stores(stack, plan, request, batches=sum(1 for state in states.values() if state.todo()))
        pins = plan.header.settings.pin_cores and stores.take_many(plan.locations)
        if request.owns_process:
            pins_this = pins and limits.executor != "processes"
            on_event = stack.enter_context(tuned_process(pins_core=pins_this, on_event=on_event))
        for warning in stores.fallbacks(plan.locations):
            on_event(Warned(warning))
        run = _Opened(request, plan, opened, lock, stores, on_event, stop_level)
        if _nothing_left(states):
            return _report(run, _standing(plan, states), began_s=monotonic())
        control = open_control(limits, plan.header.settings)
        performer = EnginePerformer(stores.engine_of)
        in_worker = _open_engines(stores, plan, limits)
        # Opened before the preparation: worker processes come up meanwhile.
        executor = stack.enter_context(
            opened_executor(limits, control, performer=performer, open_performer=in_worker, pins_cores=pins)
        )
        capabilities = prepare(plan, stores, allow_checked=request.allow_checked, on_event=on_event)
        return _run(run, states, executor=executor, control=control, limits=limits, capabilities=capabilities)


def _open_engines(stores: Stores, plan: PlanReader, limits: EngineLimits) -> OpenEngines:
    connections = {location.connection: stores.settings_of(location.connection) for location in plan.locations}
    most = limits.most_in_flight_per_batch * limits.batches_each
    return OpenEngines(connections, tuple(plan.locations), max_in_flight=most)


def _open_stores(
    stack: ExitStack, plan: PlanReader, request: ApplyRequest, *, batches: int
) -> tuple[Stores, EngineLimits]:
    record = plan.header.manifest
    connections = connections_of(parse_manifest(record.text.encode(), path=Path(record.path)).manifest)
    climbs = Stores(connections, max_in_flight=1).take_many(plan.locations)
    limits = engine_limits(
        plan.header.settings, workers=request.workers, executor=request.executor, batches=batches, climbs=climbs
    )
    return stack.enter_context(Stores(connections, max_in_flight=limits.most_in_flight)), limits


def _now_ms() -> int:
    return time_ns() // 1_000_000


def _set_aside(journal: Path) -> None:
    """Keep a journal that is not to be believed, beside the one that takes its place."""
    if journal.exists():
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        journal.rename(journal.with_name(f"{journal.name}.{stamp}.set-aside"))
    journal.with_name(f"{journal.name}-journal").unlink(missing_ok=True)


def _doubtful_since_ms(plan: PlanReader, lock: JournalLock, *, rebuilt: bool) -> int | None:
    """Return since when actions may have been begun that a journal made now would not know of; None: there are none."""
    if lock.was_begun_before:
        return lock.first_begun_at_ms
    return int(plan.header.made_at.timestamp() * 1000) if rebuilt else None


def _load(plan: PlanReader, journal: Journal) -> dict[int, BatchState]:
    """Return the standing of every batch; if a journal was lost, all of them may have been begun before."""
    states = load_states(performed_batches(plan), journal)
    for state in states.values():
        state.withheld = None  # decided anew, once the writes have ended
        if journal.doubtful_since_ms is not None:
            state.all_doubtful = True
            state.begun_at_ms = state.begun_at_ms or journal.doubtful_since_ms
    return states


def _nothing_left(states: dict[int, BatchState]) -> bool:
    return not any(state.todo() for state in states.values())


def _standing(plan: PlanReader, states: dict[int, BatchState]) -> RunEnd:
    """Return what a run would come to that has nothing to do."""
    counts = total_counts(states.values())
    bad = counts[OutcomeKind.STALE] + counts[OutcomeKind.SKIPPED] + plan.header.objects_of_conflicts
    return RunEnd(RunState.INCOMPLETE if bad else RunState.COMPLETED, counts, 0, ())


def _run(
    run: _Opened,
    states: dict[int, BatchState],
    *,
    executor: Executor,
    control: RunControl,
    limits: EngineLimits,
    capabilities: Capabilities,
) -> ApplyReport:
    plan, journal, on_event = run.plan, run.journal, run.on_event
    settings = plan.header.settings
    for location in plan.locations:
        run.stores.engine_of(location)  # opened here: batches only look them up
    reporter = _reporter(run, states, control)
    recorder = Recorder(journal, clock=monotonic)
    retry = retry_policy(settings.retries, random=random.random)
    books = Bookkeeper(
        states,
        recorder=recorder,
        control=control,
        retry=retry,
        reporter=reporter,
        on_event=on_event,
        now_ms=_now_ms,
    )
    number = journal.begin_run(
        now_ms=_now_ms(),
        host=socket.gethostname(),
        pid=os.getpid(),
        executor=limits.executor,
        tool_version=version("s3plan"),
        engines=_engines_used(run),
    )
    began_s = monotonic()
    on_event(_started(run, states, number, limits.executor))
    scheduler = Scheduler(
        plan,
        states,
        executor=executor,
        control=control,
        recorder=recorder,
        bookkeeper=books,
        reporter=reporter,
        settings=_task_settings(plan, capabilities),
        limits=RunLimits(max_failures=settings.max_failures, actions=run.request.limit),
        outcome_of=_outcome_finder(journal, recorder),
        known_uploads=lambda batch: _known_uploads(journal, recorder, batch),
        stop_level=run.stop_level,
        now_ms=_now_ms,
        clock=monotonic,
    )
    end = scheduler.run()
    journal.end_run(number, state=end.state.value, now_ms=_now_ms())
    return _report(run, end, began_s=began_s)


def _engines_used(run: _Opened) -> list[EngineUsed]:
    choices = run.stores.engines_of(run.plan.locations)
    return [EngineUsed(connection, choice.name.value, choice.reason) for connection, choice in choices.items()]


def _task_settings(plan: PlanReader, capabilities: Capabilities) -> TaskSettings:
    settings = plan.header.settings
    asked = settings.encryption
    return TaskSettings(
        capabilities=dict(capabilities),
        multipart_threshold_bytes=settings.multipart_threshold_bytes,
        part_size_bytes=settings.part_size_bytes,
        encryption=None if asked is None else Encryption(asked.type, asked.key_id, asked.bucket_key),
    )


def _outcome_finder(journal: Journal, recorder: Recorder) -> Callable[[int, int], OutcomeRecord | None]:
    def find(batch: int, position: int) -> OutcomeRecord | None:
        recorder.flush()
        return next((record for record in journal.outcomes(batch) if record.position == position), None)

    return find


def _known_uploads(journal: Journal, recorder: Recorder, batch: int):  # type: ignore[no-untyped-def]
    recorder.flush()
    return journal.uploads(batch)


def _settled_bytes(plan: PlanReader, states: dict[int, BatchState]) -> int:
    """Return the bytes of the copies that earlier runs have ended well; reads only batches that are half done."""
    total = 0
    for state in states.values():
        if plan.phases_by_id[state.batch.phase].name is not PhaseName.COPY:
            continue
        counts = state.counts()
        ended_well = counts[OutcomeKind.DONE] + counts[OutcomeKind.ALREADY_DONE]
        if ended_well == state.batch.actions:
            total += state.batch.size_bytes
        elif ended_well:
            missing = {position for position, _ in state.not_done()}
            actions = plan.actions(state.batch)
            total += sum(action.size_bytes for position, action in enumerate(actions) if position not in missing)
    return total


def _reporter(run: _Opened, states: dict[int, BatchState], control: RunControl) -> ProgressReporter:
    return ProgressReporter(
        actions=sum(state.batch.actions for state in states.values()),
        size_bytes=run.plan.header.bytes,
        settled=total_counts(states.values()),
        settled_bytes=_settled_bytes(run.plan, states),
        control=control,
        on_event=run.on_event,
        clock=monotonic,
    )


def _started(run: _Opened, states: dict[int, BatchState], number: int, executor: str) -> RunStarted:
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
    )


def _report(run: _Opened, end: RunEnd, *, began_s: float) -> ApplyReport:
    elapsed_s = monotonic() - began_s
    exit_code = int(_EXIT_CODES[end.state])
    counts = {kind: number for kind, number in end.counts.items() if number}
    run.on_event(
        RunEnded(
            state=end.state.value,
            counts={kind.value: number for kind, number in counts.items()},
            remaining=end.remaining,
            exit_code=exit_code,
            elapsed_s=elapsed_s,
            messages=end.messages,
        )
    )
    return ApplyReport(
        plan=run.request.plan,
        journal=run.journal.path,
        state=end.state.value,
        exit_code=exit_code,
        counts=counts,
        remaining=end.remaining,
        messages=end.messages,
        elapsed_s=elapsed_s,
    )
