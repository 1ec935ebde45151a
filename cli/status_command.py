"""`s3plan status` and `s3plan failures`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path

from rich.text import Text
from s3plan.app.places import find_plan
from s3plan.app.requests import FailureLine, RunLine, Status
from s3plan.app.status import iter_failures, read_status
from s3plan.cli.apply_command import ApplyOptions, resume_command
from s3plan.cli.apply_screen import counts_text, status_lines
from s3plan.cli.csv_rows import FAILURE_COLUMNS, failure_row, write_csv
from s3plan.cli.end_lines import location_documents
from s3plan.cli.json_lines import json_line, now_utc
from s3plan.cli.status_watch import watch
from s3plan.cli.terminal import open_terminal
from s3plan.cli.wording import key_text
from s3plan.schemas.errors import ExitCode, UsageInvalid
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.printable import escape_unprintable

_STYLES = {OutcomeKind.FAILED: "red", OutcomeKind.STALE: "yellow", OutcomeKind.UNKNOWN: "yellow"}


def print_status(plan: Path | None, *, journal: Path | None, json: bool, watches: bool, no_color: bool) -> int:
    """Print where a plan stands; with `watches` again and again, until its run has ended."""
    terminal = open_terminal(no_color=no_color)
    path = plan or find_plan(Path())
    resume = resume_command(path, ApplyOptions(journal=journal))

    def print_json(status: Status) -> None:
        terminal.stdout.write(json_line(status_document(status)))
        terminal.stdout.flush()

    def lines_of(status: Status) -> list[Text]:
        return status_lines(status, now=now_utc(), resume=resume)

    def read() -> Status:
        return read_status(path, journal)

    on_status = print_json if json else None
    status = watch(terminal, read=read, lines_of=lines_of, on_status=on_status) if watches else read()
    if json:
        print_json(status)
    else:
        terminal.print(lines_of(status))
    return ExitCode.DONE


def print_failures(plan: Path | None, *, journal: Path | None, csv: bool, json: bool, no_color: bool) -> int:
    """Print every action that did not end well, with its cause."""
    if csv and json:
        raise UsageInvalid("--json and --csv do not go together")
    terminal = open_terminal(no_color=no_color)
    failures = iter_failures(plan or find_plan(Path()), journal)
    if csv:
        write_csv(map(failure_row, failures), columns=FAILURE_COLUMNS, stream=terminal.stdout)
    elif json:
        for line in failures:
            terminal.stdout.write(json_line({field.name: getattr(line, field.name) for field in fields(line)}))
        terminal.stdout.flush()
    else:
        terminal.print(failure_lines(failures))
    return ExitCode.DONE


def status_document(status: Status) -> dict[str, object]:
    """Return a status as JSON values."""
    header = status.header
    return {
        "plan": str(status.plan),
        "journal": str(status.journal),
        "digest": status.digest,
        "job": header.job,
        "locations": location_documents(status.ends),
        "made_at": header.made_at,
        "expires_at": header.expires_at,
        "state": status.state,
        "actions": status.actions,
        "remaining": status.remaining,
        "counts": {kind.value: count for kind, count in status.counts.items()},
        "runs": [_run_document(run) for run in status.runs],
        "messages": list(status.messages),
    }


def _run_document(run: RunLine) -> dict[str, object]:
    values = {field.name: getattr(run, field.name) for field in fields(run)}
    return values | {"engines": [asdict(used) for used in run.engines]}


def failure_lines(failures: Iterable[FailureLine]) -> Iterator[Text]:
    """Yield a line for each failure, and their sums."""
    counts: Counter[OutcomeKind] = Counter()
    for failure in failures:
        counts[failure.outcome] += 1
        line = Text().append(f"{failure.outcome.value:<7}", style=_STYLES.get(failure.outcome, ""))
        tries = f" [{failure.failure}, {failure.attempts} attempts]" if failure.failure else ""
        line.append(f"  {failure.action:<6}  {key_text(failure.key)}: {escape_unprintable(failure.reason)}{tries}")
        yield line
    yield Text(f"{counts_text(counts)}." if counts else "No action has ended badly.", style="bold")
