"""How every action of a plan has ended, and by what each write is proved, read from its journal."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from s3plan.app.plans.review import verdict_of
from s3plan.app.runs.absent_journals import existing_journal
from s3plan.app.runs.standing import performed_batches
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import BatchState, load_states
from s3plan.executors.journal.records import OutcomeRecord
from s3plan.planfile.reader import PlanReader, open_plan
from s3plan.schemas.evidence.ladder import NOT_COMPARABLE
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.actions import Action, VerdictKind


class EndedAction(NamedTuple):
    """A line of a plan that apply performs, and what has become of it.

    `outcome` is None if it has not ended. `evidence` says by what the bytes of a write are proved, or on what an
    already-done rests; `not comparable` where a write ended well without.
    """

    job: str
    kind: VerdictKind
    action: Action
    outcome: OutcomeKind | None = None
    evidence: str = ""
    reason: str = ""
    failure: str = ""


def iter_outcomes(
    plan: Path,
    *,
    journal: Path | None = None,
    kinds: Collection[VerdictKind] | None = None,
    prefix: bytes | None = None,
    job: str | None = None,
) -> Iterator[EndedAction]:
    """Yield the actions of a plan, or some of them, in its order. Memory: that of the ledger, and of one batch.

    Raises PlanRefused, PlanDamaged, and what `existing_journal` and a journal's reader raise.
    """
    with ExitStack() as stack:
        opened = stack.enter_context(open_plan(plan))
        where = existing_journal(opened, journal)
        batches = performed_batches(opened)
        states: Mapping[int, BatchState] = {batch.id: BatchState(batch) for batch in batches}
        read: Journal | None = None
        if where is not None:
            read = stack.enter_context(Journal.read(where, plan_digest=opened.digest))
            states = load_states(batches, read)
        for batch in batches:
            of_job = opened.phases_by_id[batch.phase].job
            if job is not None and of_job != job:
                continue
            for row in _rows(opened, read, states[batch.id], of_job):
                is_wanted = kinds is None or row.kind in kinds
                if is_wanted and (prefix is None or row.action.key.startswith(prefix)):
                    yield row


def _rows(plan: PlanReader, journal: Journal | None, state: BatchState, job: str) -> Iterator[EndedAction]:
    records: dict[int, OutcomeRecord] = {}
    if journal is not None and state.generation:
        records = {record.position: record for record in journal.outcomes(state.batch.id)}
    for position, action in enumerate(plan.actions(state.batch)):
        record, outcome = records.get(position), state.end_of(position)
        row = EndedAction(job, verdict_of(action), action, outcome, _evidence(state, position, action))
        if record is not None:
            failure = "" if record.failure is None else record.failure.value
            row = row._replace(evidence=row.evidence or record.evidence, reason=record.reason, failure=failure)
        elif outcome is None and state.withheld is not None:
            row = row._replace(outcome=OutcomeKind.SKIPPED, reason=state.withheld)
        yield row


def _evidence(state: BatchState, position: int, action: Action) -> str:
    is_done_write = action.kind.is_write and state.end_of(position) is OutcomeKind.DONE
    return (state.proof_of(position) or NOT_COMPARABLE) if is_done_write else ""
