"""Plans without a journal: of one that was never applied there is nothing to tell, of another nothing is known."""

from __future__ import annotations

from pathlib import Path

from s3plan.app.paths import journal_path
from s3plan.app.runs.standing import was_begun
from s3plan.planfile.reader import PlanReader, open_plan
from s3plan.schemas.errors import JournalRefused, UsageInvalid
from s3plan.schemas.printable import shown_path, typed_path


def is_applied(plan: Path, journal: Path | None = None) -> bool:
    """Return whether a plan has a journal; raise what `existing_journal` and opening the plan raise."""
    with open_plan(plan) as opened:
        return existing_journal(opened, journal) is not None


def existing_journal(plan: PlanReader, journal: Path | None) -> Path | None:
    """Return the plan's journal, the named one if there is a name; None if the plan was never applied.

    Raises UsageInvalid where the named one is not there, and JournalRefused where that of an applied plan is gone:
    nobody is to believe that all ended well.
    """
    where = journal or journal_path(plan.path)
    if where.exists():
        return where
    if journal is not None:
        raise UsageInvalid(
            f"there is no journal at {shown_path(journal)}; name the one that `apply --journal` was given"
        )
    if was_begun(plan, where):
        raise JournalRefused(
            f"{shown_path(plan.path)} was applied, but its journal is gone; `s3plan apply {typed_path(plan.path)}` "
            "looks at every action again"
        )
    return None
