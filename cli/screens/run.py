"""What `apply` and `status` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from rich.text import Text
from s3plan.app.ends import JobEnds
from s3plan.app.paths import journal_path
from s3plan.app.requests import ApplyReport, JobStanding, RunLine, Status
from s3plan.app.roots import Root
from s3plan.cli.screens.columns import Cell, aligned_lines
from s3plan.cli.screens.end_lines import made_text, store_cell, url_text
from s3plan.cli.screens.plan import ShownPlan, action_counts
from s3plan.cli.screens.progress_frames import pace_text
from s3plan.cli.screens.removal_lines import removal_rows
from s3plan.cli.screens.wording import (
    age_text,
    command_text,
    count_text,
    duration_text,
    moment_text,
    path_text,
)
from s3plan.schemas.engines import EngineUsed
from s3plan.schemas.evidence.ladder import NOT_COMPARABLE
from s3plan.schemas.outcomes import Evidence, OutcomeKind
from s3plan.schemas.plan.header import PlanHeader
from s3plan.schemas.printable import escape_unprintable, shown_path

_STATES = {
    "pending": ("Not applied yet", "bold"),
    "running": ("Running", "bold"),
    "paused": ("Paused", "bold yellow"),
    "completed": ("Done", "bold green"),
    "partial": ("Not everything was done", "bold yellow"),
    "failed": ("Failed", "bold red"),
    "cancelled": ("Cancelled", "bold yellow"),
    "interrupted": ("Interrupted", "bold yellow"),
}
_REASONS = {
    "action-limit": "Stopped at a limit",
    "time-limit": "Stopped, its time is up",
    "failure-limit": "Stopped, too many actions failed",
    "credentials": "Stopped, the credentials cannot be used any more",
    "denied": "Stopped, the store refuses every request",
    "outage": "Stopped, the store does not answer",
}


def _title(state: str, reason: str | None) -> tuple[str, str]:
    title, style = _STATES.get(state, (state, "bold"))
    return _REASONS.get(reason or "", title), style


def before_lines(
    plan: ShownPlan, *, status: Status | None, limit: int | None, now: datetime, root: Root | None = None
) -> list[Text]:
    """Return what is about to be done, for the person who is about to say yes."""
    header = plan.header
    rows = [
        *end_rows(plan.ends),
        *_root_rows(root),
        [Cell("does"), Cell(action_counts(header), "bold")],
        *_job_rows(header),
        *removal_rows(header),
    ]
    if header.without_dependencies:
        left_out = f"{', '.join(header.not_selected)}: jobs of this plan depend on some of them"
        rows.append([Cell("without"), Cell(left_out, "bold yellow")])
    if header.expires_at is not None:
        rows.append([Cell("expires"), Cell(age_text(header.expires_at, now=now))])
    if status is not None and status.runs:
        left = status.remaining + status.counts.get(OutcomeKind.FAILED, 0)
        rows.append([Cell("left"), Cell(f"{left:,} of {count_text(status.actions, 'action')}")])
    if limit is not None:
        rows.append([Cell("limit"), Cell(f"at most {count_text(limit, 'action')} in this run")])
    made = age_text(header.made_at, now=now)
    return [Text(f"Plan {plan.digest[:8]} of {plan_name(header)}, made {made}", style="bold"), *aligned_lines(rows)]


def plan_name(header: PlanHeader) -> str:
    """Return what a plan is of."""
    return f"job {header.name}" if len(header.jobs) == 1 else f"{header.name} ({len(header.jobs)} jobs)"


def end_rows(ends: Sequence[JobEnds]) -> list[list[Cell]]:
    """Return from where to where each job goes, and what apply has to create first."""
    return [row for each in ends for row in _end_rows(each, is_alone=len(ends) == 1)]


def _root_rows(root: Root | None) -> list[list[Cell]]:
    """Return that the folder is another than the planned one."""
    if root is None or root.path == root.planned:
        return []
    return [
        [
            Cell("folder"),
            Cell(f"{shown_path(Path(root.path))}, not {shown_path(Path(root.planned))} as planned", "bold yellow"),
        ]
    ]


def _end_rows(ends: JobEnds, *, is_alone: bool) -> list[list[Cell]]:
    source, destination = ends.source, ends.destination
    rows = [] if is_alone else [[Cell("job"), Cell(escape_unprintable(ends.job), "bold")]]
    if source is not None:
        rows += [[Cell("from"), Cell(url_text(source))], [Cell(""), store_cell(source)]]
    rows += [
        [Cell("at" if source is None else "to"), Cell(url_text(destination))],
        [Cell(""), store_cell(destination)],
    ]
    if destination.is_made_by_apply:
        rows.append(
            [
                Cell("creates"),
                Cell(f"the {'folder' if destination.location.is_folder else 'bucket'} {made_text(destination)}"),
            ]
        )
    return rows


def result_lines(report: ApplyReport, *, resume: Sequence[str | Path]) -> list[Text]:
    """Return how a run ended and what to do next; `resume` is the command that goes on with it."""
    ended = sum(count for kind, count in report.counts.items() if kind is not OutcomeKind.UNKNOWN)
    title, style = _title(report.state, report.reason)
    of = f"{ended:,} of {count_text(ended + report.remaining, 'action')} ended" if report.remaining else ""
    parts = [part for part in (of, counts_text(report.counts, report.evidence)) if part] or ["nothing to do"]
    lasted = duration_text(report.elapsed_s)
    when = f"in {lasted}" if report.runs <= 1 else f"in {report.runs} runs, the last of {lasted}"
    head = Text(f"{title}: {': '.join(parts)}, {when}.", style=style)
    lines = [Text(f"  {escape_unprintable(message)}") for message in report.messages]
    return [
        head,
        *_verified_lines(report.verified, report.unverified),
        *lines,
        *next_lines(report.plan, report.counts, report.remaining, resume=resume, unverified=report.unverified),
    ]


def finished_lines(status: Status, *, resume: Sequence[str | Path]) -> list[Text]:
    """Return that a plan has nothing left to do."""
    counts = counts_text(status.counts, status.evidence) or "nothing to do"
    ended_at = status.runs[-1].ended_at
    when = "" if ended_at is None else f" at {moment_text(ended_at)}"
    head = Text(f"This plan was applied before{when}: {counts}{_of_runs(status)}.", style="bold")
    lines = [Text(f"  {escape_unprintable(message)}") for message in status.messages]
    return [
        head,
        *_verified_lines(status.verified, status.unverified),
        *lines,
        *next_lines(status.plan, status.counts, 0, resume=resume, unverified=status.unverified),
    ]


def _job_rows(header: PlanHeader) -> list[list[Cell]]:
    """Return what each of several jobs does: no sum hides one job's deletes."""
    if len(header.jobs) == 1:
        return []
    return [[Cell(""), Cell(f"{job.name}: {action_counts(job)}")] for job in header.jobs]


