"""What holds a plan back: its guards, and what objects would lose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from s3plan.cli.screens.columns import Cell
from s3plan.cli.screens.object_lines import loss_text
from s3plan.cli.screens.wording import command_text, count_text
from s3plan.schemas.plan.guards import MAX_BYTES, REFUSE_EMPTY_SOURCE
from s3plan.schemas.plan.header import GuardRecord, PlanHeader
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.quantities import size_text


def blocked_text(header: PlanHeader, *, release: Sequence[str | Path]) -> str:
    """Return why a plan is blocked and the command that releases exactly what was found, `release` being its start.

    What would be lost is released by the manifest.
    """
    guards, losses = header.named_held_guards, header.held_losses
    by = [count_text(len(guards), "guard")] if guards else []
    by += ["what would be lost"] if losses else []
    is_alone = len(header.jobs) == 1
    why = [f"  {words}: {_finding(guard)}" for words, guard in guards]
    why += [f"  {loss.what if is_alone else f'{job}.{loss.what}'}: {loss_text(loss)}" for job, loss in losses]
    lines = [f"blocked by {' and '.join(by)}; the plan is saved to be shown, it cannot be applied", *why]
    if guards:
        allowances = [word for words, guard in guards for word in ("--allow", f"{words}={guard.found}")]
        lines.append(f"To allow exactly this: {command_text(*release, *allowances)}")
    for job in dict.fromkeys(job for job, _ in losses):
        words = ", ".join(loss.what for of_job, loss in losses if of_job == job)
        where = "the manifest" if is_alone else f"job {job} of the manifest"
        lines.append(f"To allow that loss, write in {where}: allow_loss: [{words}]")
    return "\n".join(lines)


def guard_rows(guards: Sequence[GuardRecord]) -> list[list[Cell]]:
    """Return what each guard found, and how it stands."""
    return [[Cell(guard.name), _standing(guard), Cell(_finding(guard))] for guard in guards]


def _standing(guard: GuardRecord) -> Cell:
    if not guard.held:
        return Cell("ok", "green")
    return Cell("released", "yellow") if guard.released else Cell("BLOCKED", "bold red")


def _finding(guard: GuardRecord) -> str:
    if guard.name == REFUSE_EMPTY_SOURCE:
        return "the source has no objects" if guard.held else "the source is not empty"
    if guard.name == MAX_BYTES:
        found, allowed = (f"{size_text(number)} ({number:,} bytes)" for number in (guard.found, guard.allowed))
        return f"{found} found, at most {allowed} allowed"
    limit = escape_unprintable(guard.limit.replace(" (default)", ", the default"))
    return f"{guard.found:,} found, at most {guard.allowed:,} allowed ({limit})"
