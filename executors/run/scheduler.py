"""Runs a plan: one thread that owns graph, journal and every retry; executors only perform batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from s3plan.executors.journal.ledger import BatchState, total_counts, total_evidence, total_unverified, total_verified
from s3plan.executors.journal.recorder import Recorder
from s3plan.executors.pace.pacing import RunControl
from s3plan.executors.run.batch_places import BatchPlaces
from s3plan.executors.run.batch_tasks import BatchTasks
from s3plan.executors.run.bookkeeping import Bookkeeper
from s3plan.executors.run.hold import Hold
from s3plan.executors.run.plan_view import PlanView
from s3plan.executors.run.progress_report import ProgressReporter
from s3plan.executors.run.readiness import Readiness, Turn
from s3plan.executors.run.release import why_held
from s3plan.executors.run.removals import UNPROVED, Removals
from s3plan.executors.run.surroundings import RunSurroundings
from s3plan.executors.run.waiting_batches import WaitingBatches
from s3plan.executors.run.withheld_texts import withheld_text
from s3plan.schemas.errors import Locked
from s3plan.schemas.plan.places import Place
from s3plan.schemas.plan.rows import Batch, Edge, PhaseName
from s3plan.schemas.ports import Executor
from s3plan.schemas.run_states import RunEnd, RunLimits, StopLevel, StopReason, run_end
from s3plan.schemas.tasks import BatchProgress, TaskSettings

_WAIT_S = 0.2
DRAIN_S = 30.0
_ABANDON_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParts:
    """What a run is made of. `states` are the batches that may be performed."""

    plan: PlanView
    states: Mapping[int, BatchState]
    executor: Executor
    control: RunControl
    settings_of: Callable[[Batch], TaskSettings]
    limits: RunLimits
    held_jobs: Mapping[str, str]
    recorder: Recorder
    books: Bookkeeper
    reporter: ProgressReporter
    hold: Hold


class Scheduler:
    """One run of one plan. `run` may be called once.

    Starts the batches of every phase whose turn has come, journals that a batch begins before its first request,
    folds what comes back, and tries again what may succeed later.
    """

    def __init__(self, parts: RunParts, surroundings: RunSurroundings) -> None:
        self._plan = parts.plan
        self._states = parts.states
        self._executor = parts.executor
        self._control = parts.control
        self._limits = parts.limits
        self._recorder = parts.recorder
        self._books = parts.books
        self._reporter = parts.reporter
        self._hold = parts.hold
        self._stop_level = surroundings.stop_level
        self._check_lock = surroundings.check_lock
        self._tasks = BatchTasks(
            parts.plan, parts.recorder, settings_of=parts.settings_of, store_now_ms=surroundings.store_now_ms
        )
        self._clock = surroundings.clock
        self._places = BatchPlaces(parts.plan)
        self._states_by_phase: dict[int, list[BatchState]] = {}
        for state in parts.states.values():
            self._states_by_phase.setdefault(state.batch.phase, []).append(state)
        self._removals = Removals(parts.states)
        self._waiting = WaitingBatches(self._places_of)
        self._running: set[int] = set()
        self._readiness = Readiness(parts.plan.graph, why_held=self._why_held, held_jobs=parts.held_jobs)
        self._left_in_phase: Counter[int] = Counter()
        self._begun_actions = 0
        self._began_s = self._clock()
        self._stop_reason: StopReason | None = None
        self._messages: list[str] = []

    def run(self) -> RunEnd:
        """Perform the plan to its end, or to where it has to stop; all that is known is in the journal then.

        If that cannot go on (the journal's disk is full, the plan is damaged), nothing more is sent either; if the
        plan is somebody else's by now, what is under way is left at once.
        """
        try:
            return self._run()
        except Locked:
            self._control.abandon()
            with suppress(Exception):
                self._executor.stop(grace_s=_ABANDON_S)
            raise
        except BaseException:
            self._control.stop()
            with suppress(Exception):  # the first error is the one to tell
                self._executor.stop(grace_s=_ABANDON_S)
            self._control.abandon()
            raise

    def _run(self) -> RunEnd:
        for state in self._states.values():
            self._take_back(state)
        self._begin_phases()
        while self._waiting or self._running:
            self._check_lock()
            if self._must_stop():
                break
            self._hold.update(self._books.busy_places, goes_on=self._goes_on)
            self._start_batches()
            self._take_news(self._wait_s())
            retrying = self._waiting.retrying(self._hold.holds)
            self._reporter.tick(retrying=retrying, phase=self._phase_name(), is_held=self._is_held())
        self._drain()
        self._recorder.flush()
        end = self._end()
        self._reporter.tick(retrying=0, phase=self._phase_name(), is_last=True)
        return end

    def _wait_s(self) -> float:
        """Return how long to wait for news: not beyond the next retry."""
        due_s = self._waiting.next_due_s
        return _WAIT_S if due_s is None else min(_WAIT_S, max(due_s - self._clock(), 0.0))

    def _goes_on(self) -> bool:
        """Whether anything is under way, or left to be started, that is not held."""
        is_held = self._hold.holds
        return not all(is_held(self._places_of(batch)) for batch in self._running) or self._waiting.has_free(is_held)

    def _is_held(self) -> bool:
        return self._hold.is_pausing or (self._hold.has_outage and not self._goes_on())

    def _places_of(self, batch: int) -> frozenset[Place]:
        return self._places.of(self._states[batch].batch)

    def _must_stop(self) -> bool:
        if self._books.stop_reason is not None:
            return True
        self._stop_reason = self._reason_to_stop()
        return self._stop_reason is not None

    def _reason_to_stop(self) -> StopReason | None:
        limits = self._limits
        if self._stop_level() is not StopLevel.NONE:
            return StopReason.SIGNAL
        if self._hold.is_cancelled:
            return StopReason.CANCEL
        if limits.max_failures is not None and self._books.failures > limits.max_failures:
            self._messages.append(f"stopped: more than {limits.max_failures:,} actions failed (run.max_failures)")
            return StopReason.FAILURE_LIMIT
        if limits.duration_s is not None and self._clock() - self._began_s >= limits.duration_s:
            self._messages.append("stopped: the time that --max-duration gives is up")
            return StopReason.TIME_LIMIT
        if self._hold.is_outage_too_long and not self._goes_on():
            self._messages.append("stopped: the store has not answered for a long time; nothing is lost by waiting")
            return StopReason.OUTAGE
        is_through = self._is_action_limit_reached() and not self._running and self._waiting.next_due_s is None
        return StopReason.ACTION_LIMIT if is_through else None

    def _is_action_limit_reached(self) -> bool:
        return self._limits.actions is not None and self._begun_actions >= self._limits.actions

    def _begin_phases(self) -> None:
        """Queue the batches of every phase that may begin now, and leave out those that never can."""
        for turn in self._readiness.turns():
            states = self._states_of(turn.phase.id)
            if turn.withheld is not None:
                self._withhold(turn, states)
                continue
            if turn.phase.name is PhaseName.REMOVE:
                self._removals.open_phase(turn.phase.id)
            left = [state for state in states if state.todo()]
            self._left_in_phase[turn.phase.id] += len(left)
            for state in left:
                if self._removals.may_begin(state):
                    self._queue(state)
            if self._left_in_phase[turn.phase.id] == 0:
                self._readiness.end(turn.phase.id)

    def _queue(self, state: BatchState) -> None:
        """Have a batch started as soon as there is room; one that has nothing to remove has ended."""
        if not self._removals.todo(state):
            self._note_ended(state)
        elif state.batch.of_batch is None:
            self._removals.note_copies(state.batch.id)
            self._waiting.append((state.batch.id, None))
        else:
            self._waiting.prepend((state.batch.id, None))  # what is copied is moved soon, however much is left to copy

    def _states_of(self, phase: int) -> list[BatchState]:
        return self._states_by_phase.get(phase, [])

    def _why_held(self, edge: Edge) -> str | None:
        return why_held(edge, self._plan, self._states_of(edge.before), outcome_of=self._recorder.outcome_of)

    def _take_back(self, state: BatchState) -> None:
        """Have the journal forget that an earlier run has withheld a batch: whether this one does, is not known yet."""
        if state.is_kept_withheld:
            state.is_kept_withheld = False
            self._recorder.note_state(state)

    def _withhold(self, turn: Turn, states: list[BatchState]) -> None:
        """Mark what is left of a phase as skipped."""
        withheld = 0
        for state in states:
            state.reopen()
            left = len(state.todo())
            if left:
                state.withheld = f"withheld: {turn.withheld}"
                withheld += left
            self._recorder.note_state(state)
        if not withheld:
            return
        self._reporter.note_withheld(withheld)
        job = f" of job {turn.phase.job}" if len(self._plan.header.jobs) > 1 else ""
        self._messages.append(withheld_text(turn.phase.name, withheld, of=job, because=turn.because or ""))

    def _start_batches(self) -> None:
        now_s, is_held = self._clock(), self._hold.holds
        while self._executor.free_slots > 0:
            taken = self._waiting.take(now_s, running=self._running, is_held=is_held)
            if taken is None:
                return
            batch, wanted = taken
            positions = self._within_limit(
                batch, self._removals.todo(self._states[batch]) if wanted is None else wanted
            )
            if positions:
                self._start(batch, positions)

    def _within_limit(self, batch: int, positions: list[int]) -> list[int]:
        """Cut what exceeds the limit on actions; retries of actions already begun do not count again."""
        state = self._states[batch]
        if self._limits.actions is None or batch in self._books.attempted:
            return positions
        allowed = max(self._limits.actions - self._begun_actions, 0)
        self._begun_actions += min(len(positions), allowed)
        if len(positions) > allowed:
            self._left_in_phase[state.batch.phase] += 1  # what is cut stays open, so that later phases do not begin
            self._removals.note_cut(batch)
        return positions[:allowed]

    def _start(self, batch: int, positions: list[int]) -> None:
        state = self._states[batch]
        task = self._tasks.begin(state, positions)
        self._books.begin(state, task, positions)
        self._running.add(batch)
        self._executor.start(task)

    def _take_news(self, timeout_s: float) -> None:
        news = self._executor.wait(timeout_s)
        self._check_lock()  # before anything is made of it: what was given up for that reason is no news
        for progress in news:
            if self._books.take(progress) and progress.final:
                self._end_batch(progress.batch_id)
        self._recorder.flush_if_due()

    def _end_batch(self, batch: int) -> None:
        self._running.discard(batch)
        state = self._states[batch]
        again = self._books.end(state, takes_up_rest=self._hold.holds(self._places_of(batch)))
        if again is not None:
            delay_s, positions = again
            self._waiting.delay(self._clock() + delay_s, batch, positions)
            return
        self._note_ended(state)
        if self._readiness.has_turns:
            self._recorder.flush()
            self._begin_phases()

    def _note_ended(self, state: BatchState) -> None:
        """Take note that a batch has ended in this run: what is of it may begin, what it may not remove is withheld."""
        phase = state.batch.phase
        self._left_in_phase[phase] -= 1
        if state.batch.of_batch is not None and (withheld := self._removals.end(state)):
            self._reporter.note_withheld(withheld)
            self._recorder.note_state(state)
        removal = self._removals.end_copies(state.batch.id)
        if removal is not None and removal.todo():
            self._queue(removal)
        if self._left_in_phase[phase] == 0:
            self._readiness.end(phase)

    def _drain(self) -> None:
        """Let what is under way end; abandon it if the user says so, or after a while."""
        if not self._running:
            return
        self._control.stop()
        until_s = self._clock() + DRAIN_S
        while self._running and self._clock() < until_s and self._stop_level() is not StopLevel.ABANDON:
            self._take_last_news()
            self._reporter.tick(retrying=0, phase=self._phase_name())
        if self._running:
            self._control.abandon()
            for progress in self._executor.stop(grace_s=_ABANDON_S):
                self._take_last(progress)

    def _take_last_news(self) -> None:
        news = self._executor.wait(_WAIT_S)
        self._check_lock()
        for progress in news:
            self._take_last(progress)
        self._recorder.flush_if_due()

    def _take_last(self, progress: BatchProgress) -> None:
        if self._books.take(progress) and progress.final:
            self._running.discard(progress.batch_id)
            self._books.end(self._states[progress.batch_id])

    def _phase_name(self) -> str:
        under_way = self._readiness.under_way
        return under_way[0].name.value if under_way else ""

    def _end(self) -> RunEnd:
        performed = [state for state in self._states.values() if self._phase_of(state) is not PhaseName.ASIDE]
        reason = self._books.stop_reason or self._stop_reason
        if reason is None and self._stop_level() is not StopLevel.NONE:
            reason = StopReason.SIGNAL
        if reason is None and self._is_action_limit_reached():
            reason = StopReason.ACTION_LIMIT
        if withheld := self._removals.withheld:
            self._messages.append(withheld_text(PhaseName.REMOVE, withheld, because=UNPROVED))
        return run_end(
            total_counts(performed),
            actions=sum(state.batch.actions for state in performed),
            conflicts=self._plan.header.objects_of_conflicts,
            stop_reason=reason,
            messages=(*self._messages, *self._books.messages),
            evidence=total_evidence(performed),
            verified=total_verified(performed, self._plan.phases_by_id),
            unverified=total_unverified(performed),
        )

    def _phase_of(self, state: BatchState) -> PhaseName:
        return self._plan.phases_by_id[state.batch.phase].name
