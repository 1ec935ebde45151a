"""`s3plan connections test`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from rich.text import Text
from s3plan.app.clock import now_utc
from s3plan.app.connections.report import ConnectionReport
from s3plan.app.connections.trial import TrialRequest, try_connection
from s3plan.cli.screens.columns import Cell, aligned_lines
from s3plan.cli.screens.terminal import open_terminal
from s3plan.cli.screens.wording import age_text, count_text, moment_text
from s3plan.cli.streams.signals import ending_at_once
from s3plan.schemas.connections.trials import Answer, Trial
from s3plan.schemas.json_text import json_line
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.quantities import size_text
from s3plan.schemas.redaction import mask_known

_STYLES = {Answer.YES: "green", Answer.NO: "bold red", Answer.UNKNOWN: "yellow"}


def print_test(
    name: str, *, bucket: str | None, prefix: str, counts: bool, writes: bool, json: bool, no_color: bool
) -> int:
    """Try the connection and print what was found; the exit code is the report's."""
    request = TrialRequest(name=name, bucket=bucket, prefix=prefix, counts=counts, writes=writes)
    with ending_at_once():
        report = try_connection(request)
    terminal = open_terminal(no_color=no_color)
    if json:
        values = asdict(report) | {"exit_code": int(report.exit_code)}
        terminal.stdout.write(mask_known(json_line(values)))
        return report.exit_code
    terminal.print([Text(f"Connection {escape_unprintable(report.name)}", style="bold")])
    terminal.print(aligned_lines([[Cell(head), Cell(text)] for head, text in _facts(report)]))
    terminal.print([Text(), *aligned_lines([_row(trial) for trial in report.trials])])
    if report.left_behind is not None:
        terminal.say([Text(escape_unprintable(f"left behind: objects that begin with {report.left_behind}"), "yellow")])
    return report.exit_code


def _facts(report: ConnectionReport) -> Iterator[tuple[str, str]]:
    kind = f" ({report.store})" if report.endpoint and report.store else ""
    yield "store", escape_unprintable((report.endpoint or "AWS") + kind)
    if report.bucket is not None:
        yield "bucket", escape_unprintable(f"s3://{report.bucket}/{report.prefix}")
    if report.region:
        yield "region", escape_unprintable(report.region)
    yield "credentials", escape_unprintable(report.credentials)
    if report.identity is not None:
        yield "identity", escape_unprintable(f"{report.identity.arn}, account {report.identity.account}")
    elif report.identity_unknown:
        yield "identity", escape_unprintable(f"not known: {mask_known(report.identity_unknown)}")
    if report.expires_at is not None:
        left = age_text(report.expires_at, now=now_utc())
        yield "they end", f"{moment_text(report.expires_at)}, {left}"
    if report.is_own_bucket is not None:
        yield "bucket's owner", "that account" if report.is_own_bucket else "another account"
    if report.latency_ms is not None:
        yield "answers in", f"{report.latency_ms:,.1f} ms"
    if report.clock_offset_ms is not None:
        yield "its clock", _clock_text(report.clock_offset_ms)
    if report.objects is not None:
        least = "" if report.counted_all else "at least "
        yield "holds", f"{least}{count_text(report.objects, 'object')}, {size_text(report.size_bytes or 0)}"


def _clock_text(offset_ms: int) -> str:
    if abs(offset_ms) < 2000:
        return "as this machine's"
    return f"{abs(offset_ms) / 1000:,.0f} s {'ahead of' if offset_ms > 0 else 'behind'} this machine's"


def _row(trial: Trial) -> list[Cell]:
    said = escape_unprintable(mask_known(trial.said))
    if trial.permission is not None:
        said = f"needs {trial.permission}: {said}"
    style = "yellow" if trial.answer is Answer.NO and trial.is_feature else _STYLES[trial.answer]
    return [Cell(trial.answer.value, style), Cell(trial.name), Cell(said)]
