"""A plan on the screen: what `plan` and `show` print of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.text import Text
from s3plan.app.ends import JobEnds, PlanEnd
from s3plan.cli.screens.columns import Cell, aligned_lines
from s3plan.cli.screens.end_lines import made_text, store_cell, url_text
from s3plan.cli.screens.guard_lines import guard_rows
from s3plan.cli.screens.object_lines import loss_rows, object_rows
from s3plan.cli.screens.pin_lines import pin_blocks
from s3plan.cli.screens.removal_lines import removal_lines
from s3plan.cli.screens.wording import age_text, command_text, count_text, moment_text, path_text
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.plan.header import JobRecord, KeyListRecord, ListingRecord, PlanHeader, PrefixRecord
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.quantities import size_text

PREFIXES_ON_PLAN = 5


@dataclass(frozen=True, slots=True)
class KindLook:
    """How one kind of verdict is shown."""

    mark: str
    word: str
    style: str
    noun: str  # in headings


LOOKS = {  # in the order of the screen: what may hurt comes first
    VerdictKind.DELETE: KindLook("-", "delete", "red", "to delete"),
    VerdictKind.OVERWRITE: KindLook("~", "overwrite", "yellow", "to overwrite"),
    VerdictKind.COPY: KindLook("+", "copy", "green", "to copy"),
    VerdictKind.SAME: KindLook("=", "same", "green", "the same on both sides, to be removed"),
    VerdictKind.CONFLICT: KindLook("!", "conflict", "magenta", "in conflict"),
    VerdictKind.SKIPPED: KindLook(" ", "skip", "", "skipped"),
    VerdictKind.UNCHANGED: KindLook(" ", "unchanged", "", "unchanged"),
}
_RIGHT = frozenset({2, 3})


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """What a screen needs to know of a plan."""

    path: Path
    digest: str
    header: PlanHeader
    ends: tuple[JobEnds, ...]


def plan_lines(
    plan: ShownPlan, *, now: datetime, prefixes: int | None = PREFIXES_ON_PLAN, job: str | None = None
) -> list[Text]:
    """Return the screen down to the last line but how to apply it; of deletes all prefixes of the plan are shown.

    `prefixes` bounds what is shown of every other kind; None shows all that the plan holds. With `job` only that one
    of several is shown, and the sums of all.
    """
    header = plan.header
    shown = [ends for ends in plan.ends if job is None or ends.job == job]
    return [
        *_title_lines(plan, now=now),
        *(line for ends in shown for line in _job_lines(plan, ends, now=now, prefixes=prefixes)),
        *_block("Guards on the sums", guard_rows(header.guards)),
        *_left_out_lines(header),
        *_apart(warning_lines(header)),
        Text(),
        *_sum_lines(header),
        Text(totals_line(header), style="bold"),
    ]


def _title_lines(plan: ShownPlan, *, now: datetime) -> list[Text]:
    header = plan.header
    if len(header.jobs) == 1:
        return []
    title = f"Plan {plan.digest[:8]} of {header.name}: {count_text(len(header.jobs), 'job')}"
    rows = [[Cell("plan"), Cell(_made(plan, now=now))]]
    return [Text(title, style="bold"), *aligned_lines(rows)]


def _job_lines(plan: ShownPlan, ends: JobEnds, *, now: datetime, prefixes: int | None) -> list[Text]:
    job = plan.header.job(ends.job)
    is_alone = len(plan.header.jobs) == 1
    return [
        *([] if is_alone else [Text()]),
        *_place_lines(plan, ends, job, now=now),
        *removal_lines(job),
        *(line for kind in LOOKS for line in _kind_lines(job, kind, prefixes=prefixes)),
        *_block("Losses", loss_rows(job)),
        *_block("Guards", guard_rows(job.guards)),
        *(line for title, rows in pin_blocks(plan.header, job, ends) for line in _block(title, rows)),
    ]


def _left_out_lines(header: PlanHeader) -> list[Text]:
    """Return which jobs of the manifest are not in the plan; loud where others depend on them."""
    if not header.not_selected:
        return []
    names = escape_unprintable(", ".join(header.not_selected))
    if header.without_dependencies:
        said = f"Not in this plan: {names}. Jobs of this plan depend on some of them (--no-dependencies)."
        return [Text(), Text(said, style="bold yellow")]
    return [Text(), Text(f"Not in this plan: {names}.")]


def _sum_lines(header: PlanHeader) -> list[Text]:
    """Return what each job comes to, where there are several: no sum hides one job's deletes."""
    if len(header.jobs) == 1:
        return []
    rows = [[Cell(job.name, "bold"), Cell(action_counts(job))] for job in header.jobs]
    return aligned_lines(rows)


