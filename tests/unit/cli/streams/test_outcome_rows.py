"""A line of CSV for each action and what has become of it."""

from __future__ import annotations

from s3plan.app.runs.outcomes import EndedAction
from s3plan.cli.streams.csv_rows import OUTCOME_HEADINGS, outcome_row
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.actions import Action, ActionKind, VerdictKind


def test_what_is_removed_from_a_source_is_told_from_what_is_deleted_at_a_destination() -> None:
    for kind in (ActionKind.DELETE, ActionKind.REMOVE):
        row = outcome_row(EndedAction("job", VerdictKind.DELETE, Action(kind, b"k", 5, ""), OutcomeKind.DONE))
        told = dict(zip(OUTCOME_HEADINGS, row, strict=True))
        assert (told["kind"], told["key"], told["outcome"]) == (kind.value, "k", "done")
