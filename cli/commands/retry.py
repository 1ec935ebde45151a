"""`s3plan retry`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.text import Text
from s3plan.app.plans.choosing import Purpose, chosen_plan
from s3plan.app.plans.retrying import make_retry_plan
from s3plan.app.runs.status import read_status
from s3plan.cli.commands.plan import exit_code_of_plan, expiry, show_made
from s3plan.cli.screens.guard_lines import blocked_text
from s3plan.cli.screens.wording import command_text, count_text, path_text
from s3plan.cli.streams.output import OutputOptions, open_output
from s3plan.cli.streams.signals import ending_at_once
from s3plan.schemas.errors import ExitCode, GuardRefused


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """The command line of `retry`."""

    plan: Path | None
    journal: Path | None
    out: Path | None
    expires: str | None


def retry(options: RetryOptions, output_options: OutputOptions) -> int:
    """Make a plan of what did not end well, and show it; one with nothing to do if all of it is right by now."""
    with open_output(output_options) as output, ending_at_once():
        path = chosen_plan(options.plan, Purpose.MEND)
        with output.progress() as on_event:
            made = make_retry_plan(
                path,
                journal=options.journal,
                output=options.out,
                expires_after=expiry(options.expires),
                on_event=on_event,
            )
        if made is None:
            output.terminal.say([Text(_nothing_to_retry(path, journal=options.journal))])
            return ExitCode.DONE
        show_made(made, output)
        if made.header.is_blocked:
            raise GuardRefused(blocked_text(made.header, release=["s3plan", "plan", made.header.manifest.path]))
        return exit_code_of_plan(made)


def _nothing_to_retry(path: Path, *, journal: Path | None) -> str:
    said = f"{path_text(path)}: every action that was tried is as planned; there is nothing to retry"
    untried = read_status(path, journal).remaining
    if not untried:
        return said
    words: list[str | Path] = [] if journal is None else ["--journal", journal]
    going_on = command_text("s3plan", "apply", path, *words)
    return f"{said}. {count_text(untried, 'action')} not tried yet: {going_on}"
