"""Whether deletes may run, and whose name is said if not."""

from __future__ import annotations

import pytest
from fakes.scheduled import PlanInPhases
from s3plan.executors.journal.ledger import BatchState
from s3plan.executors.journal.records import OutcomeRecord
from s3plan.executors.run.release import why_withheld
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.header import RetriedRecord

COPIES = [["a", "b"], ["c", "\x1b[31md"]]


def why(
    ends: dict[str, OutcomeKind],
    *,
    delete_when: str = "all-done",
    conflicts: int = 0,
    reason: str = "",
    retry_of: RetriedRecord | None = None,
) -> str | None:
    """Fold `ends` over a plan whose other copies are done."""
    plan = PlanInPhases(copies=COPIES)
    plan.header = plan.header.model_copy(update={"retry_of": retry_of})
    states = [BatchState(batch) for batch in plan.batches]
    for state in states:
        for position, action in enumerate(plan.actions(state.batch)):
            end = ends.get(action.key.decode(), OutcomeKind.DONE)
            if end is not OutcomeKind.UNKNOWN or reason:
                state.mark(position, end)

    def outcome_of(batch: int, position: int) -> OutcomeRecord | None:
        return OutcomeRecord(batch, position, OutcomeKind.FAILED, reason, "", None, 1, 1) if reason else None

    return why_withheld(plan, states, delete_when=delete_when, conflicts=conflicts, outcome_of=outcome_of)


def test_nothing_withholds_deletes_if_all_is_done_or_already_done() -> None:
    assert why({}) is None
    assert why({"a": OutcomeKind.ALREADY_DONE}) is None


@pytest.mark.parametrize("delete_when", ["all-done", "no-failures"])
@pytest.mark.parametrize("kind", [OutcomeKind.FAILED, OutcomeKind.SKIPPED])
def test_what_is_not_done_withholds_them(kind: OutcomeKind, delete_when: str) -> None:
    assert why({"b": kind}, delete_when=delete_when) == f"the copy of b is {kind}"


@pytest.mark.parametrize("delete_when", ["all-done", "no-failures"])
def test_what_was_never_begun_withholds_them(delete_when: str) -> None:
    assert why({"b": OutcomeKind.UNKNOWN}, delete_when=delete_when) == "the copy of b is not done"


def test_a_stale_copy_withholds_them_only_under_all_done() -> None:
    assert why({"b": OutcomeKind.STALE}) == "the copy of b is stale"
    assert why({"b": OutcomeKind.STALE}, delete_when="no-failures") is None


def test_the_first_in_plan_order_is_named_with_its_reason() -> None:
    ends = {"c": OutcomeKind.FAILED, "b": OutcomeKind.UNKNOWN}
    assert why(ends, reason="timed out") == "the copy of b is unknown (timed out)"


def test_a_key_is_written_out_so_that_it_cannot_paint_the_terminal() -> None:
    said = why({"\x1b[31md": OutcomeKind.FAILED})
    assert said is not None
    assert "\x1b" not in said


def test_a_conflict_withholds_them_whatever_the_copies_did() -> None:
    assert why({}, conflicts=1200) == "1,200 source objects could not be planned (conflict)"


@pytest.mark.parametrize(
    ("field", "said"), [("lost_copies", "left the source"), ("untried_copies", "had not been tried")]
)
def test_a_copy_of_the_plan_that_is_retried_withholds_them_too(field: str, said: str) -> None:
    known = RetriedRecord(digest="e" * 64, source_objects=1, destination_objects=1)
    assert why({}, retry_of=known) is None
    found = why({}, retry_of=known.model_copy(update={field: 2}), delete_when="no-failures")
    assert found is not None
    assert said in found
