"""Plan -> checks -> preparation -> scheduler: what `s3plan apply` does, the first time and every time after."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from s3plan.app.clock import now_ms
from s3plan.app.connections.settings import connections_of
from s3plan.app.folder_remains import tidy_folders
from s3plan.app.paths import journal_path, lock_path
from s3plan.app.requests import ApplyReport, ApplyRequest
from s3plan.app.roots import RememberedRoot, Root, move_to, root_in_force
from s3plan.app.runs.checks import changed_manifest, check_approval, check_endpoints, check_may_apply
from s3plan.app.runs.executors.file_room import fit_to_files
from s3plan.app.runs.executors.opening import EngineLimits, engine_limits, open_control, opened_executor
from s3plan.app.runs.executors.own_process import many_open_files, tuned_process
from s3plan.app.runs.executors.worker import OpenEngines
from s3plan.app.runs.kept_manifest import resolved_manifest
from s3plan.app.runs.preparation.all_places import prepare
from s3plan.app.runs.running import OpenedRun, end_unbegun, report_end, run_scheduler
from s3plan.app.runs.standing import performed_batches, standing_end
from s3plan.app.runs.stopping import PreparationStopped, StopWatch
from s3plan.app.stores import Stores
from s3plan.executors.journal.control_file import ControlFile, control_path
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import BatchState, load_states
from s3plan.executors.journal.lock import JournalLock
from s3plan.executors.journal.progress_file import progress_path, told_to_others
from s3plan.planfile.graph import load_networkx_ahead
from s3plan.planfile.invariants import check_invariants
from s3plan.planfile.reader import PlanReader, open_plan
from s3plan.schemas.errors import PlanRefused, UsageInvalid
from s3plan.schemas.events import OnEvent, Prepared, Warned
from s3plan.schemas.manifest.resolved import Manifest
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.printable import shown_path
from s3plan.schemas.run_states import StopLevel
from s3plan.storage.file_settings import file_settings, undurable_files
from s3plan.storage.transfer.performer import EnginePerformer


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
        manifest = _checked_manifest(plan, request, on_event)
        lock = stack.enter_context(JournalLock(lock_path(journal), plan_digest=plan.digest, now_ms=now_ms()))
        if not plan.is_in_place():
            raise PlanRefused(f"{shown_path(plan.path)} was replaced or put away just now; look at what is there")
        asked = ControlFile(control_path(journal), plan.digest, lock.token)
        stack.callback(_forget_wishes, asked, lock)
        if request.rebuild_journal:
            _set_aside(journal)
        since_ms = _doubtful_since_ms(plan, lock, rebuilt=request.rebuild_journal)
        opened = stack.enter_context(
            Journal.open(
                journal, plan_digest=plan.digest, now_ms=now_ms(), doubtful_since_ms=since_ms, check_lock=lock.check
            )
        )
        if opened.is_new and lock.was_begun_before and not request.rebuild_journal:
            on_event(Warned("this plan was applied before, but its journal is gone: every action is looked at again"))
        states = _load(plan, opened)
        root = _move_folder(plan, states, opened, lock, request)
        if not opened.runs() or request.root is not None:
            check_invariants(plan)
        if request.owns_process:
            stack.enter_context(many_open_files())
        batches = sum(1 for state in states.values() if state.todo())
        stores, limits, told = _open_stores(stack, plan, request, manifest, batches=batches, lock=lock)
        pins = _pins_cores(plan, stores)
        if request.owns_process:
            pins_this = pins and limits.sends_from_here
            on_event = stack.enter_context(tuned_process(pins_core=pins_this, on_event=on_event))
        on_event = stack.enter_context(told_to_others(on_event, progress_path(journal), plan_digest=plan.digest))
        for warning in told:
            on_event(Warned(warning))
        if root is not None and root.is_remembered:
            on_event(Prepared(root.sentence))
        run = OpenedRun(request, plan, opened, lock, stores, on_event, stop_level, asked, root)
        stack.callback(tidy_folders, plan, states, on_event)  # once no worker is at them any more
        if _nothing_left(states):
            return report_end(run, standing_end(plan, states), began_s=monotonic())
        stores.check_keys(plan.locations)
        settings = request.overrides.applied_to(plan.header.run)
        control = open_control(limits, settings, lease=lock.lease)
        performer = EnginePerformer(
            stores.engine_of,
            files_of=stores.files_of,
            buffer=stores.memory.buffer,
            buffers=stores.buffers,
            key_of=stores.key_of,
        )
        # Opened before the preparation: worker processes come up meanwhile.
        executor = stack.enter_context(
            opened_executor(
                limits,
                control,
                performer=performer,
                open_performer=_open_engines(stores, plan, limits),
                pins_cores=pins,
                warn=lambda sentence: on_event(Warned(sentence)),
            )
        )
        watch = StopWatch(stop_level, asked.wish)
        try:
            prepared = prepare(
                plan,
                stores,
                is_first=not (opened.runs() and lock.was_begun_before),
                allow_checked=request.allow_checked,
                on_event=on_event,
                watch=watch,
            )
        except PreparationStopped as stop:
            return end_unbegun(run, states, reason=stop.reason, executor=limits.name)
        return run_scheduler(run, states, executor=executor, control=control, limits=limits, prepared=prepared)


def _checked_manifest(plan: PlanReader, request: ApplyRequest, on_event: OnEvent) -> Manifest:
    """Hold the plan, as it is in its file, against what must be true of it, and return the manifest it works by."""
    check_approval(plan, request)
    check_may_apply(plan, now=datetime.now(UTC))
    load_networkx_ahead()
    manifest = resolved_manifest(plan).manifest
    check_endpoints(plan, request, manifest)
    _ = plan.graph  # held against the plan's jobs before anything relies on it
    changed = changed_manifest(plan)
    if changed is not None and request.shown is None:  # who was shown the plan was told of it, too
        on_event(Warned(changed))
    return manifest


def _pins_cores(plan: PlanReader, stores: Stores) -> bool:
    """Whether all threads stay on one core; bytes that pass through us are hashed on others than the one that sends."""
    moves_bytes = any(location.is_folder for location in plan.locations)
    moves_bytes |= any(job.is_relayed for job in plan.header.jobs)
    return plan.header.run.pin_cores and stores.take_many(plan.locations) and not moves_bytes


def _forget_wishes(asked: ControlFile, lock: JournalLock) -> None:
    if lock.lease is None or not lock.lease.is_lost:  # else it is for whoever has the lock now
        asked.clear()


def _open_engines(stores: Stores, plan: PlanReader, limits: EngineLimits) -> OpenEngines:
    connections = {location.connection: stores.settings_of(location.connection) for location in plan.locations}
    # How many batches a process of somebody else's takes is not known here.
    most = limits.most_in_flight_per_batch * limits.batches_each if limits.owns_workers else limits.most_in_flight
    return OpenEngines(
        connections,
        tuple(plan.locations),
        max_in_flight=most,
        files=file_settings(plan.header.run),
        owns_process=limits.owns_workers,
    )


def _open_stores(
    stack: ExitStack, plan: PlanReader, request: ApplyRequest, manifest: Manifest, *, batches: int, lock: JournalLock
) -> tuple[Stores, EngineLimits, list[str]]:
    """Return the engines, how wide they may go, and what is to be said of them."""
    connections = connections_of(manifest)
    unopened = Stores(connections, max_in_flight=1)
    limits = engine_limits(
        request.overrides.applied_to(plan.header.run),
        workers=request.workers,
        executor=request.executor,
        batches=batches,
        climbs=unopened.take_many(plan.locations),
        cluster=request.cluster,
    )
    if limits.cluster is not None and any(location.is_folder for location in plan.locations):
        raise UsageInvalid(
            "a folder of this machine cannot be read by the workers of a cluster; choose another executor, as "
            "--executor processes does"
        )
    limits, told = fit_to_files(limits, engines=unopened.count_engines(plan.locations))
    stores = Stores(
        connections,
        max_in_flight=limits.most_in_flight,
        before_request=None if lock.lease is None else lambda _: lock.check(),
        files=file_settings(plan.header.run),
    )
    said = [*stores.fallbacks(plan.locations), *([] if told is None else [told])]
    return stack.enter_context(stores), limits, said + undurable_files(plan.header.run, _written(plan))


def _written(plan: PlanReader) -> list[PlanLocation]:
    """Return the locations that jobs write to."""
    return [plan.locations_by_id[job.to_location] for job in plan.header.jobs]


def _set_aside(journal: Path) -> None:
    """Keep a journal that is not to be believed, next to the one that takes its place."""
    if journal.exists():
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        journal.rename(journal.with_name(f"{journal.name}.{stamp}.set-aside"))
    journal.with_name(f"{journal.name}-journal").unlink(missing_ok=True)


def _doubtful_since_ms(plan: PlanReader, lock: JournalLock, *, rebuilt: bool) -> int | None:
    """Return since when actions may have been begun that a journal made now would not know of; None: there are none."""
    if lock.first_begun_at_ms is not None:
        return max(lock.first_begun_at_ms, 0)  # before 1970 nothing was begun, whatever is written there
    return max(int(plan.header.made_at.timestamp() * 1000), 0) if rebuilt else None


def _load(plan: PlanReader, journal: Journal) -> dict[int, BatchState]:
    """Return the standing of every batch; if a journal was lost, all of them may have been begun before."""
    states = load_states(performed_batches(plan), journal)
    for state in states.values():
        state.reopen()
        if journal.doubtful_since_ms is not None:
            state.all_doubtful = True
            state.begun_at_ms = state.begun_at_ms or journal.doubtful_since_ms
    return states


def _move_folder(
    plan: PlanReader, states: dict[int, BatchState], journal: Journal, lock: JournalLock, request: ApplyRequest
) -> Root | None:
    """Have the plan's folder lie where this run is to find it, and return where, if not where it was planned."""
    has_begun = journal.doubtful_since_ms is not None or any(state.generation for state in states.values())
    root = root_in_force(plan, RememberedRoot.of(journal.root(), lock.root, has_begun=has_begun), asked=request.root)
    if root is not None:
        move_to(plan, root, states)
    return root


def _nothing_left(states: dict[int, BatchState]) -> bool:
    return not any(state.todo() for state in states.values())
