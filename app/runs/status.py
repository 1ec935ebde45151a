"""Where a plan stands, read from its journal; also while an apply runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from s3plan.app.ends import ends_of
from s3plan.app.paths import journal_path, lock_path
from s3plan.app.plans.earlier_plans import earlier_plans
from s3plan.app.requests import EarlierPlan, FailureLine, JobStanding, RunLine, Status
from s3plan.app.roots import move_to_remembered
from s3plan.app.runs.absent_journals import existing_journal
from s3plan.app.runs.left_out import left_out_sentences
from s3plan.app.runs.standing import count_open, performed_batches, read_states, standing_end, was_begun
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import BatchState, does_not_fit, total_counts
from s3plan.executors.journal.lock import is_held
from s3plan.executors.journal.progress_file import progress_path, read_progress
from s3plan.executors.journal.records import JournaledRun
from s3plan.planfile.reader import PlanReader, open_plan
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.events import Advanced
from s3plan.schemas.outcomes import Evidence, OutcomeKind
from s3plan.schemas.plan.rows import Batch
from s3plan.schemas.run_states import RunState

_GOES_ON = frozenset({RunState.RUNNING, RunState.PAUSED})
_ENDED_BADLY = frozenset({OutcomeKind.FAILED, OutcomeKind.STALE, OutcomeKind.UNKNOWN, OutcomeKind.SKIPPED})


def read_status(plan: Path, journal: Path | None = None) -> Status:
    """Return where a plan stands; raise PlanRefused, PlanDamaged, JournalRefused."""
    where = journal or journal_path(plan)
    with open_plan(plan) as opened:
        states = read_states(opened, where)
        root = move_to_remembered(opened, where)
        runs: list[JournaledRun] = []
        if where.exists():
            with Journal.read(where, plan_digest=opened.digest) as read:
                runs = read.runs()
        is_running = is_held(lock_path(where))
        state, end = _state(runs, is_running=is_running), standing_end(opened, states)
        if state is RunState.INTERRUPTED and not end.remaining:
            state = end.state  # the run did not live to write it down
        withheld = {each.withheld for each in states.values() if each.withheld is not None}
        return Status(
            plan=plan,
            journal=where,
            digest=opened.digest,
            header=opened.header,
            state=state,
            counts={kind: number for kind, number in end.counts.items() if number},
            actions=sum(each.batch.actions for each in states.values()),
            remaining=end.remaining,
            runs=tuple(_line(run, is_running=is_running and run is runs[-1]) for run in runs),
            ends=ends_of(opened.locations, opened.header),
            jobs=_standings(opened, states),
            messages=(*_lost(opened, where), *sorted(withheld), *left_out_sentences(opened.header)),
            progress=_progress(where, runs[-1], opened.digest) if runs and state in _GOES_ON else None,
            evidence=end.evidence,
            verified=end.verified,
            root=root,
            unverified=end.unverified,
        )


def _standings(plan: PlanReader, states: Mapping[int, BatchState]) -> tuple[JobStanding, ...]:
    """Return where each job stands."""
    found: list[JobStanding] = []
    for job in plan.header.jobs:
        own = [state for state in states.values() if plan.phases_by_id[state.batch.phase].job == job.name]
        counts = {kind: number for kind, number in total_counts(own).items() if number}
        actions = sum(state.batch.actions for state in own)
        found.append(JobStanding(job.name, actions, count_open({state.batch.id: state for state in own}), counts))
    return tuple(found)


def _lost(plan: PlanReader, journal: Path) -> list[str]:
    """Return that the plan was applied all the same, where its journal is gone."""
    if journal.exists() or not was_begun(plan, journal):
        return []
    return ["it was applied, but its journal is gone: the next apply looks at every action again"]


def _progress(journal: Path, run: JournaledRun, plan_digest: str) -> Advanced | None:
    return read_progress(progress_path(journal), run=run.id, plan_digest=plan_digest)


def read_state(journal: Path, *, plan_digest: str) -> RunState:
    """Return the state alone, which is quick also for a plan of millions; raise JournalRefused."""
    is_running = is_held(lock_path(journal))
    if not journal.exists():
        return _state([], is_running=is_running)
    with Journal.read(journal, plan_digest=plan_digest) as read:
        return _state(read.runs(), is_running=is_running)


def read_earlier(plan: Path) -> list[EarlierPlan]:
    """Return the plans that the job had before, newest first; without those that cannot be read any more."""
    found: list[EarlierPlan] = []
    for place in earlier_plans(plan):
        journal = journal_path(place)
        with suppress(S3PlanError), open_plan(place) as opened:
            runs: list[JournaledRun] = []
            if journal.exists():
                with Journal.read(journal, plan_digest=opened.digest) as read:
                    runs = read.runs()
            state = _state(runs, is_running=is_held(lock_path(journal)))
            last = runs[-1] if runs else None
            began_at = None if last is None else _moment(last.began_at_ms)
            ended_at = None if last is None or last.ended_at_ms is None else _moment(last.ended_at_ms)
            found.append(EarlierPlan(place, opened.digest, opened.header.made_at, state, began_at, ended_at))
    return found


def _state(runs: list[JournaledRun], *, is_running: bool) -> RunState:
    if not runs:
        return RunState.RUNNING if is_running else RunState.PENDING
    if is_running and runs[-1].state not in _GOES_ON:
        return RunState.RUNNING  # the next run is about to begin
    return _state_of(runs[-1], is_running=is_running)


def _state_of(run: JournaledRun, *, is_running: bool) -> RunState:
    was_killed = run.state in _GOES_ON and not is_running
    return RunState.INTERRUPTED if was_killed else RunState(run.state)


def _line(run: JournaledRun, *, is_running: bool) -> RunLine:
    return RunLine(
        run.id,
        _state_of(run, is_running=is_running),
        _moment(run.began_at_ms),
        None if run.ended_at_ms is None else _moment(run.ended_at_ms),
        run.host,
        run.pid,
        run.executor,
        run.engines,
        run.reason,
    )


def iter_failures(plan: Path, journal: Path | None = None) -> Iterator[FailureLine]:
    """Yield every action that ended as failed, stale, unknown or skipped, in plan order, with its cause.

    So is one that counts as already-done by size and time alone: that is no proof.
    Raise PlanRefused, PlanDamaged, and what `existing_journal` and a journal's reader raise.
    """
    with open_plan(plan) as opened:
        where = existing_journal(opened, journal)
        if where is not None:
            yield from _failures_in(opened, where)


def _failures_in(opened: PlanReader, journal: Path) -> Iterator[FailureLine]:
    states = read_states(opened, journal)
    with Journal.read(journal, plan_digest=opened.digest) as read:
        batches = {batch.id: batch for batch in performed_batches(opened)}
        held: tuple[int, tuple[object, ...]] | None = None
        for record in read.outcomes():
            is_told = record.kind in _ENDED_BADLY or record.evidence == Evidence.BY_SIZE_AND_TIME
            if not is_told or record.batch not in batches:
                continue
            if held is None or held[0] != record.batch:
                held = (record.batch, actions := opened.actions(batches[record.batch]))
            if not 0 <= record.position < len(actions):
                raise does_not_fit(read)
            action = actions[record.position]
            failure = None if record.failure is None else record.failure.value
            yield FailureLine(
                _job_of(opened, batches[record.batch]),
                action.kind.value,
                action.key,
                record.kind,
                record.reason,
                failure,
                record.attempts,
                _moment(record.at_ms),
                record.evidence,
                record.side,
            )
        runs = read.runs()
        for batch in read.batches():
            if batch.withheld is not None and batch.id in batches:
                for position, action in enumerate(opened.actions(batches[batch.id])):
                    if states[batch.id].end_of(position) is not None:
                        continue
                    yield FailureLine(
                        _job_of(opened, batches[batch.id]),
                        action.kind.value,
                        action.key,
                        OutcomeKind.SKIPPED,
                        batch.withheld,
                        None,
                        0,
                        _moment((runs[-1].ended_at_ms or runs[-1].began_at_ms) if runs else batch.begun_at_ms),
                    )


def _job_of(plan: PlanReader, batch: Batch) -> str:
    return plan.phases_by_id[batch.phase].job


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