def totals_line(header: PlanHeader) -> str:
    """Return `Plan: 8,912 to copy, 21 to overwrite, 4 to delete (38.7 GiB).`, or that there is nothing to do."""
    conflicts = header.objects_of(VerdictKind.CONFLICT)
    skipped = header.objects_of(VerdictKind.SKIPPED)
    if header.actions == 0:
        unchanged = header.objects_of(VerdictKind.UNCHANGED)
        parts = [f"{count_text(unchanged, 'object')} {'is' if unchanged == 1 else 'are'} as planned"] * bool(unchanged)
        parts += [f"{count_text(skipped, 'object')} skipped"] if skipped else []
        parts += [f"{count_text(conflicts, 'object')} in conflict"] if conflicts else []
        where = "location" if all(job.only_deletes for job in header.jobs) else "source"
        said = ", ".join(parts) or f"the {where} has no objects for this job"
        return f"Nothing can be done: {said}." if conflicts else f"Nothing to do: {said}."
    return f"Plan: {action_counts(header)}."


def action_counts(header: PlanHeader | JobRecord) -> str:
    """Return `8,912 to copy, 21 to overwrite, 4 to delete (38.7 GiB)`, of a plan or of one of its jobs.

    The size is what is written; where nothing is by design, what is deleted. What is moved is `8,912 to move, 21 of
    them overwrite`; beside other jobs it is counted as they are, and what is removed from sources apart.
    """
    jobs = [header] if isinstance(header, JobRecord) else header.jobs
    only_deletes = all(job.only_deletes for job in jobs)
    only_moves = all(job.is_move for job in jobs)
    kinds = [] if only_deletes or only_moves else [VerdictKind.COPY, VerdictKind.OVERWRITE]
    kinds += [] if only_moves else [VerdictKind.DELETE]
    parts = [_moved_text(header)] if only_moves else []
    parts += [f"{header.objects_of(kind):,} {LOOKS[kind].noun}" for kind in kinds]
    parts += [f"{header.removals:,} to remove from sources"] if header.removals and not only_moves else []
    if conflicts := header.objects_of(VerdictKind.CONFLICT):
        parts.append(f"{conflicts:,} {LOOKS[VerdictKind.CONFLICT].noun}")
    return f"{', '.join(parts)} ({size_text(header.bytes_of(VerdictKind.DELETE) if only_deletes else header.bytes)})"


def _moved_text(header: PlanHeader | JobRecord) -> str:
    overwrites, same = map(header.objects_of, (VerdictKind.OVERWRITE, VerdictKind.SAME))
    parts = [f"{header.removals:,} to move"]
    parts += [f"{overwrites:,} of them overwrite{'s' if overwrites == 1 else ''}"] if overwrites else []
    parts += [f"{same:,} of them {'is' if same == 1 else 'are'} there already"] if same else []
    return ", ".join(parts)


def warning_lines(header: PlanHeader) -> list[Text]:
    """Return what the plan warns of."""
    return [Text(f"warning: {escape_unprintable(warning)}", style="yellow") for warning in header.warnings]


def next_step_lines(plan: ShownPlan) -> list[Text]:
    """Return how to look closer and how to apply; nothing for a plan that does nothing or is blocked."""
    if plan.header.actions == 0 or plan.header.is_blocked:
        return []
    rows = [
        [Cell("every action:"), Cell(command_text("s3plan", "show", "--list", plan.path))],
        [Cell("apply it:"), Cell(command_text("s3plan", "apply", plan.path), "bold")],
        [Cell("without a terminal:"), Cell(command_text("s3plan", "apply", plan.path, "--expect", plan.digest))],
    ]
    return aligned_lines(rows)


def _place_lines(plan: ShownPlan, ends: JobEnds, job: JobRecord, *, now: datetime) -> list[Text]:
    is_alone = len(plan.header.jobs) == 1
    what = (
        f"({job.settings.mode})" if job.only_deletes else f"({job.settings.mode}, overwrite {job.settings.overwrite})"
    )
    title = f"Plan {plan.digest[:8]} of job {job.name} {what}" if is_alone else f"Job {job.name} {what}"
    rows = _rows_of_ends(ends, job)
    if job.key_list is not None:
        rows.insert(
            0,
            [Cell("only"), Cell(_key_list_text(job.key_list, where="the location" if job.only_deletes else "source"))],
        )
    if job.depends_on:
        rows.append([Cell("begins after"), Cell(escape_unprintable(", ".join(job.depends_on)))])
    if is_alone:
        rows.append([Cell("plan"), Cell(_made(plan, now=now))])
    return [Text(title, style="bold"), *aligned_lines(rows)]


