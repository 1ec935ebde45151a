"""`s3plan pause`, `unpause` and `cancel`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text
from s3plan.app.plans.choosing import Purpose, chosen_plan
from s3plan.app.runs.controlling import ControlReport, ask_run
from s3plan.cli.commands.apply import ApplyOptions, resume_command
from s3plan.cli.screens.columns import Cell, aligned_lines
from s3plan.cli.screens.terminal import open_terminal
from s3plan.cli.screens.wording import command_text, path_text
from s3plan.schemas.errors import ExitCode
from s3plan.schemas.run_states import RunState, Wish

_PATIENCE_S = 45.0  # an apply gives what is under way 30 s to end
_LATER = {
    Wish.PAUSE: "it was asked to pause, and is still finishing what is under way",
    Wish.GO_ON: "it was asked to go on, and has not done so yet",
    Wish.CANCEL: "it was asked to end, and is still finishing what is under way",
}
_GRANTED = {RunState.PAUSED: "paused", RunState.RUNNING: "running", RunState.CANCELLED: "cancelled"}


def control(plan: Path | None, wish: Wish, *, journal: Path | None, no_color: bool) -> int:
    """Ask the apply that runs a plan; exit with 0 if it has followed, with 1 if it has not yet."""
    terminal = open_terminal(no_color=no_color)
    report = ask_run(chosen_plan(plan, Purpose.STEER), wish, journal=journal, patience_s=_PATIENCE_S)
    terminal.print(_lines(report, wish, journal=journal))
    return ExitCode.DONE if report.is_granted else ExitCode.ERROR


def _lines(report: ControlReport, wish: Wish, *, journal: Path | None) -> list[Text]:
    name = path_text(report.plan)
    if not report.is_granted:
        return [Text(f"{name}: {_LATER[wish]}", style="bold yellow")]
    said = _GRANTED.get(report.state, f"its run has ended by now: {report.state}")
    rows = _next_rows(report, journal=journal)
    return [Text(f"{name}: {said}", style="bold"), *aligned_lines(rows)]


def _next_rows(report: ControlReport, *, journal: Path | None) -> Sequence[list[Cell]]:
    options: list[str | Path] = [] if journal is None else ["--journal", journal]
    match report.state:
        case RunState.PAUSED:
            return [[Cell("to let it go on:"), Cell(command_text("s3plan", "unpause", report.plan, *options), "bold")]]
        case RunState.CANCELLED | RunState.INTERRUPTED:
            words = resume_command(report.plan, ApplyOptions(journal=journal))
            return [[Cell("to go on after all:"), Cell(command_text(*words), "bold")]]
        case _:
            return []