def _of_runs(status: Status) -> str:
    """Return what counts are of, where that may be asked."""
    return f" (all {len(status.runs)} runs together)" if len(status.runs) > 1 else ""


def counts_text(counts: Mapping[OutcomeKind, int], evidence: Mapping[str, int] | None = None) -> str:
    """Return `8,912 done, 4 already-done (3 by etag, 1 by size and time), 3 stale`, in the order of OutcomeKind."""
    texts = {kind: f"{counts[kind]:,} {kind.value}" for kind in OutcomeKind if counts.get(kind)}
    if evidence and OutcomeKind.ALREADY_DONE in texts:
        rests_on = ", ".join(f"{evidence[name]:,} {name}" for name in Evidence if evidence.get(name))
        texts[OutcomeKind.ALREADY_DONE] += f" ({rests_on})"
    return ", ".join(texts.values())


def verified_text(verified: Mapping[str, int], unverified: int = 0) -> str:
    """Return `9,812: 9,700 by CRC64NVME, 112 by MD5; 30 not comparable; 2 FAILED`, empty if nothing was written."""
    proved = {by: number for by, number in verified.items() if by != NOT_COMPARABLE}
    parts = [f"{sum(proved.values()):,}"]
    if proved:
        parts[0] += f": {', '.join(f'{number:,} by {by}' for by, number in proved.items())}"
    if others := verified.get(NOT_COMPARABLE):
        parts.append(f"{others:,} {NOT_COMPARABLE}")
    if unverified:
        parts.append(f"{unverified:,} FAILED")
    return "; ".join(parts) if verified or unverified else ""


def _verified_lines(verified: Mapping[str, int], unverified: int) -> list[Text]:
    said = verified_text(verified, unverified)
    return [Text(f"  verified {said}")] if said else []


def next_lines(
    plan: Path,
    counts: Mapping[OutcomeKind, int],
    remaining: int,
    *,
    resume: Sequence[str | Path],
    unverified: int = 0,
) -> list[Text]:
    """Return what helps from here: `apply` for what its old pins may still do, `retry` for what needs new ones.

    So does what is `unverified`, which apply only looks at again.
    """
    stale, failed, unknown, skipped = (
        counts.get(kind, 0)
        for kind in (OutcomeKind.STALE, OutcomeKind.FAILED, OutcomeKind.UNKNOWN, OutcomeKind.SKIPPED)
    )
    rows: list[list[Cell]] = []
    has_begun = any(counts.values())
    if stale or failed or unknown or skipped:
        rows.append([Cell("what and why:"), Cell(command_text("s3plan", "failures", plan))])
    if remaining or failed:
        what = "to try the failed ones again:" if not remaining else "to go on:" if has_begun else "to apply it:"
        rows.append([Cell(what), Cell(command_text(*resume), "bold")])
    if not remaining and (stale or unverified or (skipped and not failed)):
        rows.append([Cell("to plan anew what is not done:"), Cell(command_text("s3plan", "retry", plan), "bold")])
    return aligned_lines(rows)


