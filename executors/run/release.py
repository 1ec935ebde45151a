"""Whether what a phase waits for has ended as its edge needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from s3plan.executors.journal.ledger import BatchState
from s3plan.executors.journal.records import OutcomeRecord
from s3plan.executors.run.plan_view import PlanView
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.header import JobRecord
from s3plan.schemas.plan.rows import Edge, EdgeNeed, PhaseName
from s3plan.schemas.printable import escape_unprintable

_NOUNS = {PhaseName.DELETE: "delete", PhaseName.REMOVE: "removal"}


def why_held(
    edge: Edge,
    plan: PlanView,
    writes: Iterable[BatchState],
    *,
    outcome_of: Callable[[int, int], OutcomeRecord | None],
) -> str | None:
    """Return why an edge does not let its phase begin, naming the first write in the way; None if it does.

    `writes` are the batches of `edge.before`, which has ended. Stale ones pass where the edge says so. A conflict is a
    source object that the plan could not write at all, so it is in the way; and so is a copy of the plan that this one
    retries which neither of the two can make. `outcome_of` gives (batch, position)'s record.
    """
    if edge.needs in (EdgeNeed.ENDED, EdgeNeed.EACH_BATCH):
        return None
    reason = _why_not_all_planned(plan.header.job(plan.phases_by_id[edge.before].job), edge.needs)
    if reason is not None:
        return reason
    for state in writes:
        for position, kind in state.not_done():
            if kind is OutcomeKind.STALE and edge.needs is EdgeNeed.NO_FAILURES:
                continue
            key = escape_unprintable(plan.actions(state.batch)[position].key.decode("utf-8", "backslashreplace"))
            record = outcome_of(state.batch.id, position)
            reason = f" ({record.reason})" if record is not None and record.reason else ""
            does = _NOUNS.get(plan.phases_by_id[edge.before].name, "copy")
            return f"the {does} of {key} is {'not done' if kind is None else kind.value}{reason}"
    return None


def _why_not_all_planned(job: JobRecord, needs: EdgeNeed) -> str | None:
    """Return what of a job no outcome can make good."""
    if conflicts := job.objects_of_conflicts:
        what = "object" if job.only_deletes else "source object"
        objects = f"1 {what}" if conflicts == 1 else f"{conflicts:,} {what}s"
        return f"{objects} could not be planned (conflict)"
    archived = sum(job.archived_objects.values()) + (0 if job.retry_of is None else job.retry_of.archived_objects)
    if needs is EdgeNeed.COMPLETE and archived:
        return f"{'1 archived object is' if archived == 1 else f'{archived:,} archived objects are'} left out"
    return None if job.retry_of is None else job.retry_of.why_deletes_wait()
