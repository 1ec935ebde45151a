"""What has become of the actions of a plan on disk, and whether any are left."""

from __future__ import annotations

from pathlib import Path

from s3plan.app.paths import lock_path
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import (
    BatchState,
    load_states,
    total_counts,
    total_evidence,
    total_unverified,
    total_verified,
)
from s3plan.executors.journal.lock import read_holder
from s3plan.planfile.reader import PlanReader
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.rows import Batch, PhaseName
from s3plan.schemas.run_states import RunEnd, run_end


def performed_batches(plan: PlanReader) -> list[Batch]:
    """Return the batches that apply performs: all but those set aside."""
    return [batch for batch in plan.batches if plan.phases_by_id[batch.phase].name is not PhaseName.ASIDE]


def was_begun(plan: PlanReader, journal: Path) -> bool:
    """Return whether requests of the plan may have been sent, as the lock next to a journal tells that is gone."""
    holder = read_holder(lock_path(journal))
    return holder is not None and holder.first_begun_at_ms is not None and holder.plan_digest == plan.digest


def read_states(plan: PlanReader, journal: Path) -> dict[int, BatchState]:
    """Return the standing of every batch that apply performs; untouched ones where there is no journal."""
    batches = performed_batches(plan)
    if not journal.exists():
        return {batch.id: BatchState(batch) for batch in batches}
    with Journal.read(journal, plan_digest=plan.digest) as opened:
        return load_states(batches, opened)


def count_open(states: dict[int, BatchState]) -> int:
    """Return how many actions have no outcome yet, or an unknown one."""
    counts = total_counts(states.values())
    total = sum(state.batch.actions for state in states.values())
    return total - sum(number for kind, number in counts.items() if kind is not OutcomeKind.UNKNOWN)


def standing_end(plan: PlanReader, states: dict[int, BatchState]) -> RunEnd:
    """Return what a run would come to that has nothing to do."""
    return run_end(
        total_counts(states.values()),
        actions=sum(state.batch.actions for state in states.values()),
        conflicts=plan.header.objects_of_conflicts,
        stop_reason=None,
        messages=(),
        evidence=total_evidence(states.values()),
        verified=total_verified(states.values(), plan.phases_by_id),
        unverified=total_unverified(states.values()),
    )