def status_lines(status: Status, *, now: datetime, resume: Sequence[str | Path]) -> list[Text]:
    """Return where a plan stands."""
    header = status.header
    title, style = _title(status.state, status.runs[-1].reason if status.runs else None)
    if not status.actions and status.state == "pending":
        title = "Nothing can be done" if header.objects_of_conflicts else "Nothing to do"
    if _is_over(status, now=now):
        title, style = f"{title}, and expired", "bold yellow"
    rows = [
        *end_rows(status.ends),
        *_root_rows(status.root),
        [Cell("plan"), Cell(f"{path_text(status.plan)}, made {age_text(header.made_at, now=now)}")],
        [Cell("digest"), Cell(status.digest)],
        [Cell("journal"), Cell(path_text(status.journal) if status.runs else _no_journal(status))],
        [Cell("actions"), Cell(f"{status.actions - status.remaining:,} of {status.actions:,} ended")],
    ]
    if status.counts:
        counts = counts_text(status.counts, status.evidence)
        rows.append([Cell("outcomes"), Cell(f"{counts}{_of_runs(status)}")])
    if verified := verified_text(status.verified, status.unverified):
        rows.append([Cell("verified"), Cell(verified)])
    if len(status.jobs) > 1:
        rows += [[Cell(job.name), Cell(_standing_text(job))] for job in status.jobs]
    if status.progress is not None:
        rows.append([Cell("now"), Cell(pace_text(status.progress), "bold")])
    if header.expires_at is not None:
        word = "expired" if header.is_expired(now) else "expires"
        rows.append([Cell(word), Cell(age_text(header.expires_at, now=now))])
    runs = aligned_lines([_run_row(run, now=now) for run in status.runs], right=frozenset({0}))
    lines = [Text(f"  {escape_unprintable(message)}") for message in status.messages]
    return [
        Text(f"Plan {status.digest[:8]} of {plan_name(header)}: {title[:1].lower()}{title[1:]}", style=style),
        *aligned_lines(rows),
        *([Text("Runs"), *runs, *_engine_lines(status)] if runs else []),
        *lines,
        *_next_of(status, now=now, resume=resume),
    ]


def _standing_text(job: JobStanding) -> str:
    counts = counts_text(job.counts)
    return f"{job.actions - job.remaining:,} of {job.actions:,} ended{f': {counts}' if counts else ''}"


def _no_journal(status: Status) -> str:
    """Return that there is no journal, and where one was looked for if that is not where journals are."""
    is_usual = status.journal == journal_path(status.plan)
    return "none yet" if is_usual else f"none yet at {path_text(status.journal)}"


def _is_over(status: Status, *, now: datetime) -> bool:
    """Say whether the plan has something left that apply will refuse to do, since it has expired."""
    return status.header.is_expired(now) and status.remaining > 0 and status.state not in {"running", "paused"}


def _next_of(status: Status, *, now: datetime, resume: Sequence[str | Path]) -> list[Text]:
    if _is_over(status, now=now):
        given_up = [Cell("to give it up:"), Cell(command_text("s3plan", "discard", status.plan), "bold")]
        planned = [Cell("to plan anew:"), Cell(command_text("s3plan", "plan", status.header.manifest.path), "bold")]
        return aligned_lines([given_up, planned] if status.runs else [planned])
    if status.header.is_blocked:
        what = "A guard" if status.header.held_guards else "A loss that the manifest does not allow"
        return [Text(f"  {what} holds this plan back; `s3plan show` says which.")]
    if status.state == "paused":
        return aligned_lines([[Cell("to let it go on:"), Cell(command_text("s3plan", "unpause", status.plan), "bold")]])
    remaining = 0 if status.state == "running" else status.remaining
    return next_lines(status.plan, status.counts, remaining, resume=resume, unverified=status.unverified)


def _engine_lines(status: Status) -> list[Text]:
    """Return by which engines the requests of the last run go, or went; none falls back silently."""
    run = status.runs[-1]
    verb = "are sent" if run.state in {"running", "paused"} else "were sent"
    names = {used.engine for used in run.engines}
    if len(names) == 1 and not any(used.reason for used in run.engines):
        return [Text(escape_unprintable(f"  Requests {verb} by {names.pop()}."))]
    return [_engine_line(used, verb=verb) for used in run.engines]


def _engine_line(used: EngineUsed, *, verb: str) -> Text:
    whose = f"connection {used.connection}" if used.connection else "the default connection"
    said = escape_unprintable(f"  Requests of {whose} {verb} by {used.engine}")
    if used.reason is None:
        return Text(f"{said}.")
    return Text(f"{said}, the slower engine: {escape_unprintable(used.reason)}.", style="yellow")


def _run_row(run: RunLine, *, now: datetime) -> list[Cell]:
    lasted = "" if run.ended_at is None else duration_text((run.ended_at - run.began_at).total_seconds())
    began = f"began {age_text(run.began_at, now=now)}"
    where = escape_unprintable(f"{run.executor}, process {run.pid} on {run.host}")
    state = run.state if run.reason in {None, "signal", "cancel"} else f"{run.state} ({run.reason})"
    return [Cell(str(run.number)), Cell(state), Cell(began), Cell(lasted), Cell(where)]
