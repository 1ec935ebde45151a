"""What an audit found, for a person: its lines as they come, the sums, and what it all comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.text import Text
from s3plan.app.audits.requests import AuditReport, JobAudit
from s3plan.cli.screens.columns import Cell, aligned_lines
from s3plan.cli.screens.terminal import Terminal
from s3plan.cli.screens.wording import count_text, duration_text, key_text
from s3plan.schemas.errors import ExitCode
from s3plan.schemas.evidence.findings import Finding, FindingKind
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.quantities import size_text

_SHOWN = 20  # lines of each kind of a job, on a terminal
_WIDTH = max(len(kind.value) for kind in FindingKind)
_STYLES = {
    FindingKind.SAME: "green",
    FindingKind.DIFFERENT: "red",
    FindingKind.MISSING: "red",
    FindingKind.EXTRA: "yellow",
    FindingKind.UNREADABLE: "yellow",
    FindingKind.NOT_COMPARABLE: "yellow",
}


class FindingLines:
    """Prints a line for each finding; on a terminal the first of each kind, and how many more there are."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._most = _SHOWN if terminal.stdout.isatty() else None
        self._job = ""
        self._counts: Counter[FindingKind] = Counter()

    def take(self, job: str, finding: Finding) -> None:
        """Print one more, or only count it."""
        if job != self._job:
            self.end()
            self._job = job
        self._counts[finding.kind] += 1
        if self._most is not None and self._counts[finding.kind] > self._most:
            return
        heading = [Text(job, style="bold")] if self._counts.total() == 1 else []
        self._terminal.print([*heading, finding_line(finding)])

    def end(self) -> None:
        """Say how many of the last job were not shown."""
        for kind in FindingKind:
            more = self._counts[kind] - (self._most or self._counts[kind])
            if more > 0:
                self._terminal.print([_labelled(kind, f"and {more:,} more; --csv prints each of them")])
        self._counts.clear()


def finding_line(finding: Finding) -> Text:
    """Return one finding, safe to print."""
    reason = f": {escape_unprintable(finding.reason)}" if finding.reason else ""
    return _labelled(finding.kind, f"{key_text(finding.key)}{reason}")


def audit_lines(report: AuditReport) -> Iterator[Text]:
    """Yield the sums of each job."""
    for job in report.jobs:
        yield Text()
        places = f"{escape_unprintable(job.source.url)} -> {escape_unprintable(job.destination.url)}"
        yield Text().append(job.name, style="bold").append(f"  {places}")
        yield from aligned_lines(_rows(job), right=frozenset({1, 2}))
    yield Text()


def last_line(report: AuditReport) -> Text:
    """Return what it all comes to, with the evidence and in a sentence."""
    sums: Counter[FindingKind] = Counter()
    evidence: Counter[str] = Counter()
    for job in report.jobs:
        sums.update(job.counts.objects)
        evidence.update(job.counts.evidence)
    parts = [f"{sums[FindingKind.SAME]:,} the same"]
    if evidence:
        parts[0] += f" ({_evidence_text(evidence)})"
    parts += [
        f"{sums[kind]:,} {kind.value}"
        for kind in FindingKind
        if kind not in (FindingKind.SAME, FindingKind.LEFT_OUT) and sums[kind]
    ]
    said = {
        ExitCode.DONE: "Verified",
        ExitCode.INCOMPLETE: "Not all could be verified",
        ExitCode.VERIFICATION_FAILED: "Not all the same",
    }[report.exit_code]
    return Text(f"{said}: {', '.join(parts)}, in {duration_text(report.elapsed_s)}.", style="bold")


def _rows(job: JobAudit) -> list[list[Cell]]:
    counts = job.counts
    shown = [kind for kind in FindingKind if counts.objects[kind]] or [FindingKind.SAME]
    return [
        [
            Cell(kind.value, _STYLES.get(kind, "")),
            Cell(count_text(counts.objects[kind], "object")),
            Cell(size_text(counts.size_bytes[kind])),
            Cell(_remark(kind, job)),
        ]
        for kind in shown
    ]


def _remark(kind: FindingKind, job: JobAudit) -> str:
    match kind:
        case FindingKind.SAME:
            return _evidence_text(job.counts.evidence)
        case FindingKind.EXTRA if not job.extra_counts:
            return "counts for nothing: only mode: mirror says that the destination has no more"
        case FindingKind.LEFT_OUT:
            return "by filters, or on purpose"
        case _:
            return ""


def _evidence_text(evidence: Counter[str]) -> str:
    return ", ".join(f"{count:,} by {escape_unprintable(by)}" for by, count in evidence.most_common())


def _labelled(kind: FindingKind, text: str) -> Text:
    return Text().append(f"{kind.value:<{_WIDTH}}", style=_STYLES.get(kind, "")).append(f"  {text}")
