"""Folds what executors report into the ledger and the journal, and decides what is tried again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from s3plan.executors.journal.ledger import BatchState
from s3plan.executors.journal.recorder import Recorder
from s3plan.executors.journal.records import OutcomeRecord
from s3plan.executors.pace.outages import Outages
from s3plan.executors.pace.pacing import RunControl
from s3plan.executors.run.progress_report import ProgressReporter
from s3plan.executors.run.retries import RetryPolicy, may_pass
from s3plan.schemas.bitmaps import is_in
from s3plan.schemas.events import ActionEnded, OnEvent, Warned
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import (
    Matched,
    Outcome,
    OutcomeKind,
    PartDone,
    Progress,
    Remark,
    UploadBegun,
    UploadEnded,
)
from s3plan.schemas.plan.places import Place, place_of
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.run_states import StopReason
from s3plan.schemas.tasks import BatchProgress, BatchTask, KnownUpload

_DENIED_AT_FIRST = 20
_WORKER_DEATHS = 3  # in a row, without an action of the batch that ended in between
TOLD = frozenset({OutcomeKind.FAILED, OutcomeKind.STALE})
"""How an action must end to be told of, unless every action is asked for."""


OnMatch = Callable[[BatchTask, Matched], None]
"""Told of each write of which both sides are known to have the same bytes now."""


@dataclass(slots=True)
class _Attempt:
    """One start of a batch: what was asked for and what has come back."""

    task: BatchTask
    places: frozenset[Place]
    open_positions: set[int]
    retry_delay_s: float | None = None
    retry_positions: list[int] = field(default_factory=list)
    has_stored_parts: bool = False
    has_moved_on: bool = False  # an action ended, or a part of one was stored
    error: str | None = None

    def location_asked(self, outcome: Outcome) -> PlanLocation:
        """Return where an outcome's failure came from; a batch that has no source has only the other side."""
        source, destination = self.task.source, self.task.destination
        return source if outcome.side is Side.SOURCE and source is not None else destination

    def place_asked(self, outcome: Outcome) -> Place:
        """Return the place of that."""
        return place_of(self.location_asked(outcome))


