"""Whether deletes may run, and whose name is said if not."""

from __future__ import annotations

import pytest
from fakes.scheduled import PlanInPhases
from s3plan.executors.journal.ledger import BatchState
from s3plan.executors.journal.records import OutcomeRecord
from s3plan.executors.run.release import why_held
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.header_parts import RetriedRecord
from s3plan.schemas.plan.rows import Edge, EdgeNeed

COPIES = [["a", "b"], ["c", "\x1b[31md"]]


def why(
    ends: dict[str, OutcomeKind],
    *,
    needs: EdgeNeed = EdgeNeed.ENDED_WELL,
    archived: int = 0,
    conflicts: int = 0,
    reason: str = "",
    retry_of: RetriedRecord | None = None,
) -> str | None:
    """Fold `ends` over a plan whose other copies are done."""
    plan = PlanInPhases(copies=COPIES, conflicts=conflicts, archived=archived)
    (job,) = plan.header.jobs
    jobs = (job.model_copy(update={"retry_of": retry_of}),)
    plan.header = plan.header.model_copy(update={"jobs": jobs})
    states = [BatchState(batch) for batch in plan.batches]
    for state in states:
        for position, action in enumerate(plan.actions(state.batch)):
            end = ends.get(action.key.decode(), OutcomeKind.DONE)
            if end is not OutcomeKind.UNKNOWN or reason:
                state.mark(position, end)

    def outcome_of(batch: int, position: int) -> OutcomeRecord | None:
        return OutcomeRecord(batch, position, OutcomeKind.FAILED, reason, "", None, 1, 1) if reason else None

    return why_held(Edge(2, 3, needs), plan, states, outcome_of=outcome_of)


def test_nothing_withholds_deletes_if_all_is_done_or_already_done() -> None:
    assert why({}) is None
    assert why({"a": OutcomeKind.ALREADY_DONE}) is None


@pytest.mark.parametrize("needs", [EdgeNeed.ENDED_WELL, EdgeNeed.NO_FAILURES, EdgeNeed.COMPLETE])
@pytest.mark.parametrize("kind", [OutcomeKind.FAILED, OutcomeKind.SKIPPED])
def test_what_is_not_done_withholds_them(kind: OutcomeKind, needs: EdgeNeed) -> None:
    assert why({"b": kind}, needs=needs) == f"the copy of b is {kind}"


@pytest.mark.parametrize("needs", [EdgeNeed.ENDED_WELL, EdgeNeed.NO_FAILURES, EdgeNeed.COMPLETE])
def test_what_was_never_begun_withholds_them(needs: EdgeNeed) -> None:
    assert why({"b": OutcomeKind.UNKNOWN}, needs=needs) == "the copy of b is not done"


def test_a_stale_copy_withholds_them_only_under_all_done() -> None:
    assert why({"b": OutcomeKind.STALE}) == "the copy of b is stale"
    assert why({"b": OutcomeKind.STALE}, needs=EdgeNeed.NO_FAILURES) is None


def test_the_first_in_plan_order_is_named_with_its_reason() -> None:
    ends = {"c": OutcomeKind.FAILED, "b": OutcomeKind.UNKNOWN}
    assert why(ends, reason="timed out") == "the copy of b is unknown (timed out)"


def test_a_key_is_written_out_so_that_it_cannot_paint_the_terminal() -> None:
    said = why({"\x1b[31md": OutcomeKind.FAILED})
    assert said is not None
    assert "\x1b" not in said


def test_an_edge_that_needs_no_more_than_an_end_never_holds() -> None:
    assert why({"a": OutcomeKind.FAILED}, needs=EdgeNeed.ENDED, conflicts=3) is None


def test_archived_objects_that_are_left_out_hold_jobs_back_that_depend_on_them_and_no_deletes() -> None:
    assert why({}, archived=2) is None
    assert why({}, archived=2, needs=EdgeNeed.COMPLETE) == "2 archived objects are left out"


def test_a_conflict_withholds_them_whatever_the_copies_did() -> None:
    assert why({}, conflicts=1200) == "1,200 source objects could not be planned (conflict)"


@pytest.mark.parametrize(
    ("field", "said"), [("lost_copies", "left the source"), ("untried_copies", "had not been tried")]
)
def test_a_copy_of_the_plan_that_is_retried_withholds_them_too(field: str, said: str) -> None:
    known = RetriedRecord(digest="e" * 64, source_objects=1, destination_objects=1)
    assert why({}, retry_of=known) is None
    found = why({}, retry_of=known.model_copy(update={field: 2}), needs=EdgeNeed.NO_FAILURES)
    assert found is not None
    assert said in found
