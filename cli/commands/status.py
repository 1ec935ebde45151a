"""`s3plan status` and `s3plan failures`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path

from rich.text import Text
from s3plan.app.clock import now_utc
from s3plan.app.plans.choosing import Purpose, chosen_plan
from s3plan.app.plans.review import open_review
from s3plan.app.requests import EarlierPlan, FailureLine, JobStanding, RunLine, Status
from s3plan.app.runs.absent_journals import is_applied
from s3plan.app.runs.status import iter_failures, read_earlier, read_status
from s3plan.cli.commands.apply import ApplyOptions, resume_command
from s3plan.cli.commands.status_watch import watch
from s3plan.cli.screens.columns import Cell, aligned_lines
from s3plan.cli.screens.end_lines import location_documents
from s3plan.cli.screens.run import counts_text, status_lines
from s3plan.cli.screens.terminal import open_terminal
from s3plan.cli.screens.wording import age_text, command_text, count_text, key_text, path_text
from s3plan.cli.streams.csv_rows import FAILURE_HEADINGS, failure_row, write_csv
from s3plan.schemas.errors import ExitCode, UsageInvalid
from s3plan.schemas.json_text import json_line
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.run_states import RunState

_ENDED = frozenset({RunState.COMPLETED, RunState.PARTIAL})
_STYLES = {OutcomeKind.FAILED: "red", OutcomeKind.STALE: "yellow", OutcomeKind.UNKNOWN: "yellow"}


def print_status(plan: Path | None, *, journal: Path | None, json: bool, watches: bool, no_color: bool) -> int:
    """Print where a plan stands; with `watches` again and again, until its run has ended."""
    terminal = open_terminal(no_color=no_color)
    path = chosen_plan(plan, Purpose.LOOK)
    resume = resume_command(path, ApplyOptions(journal=journal))

    def print_json(status: Status) -> None:
        terminal.stdout.write(json_line(status_document(status, earlier=read_earlier(path))))
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
        terminal.print([*lines_of(status), *earlier_lines(read_earlier(path), now=now_utc())])
    return ExitCode.DONE


def print_failures(plan: Path | None, *, journal: Path | None, csv: bool, json: bool, no_color: bool) -> int:
    """Print every action that did not end well, with its cause."""
    if csv and json:
        raise UsageInvalid("--json and --csv do not go together")
    terminal = open_terminal(no_color=no_color)
    path = chosen_plan(plan, Purpose.MEND)
    is_known = is_applied(path, journal)
    failures = iter_failures(path, journal)
    if not is_known:
        terminal.say([Text(f"{path_text(path)} was never applied: there are no failures to list")])
    if csv:
        write_csv(map(failure_row, failures), columns=FAILURE_HEADINGS, stream=terminal.stdout)
    elif json:
        for line in failures:
            terminal.stdout.write(json_line({field.name: getattr(line, field.name) for field in fields(line)}))
        terminal.stdout.flush()
    elif is_known:
        with open_review(path) as review:
            names_jobs = len(review.header.jobs) > 1
        terminal.print(failure_lines(failures, names_jobs=names_jobs))
    return ExitCode.DONE


def status_document(status: Status, *, earlier: Sequence[EarlierPlan]) -> dict[str, object]:
    """Return a status as JSON values."""
    header = status.header
    return {
        "plan": str(status.plan),
        "journal": str(status.journal),
        "digest": status.digest,
        "name": header.name,
        "locations": location_documents(status.ends),
        "root": None if status.root is None else status.root.path,
        "made_at": header.made_at,
        "expires_at": header.expires_at,
        "is_expired": header.is_expired(now_utc()),
        "state": status.state,
        "actions": status.actions,
        "remaining": status.remaining,
        "counts": {kind.value: count for kind, count in status.counts.items()},
        "jobs": [_job_document(job) for job in status.jobs],
        "evidence": dict(status.evidence),
        "verified": dict(status.verified),
        "unverified": status.unverified,
        "runs": [_run_document(run) for run in status.runs],
        "messages": list(status.messages),
        "earlier": [_earlier_document(plan) for plan in earlier],
        "progress": None if status.progress is None else asdict(status.progress),
    }


def _job_document(job: JobStanding) -> dict[str, object]:
    counts = {kind.value: count for kind, count in job.counts.items()}
    return {"name": job.name, "actions": job.actions, "remaining": job.remaining, "counts": counts}


def _earlier_document(plan: EarlierPlan) -> dict[str, object]:
    return {field.name: getattr(plan, field.name) for field in fields(plan)} | {"plan": str(plan.plan)}


def earlier_lines(plans: Sequence[EarlierPlan], *, now: datetime) -> list[Text]:
    """Return the plans that the job had before, and how to look at one."""
    if not plans:
        return []
    rows = [
        [
            Cell(plan.digest[:8], "bold"),
            Cell(plan.state if plan.state in _ENDED else f"{plan.state}, given up"),
            Cell(f"made {age_text(plan.made_at, now=now)}"),
            Cell(path_text(plan.plan)),
        ]
        for plan in plans
    ]
    return [Text("Earlier plans"), *aligned_lines(rows), Text(_hint_at(plans))]


def _hint_at(plans: Sequence[EarlierPlan]) -> str:
    """Return how to look at one: at the failures of the last that has some, else at the last."""
    bad = next((plan for plan in plans if plan.state not in {RunState.COMPLETED, RunState.PENDING}), None)
    if bad is None:
        return f"  To look at one: {command_text('s3plan', 'status', plans[0].digest[:8])}"
    return f"  To see what did not end well: {command_text('s3plan', 'failures', bad.digest[:8])}"


def _run_document(run: RunLine) -> dict[str, object]:
    values = {field.name: getattr(run, field.name) for field in fields(run)}
    return values | {"engines": [asdict(used) for used in run.engines]}


def failure_lines(failures: Iterable[FailureLine], *, names_jobs: bool = False) -> Iterator[Text]:
    """Yield a line for each failure, with its job where there are several, and their sums."""
    counts: Counter[OutcomeKind] = Counter()
    for failure in failures:
        counts[failure.outcome] += 1
        line = Text().append(f"{failure.outcome.value:<7}", style=_STYLES.get(failure.outcome, ""))
        tries = f" [{failure.failure}, {count_text(failure.attempts, 'attempt')}]" if failure.failure else ""
        if failure.evidence:
            tries = f" [{escape_unprintable(failure.evidence)}]"
        line.append(f"  {failure.action:<6}  {key_text(failure.key)}: {escape_unprintable(failure.reason)}{tries}")
        if names_jobs:
            line.append(f"  {escape_unprintable(failure.job)}", style="dim")
        yield line
    yield Text(f"{counts_text(counts)}." if counts else "No action has ended badly.", style="bold")
