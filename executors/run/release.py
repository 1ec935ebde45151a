"""Whether a job's deletes may run: only if its writes ended well; design.md section 4."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from s3plan.executors.journal.ledger import BatchState
from s3plan.executors.journal.records import OutcomeRecord
from s3plan.executors.run.plan_view import PlanView
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.printable import escape_unprintable


def why_withheld(
    plan: PlanView,
    writes: Iterable[BatchState],
    *,
    delete_when: str,
    conflicts: int,
    outcome_of: Callable[[int, int], OutcomeRecord | None],
) -> str | None:
    """Return why the deletes must not run, naming the first write that stands in the way; None if they may.

    `all-done`: every write is done or already-done. `no-failures`: stale ones do not stand in the way. A conflict is
    a source object that the plan could not write at all, so it does; and so does a copy of the plan that this one
    retries which neither of the two can make. `outcome_of` gives (batch, position)'s record.
    """
    if conflicts:
        objects = "1 source object" if conflicts == 1 else f"{conflicts:,} source objects"
        return f"{objects} could not be planned (conflict)"
    retried = plan.header.retry_of
    if retried is not None and (reason := retried.why_deletes_wait()) is not None:
        return reason
    for state in writes:
        for position, kind in state.not_done():
            if kind is OutcomeKind.STALE and delete_when == "no-failures":
                continue
            key = escape_unprintable(plan.actions(state.batch)[position].key.decode("utf-8", "backslashreplace"))
            record = outcome_of(state.batch.id, position)
            reason = f" ({record.reason})" if record is not None and record.reason else ""
            return f"the copy of {key} is {'not done' if kind is None else kind.value}{reason}"
    return None
