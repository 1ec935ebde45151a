"""What happens in a run, a line for each event: for screens, logs and standard error alike. All safe to print."""

from __future__ import annotations

from datetime import UTC, datetime

from s3plan.cli.screens.progress_frames import run_line
from s3plan.cli.screens.wording import count_text, duration_text, key_text
from s3plan.schemas.events import (
    ActionEnded,
    Advanced,
    Event,
    Prepared,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    Warned,
)
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.quantities import size_text

ENDED_BADLY = frozenset({OutcomeKind.FAILED, OutcomeKind.STALE})


def stamp(moment: datetime) -> str:
    """Return an aware time for the start of a line: `2026-05-04T12:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def event_line(event: Event) -> str | None:
    """Return the line about an event; None where there is nothing to say to a person."""
    match event:
        case Warned():
            return escape_unprintable(f"warning: {event.message}")
        case Prepared():
            return escape_unprintable(event.message)
        case RunStarted():
            return _start_line(event)
        case RunPaused():
            return "paused: nothing is under way; `s3plan unpause` lets it go on, Ctrl-C ends it"
        case RunResumed():
            return "going on"
        case ActionEnded():
            return action_line(event)
        case Advanced():
            return run_line(event)
        case RunEnded():
            return _end_line(event)
        case _:
            return None


def action_line(event: ActionEnded) -> str:
    """Return `done: copy images/a.jpg (1.2 MiB)`, with the reason if there is one."""
    size = f" ({size_text(event.size_bytes)})" if event.outcome.is_success and event.kind == "copy" else ""
    reason = f": {event.reason}" if event.reason else ""
    job = f"{escape_unprintable(event.job)}: " if event.job else ""
    return f"{event.outcome}: {job}{event.kind} {key_text(event.key)}{size}{escape_unprintable(reason)}"


def _start_line(event: RunStarted) -> str:
    if not event.resumed:
        return f"run {event.run}: {count_text(event.actions, 'action')} to perform"
    return f"run {event.run}: {event.settled:,} of {count_text(event.actions, 'action')} ended in earlier runs"


def _end_line(event: RunEnded) -> str:
    counts = ", ".join(f"{count:,} {name}" for name, count in event.counts.items())
    why = f" ({event.reason})" if event.reason else ""
    left = f", {event.remaining:,} left" if event.remaining else ""
    return f"{event.state}{why}: {counts or 'nothing done'}{left}, in {duration_text(event.elapsed_s)}"
