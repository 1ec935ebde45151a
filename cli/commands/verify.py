"""`s3plan verify`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s3plan.app.audits.auditing import audit
from s3plan.app.audits.requests import AuditReport, AuditRequest, JobAudit, OnFinding
from s3plan.cli.commands.plan import DEFAULT_MANIFEST, job_names
from s3plan.cli.screens.audit import FindingLines, audit_lines, last_line
from s3plan.cli.streams.csv_rows import FINDING_HEADINGS, finding_row
from s3plan.cli.streams.output import Output, OutputOptions, open_output
from s3plan.cli.streams.signals import ending_at_once
from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.evidence.findings import Finding, FindingKind
from s3plan.schemas.json_text import key_fields


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """The command line of `verify`."""

    manifest: Path | None = None
    select: str | None = None
    without_dependencies: bool = False
    reads: bool = False
    attributes: bool = False
    csv: bool = False


def verify(options: VerifyOptions, output_options: OutputOptions) -> int:
    """Compare both sides of a manifest's jobs, say what is so, and return the exit code that follows from it."""
    if options.csv and output_options.json:
        raise UsageInvalid("--json and --csv do not go together; --json-into FILE goes with --csv")
    with open_output(output_options) as output, ending_at_once():
        request = _request(options)
        with _findings(options, output) as on_finding, output.progress() as on_event:
            report = audit(request, on_event=on_event, on_finding=on_finding, with_same=options.csv)
        output.tell("verified", _document(report))
        if output.shows_screens and not options.csv:
            output.terminal.print(audit_lines(report))
        if not output_options.json:
            say = output.terminal.say if options.csv else output.terminal.print
            say([last_line(report)])
        return report.exit_code


def _request(options: VerifyOptions) -> AuditRequest:
    if options.manifest is None and not DEFAULT_MANIFEST.exists():
        raise UsageInvalid(f"there is no {DEFAULT_MANIFEST} in this directory; name a manifest")
    if options.without_dependencies and options.select is None:
        raise UsageInvalid("--no-dependencies goes with --select")
    return AuditRequest(
        manifest=options.manifest or DEFAULT_MANIFEST,
        select=job_names(options.select),
        without_dependencies=options.without_dependencies,
        reads=options.reads,
        attributes=options.attributes,
        owns_process=True,
    )


@contextmanager
def _findings(options: VerifyOptions, output: Output) -> Iterator[OnFinding]:
    """Yield what takes the findings, and prints them as the user wants to see them."""
    stream = output.terminal.stdout
    writer = csv.writer(stream, lineterminator="\n")
    if options.csv:
        writer.writerow(FINDING_HEADINGS)
    lines = FindingLines(output.terminal)

    def take(job: str, finding: Finding) -> None:
        if options.csv:
            writer.writerow(finding_row(job, finding))
        if finding.kind not in (FindingKind.SAME, FindingKind.LEFT_OUT):
            output.tell("finding", _finding_document(job, finding))
            if output.shows_screens and not options.csv:
                lines.take(job, finding)

    yield take
    stream.flush()
    if not options.csv:
        lines.end()


def _finding_document(job: str, finding: Finding) -> dict[str, Any]:
    document: dict[str, Any] = {"job": job, "finding": finding.kind.value, **key_fields("key", finding.key)}
    document["size_bytes"] = finding.size_bytes
    for name in ("reason", "by", "of_source", "of_destination"):
        if value := getattr(finding, name):
            document["evidence" if name == "by" else name] = value
    return document


def _document(report: AuditReport) -> dict[str, Any]:
    return {
        "exit_code": int(report.exit_code),
        "elapsed_s": report.elapsed_s,
        "jobs": [_job_document(job) for job in report.jobs],
    }


def _job_document(job: JobAudit) -> dict[str, Any]:
    counts = job.counts
    return {
        "name": job.name,
        "source": job.source.url,
        "destination": job.destination.url,
        "counts": {
            kind.value: {"objects": counts.objects[kind], "bytes": counts.size_bytes[kind]} for kind in FindingKind
        },
        "evidence": dict(counts.evidence),
        "extra_counts": job.extra_counts,
    }