def _rows_of_ends(ends: JobEnds, job: JobRecord) -> list[list[Cell]]:
    if ends.source is None or job.source is None:
        return _end_rows("location", ends.destination, job.destination)
    verified = [[Cell("verified"), Cell(escape_unprintable(job.verification))]] if job.verification else []
    if ends.destination.location.is_folder:
        made = [[Cell("new files"), Cell("in their place whole and on disk, with the time of the object")]]
    else:
        made = object_rows(job, ends.source.location, ends.destination.location)
    return [
        *_end_rows("source", ends.source, job.source),
        *_end_rows("destination", ends.destination, job.destination),
        *made,
        *_transfer_rows(job, ends.source.location, ends.destination.location),
        *verified,
    ]


def _made(plan: ShownPlan, *, now: datetime) -> str:
    made = f"{path_text(plan.path)}, made {age_text(plan.header.made_at, now=now)}"
    return f"{made}{_expiry(plan.header, now=now)}"


def _end_rows(label: str, end: PlanEnd, listing: ListingRecord) -> list[list[Cell]]:
    """Return what is listed where; each a line of its own, since bucket names are long and terminals narrow."""
    return [
        [Cell(label), Cell(url_text(end), "bold")],
        [Cell(""), store_cell(end)],
        [Cell(""), Cell(_listed(listing, end))],
    ]


def _listed(listing: ListingRecord, end: PlanEnd) -> str:
    if not listing.bucket_exists:
        what = "folder" if end.location.is_folder else "bucket"
        return f"the {what} does not exist yet; apply creates {made_text(end)}"
    noun = "file" if end.location.is_folder else "object"
    parts = [f"{count_text(listing.objects, noun)}, {size_text(listing.bytes)}"]
    parts += [f"{listing.left_out:,} left out by filters"] if listing.left_out else []
    parts += [escape_unprintable(listing.note)] if listing.note else []
    return "; ".join(parts)


def _key_list_text(found: KeyListRecord, *, where: str) -> str:
    parts = [f"{count_text(found.keys, 'key')} of {path_text(Path(found.path))}, SHA-256 {found.sha256[:16]}..."]
    parts += [f"{found.not_in_source:,} not in {where}"] if found.not_in_source else []
    parts += [f"{found.left_out:,} left out by other filters"] if found.left_out else []
    return "; ".join(parts)


def _transfer_rows(job: JobRecord, source: PlanLocation, destination: PlanLocation) -> list[list[Cell]]:
    """Return how objects come from bucket to bucket; nothing where no other way could be meant."""
    if job.transfer is None or (source.connection == destination.connection and not job.is_relayed):
        return []
    return [[Cell("transfer"), Cell(escape_unprintable(str(job.transfer)))]]


def _expiry(header: PlanHeader, *, now: datetime) -> str:
    if header.expires_at is None:
        return ""
    word = "expired" if header.is_expired(now) else "expires"
    return f"; {word} {moment_text(header.expires_at)} ({age_text(header.expires_at, now=now)})"


def _kind_lines(job: JobRecord, kind: VerdictKind, *, prefixes: int | None) -> list[Text]:
    """Return the heading of one kind, why, and where; nothing if there is none."""
    objects = job.objects_of(kind)
    if not objects:
        return []
    look = LOOKS[kind]
    heading = Text().append(f"{look.mark} ", style=look.style)
    heading.append(f"{count_text(objects, 'object')} {look.noun}, {size_text(job.bytes_of(kind))}")
    reasons = [total for total in job.totals if total.kind is kind]
    rows = _labelled("because", [(total.rule, total.objects, total.bytes) for total in reasons])
    limit = None if kind is VerdictKind.DELETE else prefixes
    found = [record for record in job.prefixes if record.kind is kind]
    rows += _labelled("in", _largest(found, limit=limit))
    return [Text(), heading, *aligned_lines(rows, right=_RIGHT, indent=4)]


def _largest(records: Sequence[PrefixRecord], *, limit: int | None) -> list[tuple[str, int, int]]:
    """Return the largest prefixes, and what is left out as one row: nothing is cut silently."""
    rows = [(record.prefix, record.objects, record.bytes) for record in records]
    if limit is None or len(rows) <= limit + 1:
        return rows
    rest = rows[limit:]
    return [*rows[:limit], ("(other prefixes)", sum(row[1] for row in rest), sum(row[2] for row in rest))]


def _labelled(label: str, rows: Iterable[tuple[str, int, int]]) -> list[list[Cell]]:
    return [
        [
            Cell(label if at == 0 else "", "dim"),
            Cell(escape_unprintable(text)),
            Cell(f"{objects:,}"),
            Cell(size_text(size_bytes)),
        ]
        for at, (text, objects, size_bytes) in enumerate(rows)
    ]


def _block(title: str, rows: list[list[Cell]]) -> list[Text]:
    return _apart([Text(title), *aligned_lines(rows)]) if rows else []


def _apart(lines: list[Text]) -> list[Text]:
    return [Text(), *lines] if lines else []