class Bookkeeper:
    """Used from the scheduler's thread only."""

    def __init__(
        self,
        states: dict[int, BatchState],
        *,
        recorder: Recorder,
        control: RunControl,
        retry: RetryPolicy,
        outages: Outages,
        reporter: ProgressReporter,
        on_event: OnEvent,
        now_ms: Callable[[], int],
        told: frozenset[OutcomeKind] = TOLD,
        job_of: Callable[[int], str] = lambda _: "",
        on_match: OnMatch = lambda _, __: None,
    ) -> None:
        """`told`: of actions that end so, an event is made; one that is unknown only if it is not tried again.

        `job_of` gives the job of a phase, empty where nobody has to tell jobs apart.
        """
        self._states = states
        self._recorder = recorder
        self._control = control
        self._retry = retry
        self._outages = outages
        self._reporter = reporter
        self._on_event = on_event
        self._now_ms = now_ms
        self._told = told
        self._job_of = job_of
        self._on_match = on_match
        self._attempts: dict[int, _Attempt] = {}
        self._tries: Counter[tuple[int, int]] = Counter()
        self._deaths: Counter[int] = Counter()
        self._successes = 0
        self._denied = 0
        self.attempted: set[int] = set()
        self.failures = 0
        self.stop_reason: StopReason | None = None  # once the run has to end early
        self.messages: list[str] = []

    @property
    def busy_places(self) -> frozenset[Place]:
        """The places that attempts under way ask."""
        return frozenset[Place]().union(*(attempt.places for attempt in self._attempts.values()))

    def begin(self, state: BatchState, task: BatchTask, positions: list[int]) -> None:
        """Take note of a start."""
        self.attempted.add(state.batch.id)
        self._attempts[state.batch.id] = _Attempt(task, task.places, set(positions))

    def take(self, progress: BatchProgress) -> bool:
        """Fold one report; return False, and ignore it, if it is not of the attempt that runs now.

        One of an older generation is not: its batch was given to somebody else since.
        """
        attempt = self._attempts.get(progress.batch_id)
        if attempt is None or attempt.task.generation != progress.generation:
            return False
        state = self._states[progress.batch_id]
        for item in progress.items:
            self._take_item(state, attempt, item)
        attempt.error = progress.error or attempt.error
        return True

    def end(self, state: BatchState, *, takes_up_rest: bool = False) -> tuple[float, list[int]] | None:
        """Close an attempt; return (delay in seconds, positions) if some of its actions are to be tried again.

        With `takes_up_rest` also those that it did not begin, since it was told to stop.
        """
        attempt = self._attempts.pop(state.batch.id)
        if attempt.error is not None:
            self._blame(state, attempt, attempt.error)
        # What an earlier attempt may have begun, and this one has not come to, is doubtful still.
        state.is_open = any(is_in(position, attempt.task.doubtful) for position in attempt.open_positions)
        self._recorder.note_state(state)
        again = {*attempt.retry_positions, *(attempt.open_positions if takes_up_rest else ())}
        return (attempt.retry_delay_s or 0.0, sorted(again)) if again else None

    def _take_item(self, state: BatchState, attempt: _Attempt, item: Progress) -> None:
        batch = state.batch.id
        match item:
            case Outcome():
                if item.position in attempt.open_positions:
                    attempt.open_positions.discard(item.position)
                    attempt.has_moved_on |= item.kind is not OutcomeKind.UNKNOWN
                    self._settle(state, attempt, item)
            case UploadBegun():
                self._recorder.note_upload(batch, KnownUpload(item.position, item.upload_id, item.part_size_bytes, ()))
                self._recorder.flush()  # an id that is lost leaves an upload that nobody dares to touch
            case PartDone():
                attempt.has_stored_parts = attempt.has_moved_on = True
                self._recorder.note_part(batch, item.position, item.upload_id, item.number, item.etag)
            case UploadEnded():
                attempt.has_stored_parts = False  # they are gone with it: starting over is no progress
                self._recorder.note_upload_ended(batch, item.position)
            case Matched():
                self._on_match(attempt.task, item)
            case Remark():
                key = attempt.task.actions[item.position].key
                self._on_event(Warned(f"{key.decode('utf-8', 'backslashreplace')}: {item.message}"))

    def _settle(self, state: BatchState, attempt: _Attempt, outcome: Outcome) -> None:
        position = outcome.position
        before = state.end_of(position)
        if outcome.kind is OutcomeKind.DONE:
            state.mark(position, outcome.kind, evidence=outcome.evidence)
            self._recorder.note_done(state, position, had_outcome=before is not None)
        else:
            outcome = self._with_retry(state, attempt, outcome)
            since_ms = attempt.task.begun_at_ms if outcome.is_unclear else None
            state.mark(
                position,
                outcome.kind,
                evidence=outcome.evidence,
                failure=outcome.failure,
                unclear_since_ms=since_ms,
            )
            self._recorder.note_outcome(self._record_of(state, outcome))
        if outcome.kind is not OutcomeKind.UNKNOWN and self._tries:
            self._tries.pop((state.batch.id, position), None)  # a run may retry millions in turn
        action = attempt.task.actions[position]
        self._reporter.note_outcome(action, outcome.kind, before=before)
        self._watch(attempt, outcome)
        if outcome.kind in self._told and attempt.retry_positions[-1:] != [position]:
            job = self._job_of(state.batch.phase)
            ended = (action.kind.value, action.key, outcome.kind, outcome.reason, action.size_bytes, outcome.side, job)
            self._on_event(ActionEnded(*ended))

    def _record_of(self, state: BatchState, outcome: Outcome) -> OutcomeRecord:
        return OutcomeRecord(
            state.batch.id,
            outcome.position,
            outcome.kind,
            outcome.reason,
            outcome.evidence,
            outcome.failure,
            self._tries.get((state.batch.id, outcome.position), 1),
            self._now_ms(),
            state.unclear_since_ms(outcome.position),
            outcome.side,
        )

    def _with_retry(self, state: BatchState, attempt: _Attempt, outcome: Outcome) -> Outcome:
        """Plan another try if the policy gives one; what is out of tries is failed."""
        if outcome.kind is not OutcomeKind.UNKNOWN:
            return outcome
        asked = attempt.place_asked(outcome)
        if outcome.failure is FailureKind.THROTTLED:
            self._control.slow_down(asked)
        key = (state.batch.id, outcome.position)
        is_of_outage = outcome.failure is not None and outcome.failure.is_of_endpoint and self._outages.is_down(asked)
        if not is_of_outage:  # an outage costs no action a try
            self._tries[key] = 1 if attempt.has_stored_parts else self._tries[key] + 1
        decision = self._retry.decide(outcome, attempts=max(self._tries[key], 1))
        if decision is not None:
            attempt.retry_positions.append(outcome.position)
            attempt.retry_delay_s = max(attempt.retry_delay_s or 0.0, decision.delay_s)
            return outcome
        if outcome.failure is not None and may_pass(outcome.failure):
            tries = self._tries[key]
            reason = f"{outcome.reason} (tried {'once' if tries == 1 else f'{tries} times'})"
            return outcome._replace(kind=OutcomeKind.FAILED, reason=reason)
        return outcome

    def _watch(self, attempt: _Attempt, outcome: Outcome) -> None:
        """Notice what no retry will mend: an outage, refused credentials, a store that denies everything."""
        if outcome.failure is not None:
            self._outages.note_failure(attempt.place_asked(outcome), outcome.failure)
        elif outcome.kind is not OutcomeKind.UNKNOWN:
            self._outages.note_answers(attempt.places)
        if outcome.kind.is_success:
            self._successes += 1
            return
        if outcome.kind is OutcomeKind.FAILED:
            self.failures += 1
        if outcome.failure is not None and outcome.failure.is_credentials and self.stop_reason is None:
            self.stop_reason = StopReason.CREDENTIALS
            self.messages.append(f"the store refuses the credentials: {outcome.reason}")
        if outcome.failure is FailureKind.DENIED and not attempt.location_asked(outcome).is_folder:
            self._denied += 1
            if self._denied == _DENIED_AT_FIRST == self.failures and not self._successes and self.stop_reason is None:
                self.stop_reason = StopReason.DENIED
                self.messages.append(f"stopped: the first {_DENIED_AT_FIRST} answers were all no: {outcome.reason}")

    def _blame(self, state: BatchState, attempt: _Attempt, error: str) -> None:
        """A worker broke or died: what it had begun is unknown and tried again; in the end the batch is blamed.

        A batch that moves on between deaths is not what kills its workers, however many of them die.
        """
        self._deaths[state.batch.id] = 1 if attempt.has_moved_on else self._deaths[state.batch.id] + 1
        is_final = self._deaths[state.batch.id] >= _WORKER_DEATHS
        if not is_final:
            self._on_event(
                Warned(f"a worker broke at batch {state.batch.id}: {error}; what it was at is looked at again")
            )
        kind = OutcomeKind.FAILED if is_final else OutcomeKind.UNKNOWN
        for position in sorted(attempt.open_positions):
            if not is_final:
                attempt.retry_positions.append(position)
                attempt.retry_delay_s = attempt.retry_delay_s or 0.0
            self._settle(state, attempt, Outcome(position, kind, f"the worker broke: {error}", is_unclear=True))
        attempt.open_positions.clear()
