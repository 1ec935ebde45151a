"""Actions, how they ended, and failures as CSV that a spreadsheet may open."""

from __future__ import annotations

import csv
from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TextIO

from s3plan.app.requests import FailureLine
from s3plan.app.runs.outcomes import EndedAction
from s3plan.cli.screens.plan import LOOKS
from s3plan.cli.screens.wording import key_text
from s3plan.schemas.evidence.findings import Finding
from s3plan.schemas.plan.actions import Action, ActionKind, VerdictKind
from s3plan.schemas.printable import escape_unprintable

ACTION_HEADINGS = (
    "job",
    "kind",
    "key",
    "size_bytes",
    "reason",
    "destination_key",
    "source_pin",
    "source_version",
    "source_modified",
    "destination_pin",
    "destination_modified",
    "storage_class",
    "key_base64",
)
FAILURE_HEADINGS = (
    "job",
    "outcome",
    "action",
    "key",
    "reason",
    "evidence",
    "failure",
    "side",
    "attempts",
    "at",
    "key_base64",
)
OUTCOME_HEADINGS = (
    "job",
    "kind",
    "key",
    "size_bytes",
    "outcome",
    "evidence",
    "reason",
    "failure",
    "destination_key",
    "key_base64",
)
FINDING_HEADINGS = (
    "job",
    "finding",
    "key",
    "size_bytes",
    "evidence",
    "reason",
    "source_digest",
    "destination_digest",
    "key_base64",
)

# What a spreadsheet takes for the start of a formula, also in full width:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_STARTS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")


def write_csv(rows: Iterable[Sequence[str]], *, columns: Sequence[str], stream: TextIO) -> None:
    """Write a header and the rows, as they come, with Unix line ends."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    stream.flush()


def action_row(job: str, kind: VerdictKind, action: Action) -> tuple[str, ...]:
    """Return one action as ACTION_HEADINGS says; `key_base64` is filled where the text of `key` is not exact."""
    return (
        text_cell(job),
        LOOKS[kind].word,
        key_cell(action.key),
        str(action.size_bytes),
        text_cell(action.reason),
        "" if action.destination_key is None else key_cell(action.destination_key),
        text_cell(action.source_pin or ""),
        text_cell(action.source_version or ""),
        _time_cell(action.source_mtime_ms),
        text_cell(action.destination_pin or ""),
        _time_cell(action.destination_mtime_ms),
        text_cell(action.storage_class or ""),
        _exact(action.key),
    )


def outcome_row(row: EndedAction) -> tuple[str, ...]:
    """Return what has become of one action in the order of OUTCOME_HEADINGS; `outcome` is empty if it has not ended."""
    action = row.action
    is_of_source = action.kind is ActionKind.REMOVE  # a plan counts it as a delete, which is at the destination
    return (
        text_cell(row.job),
        action.kind.value if is_of_source else LOOKS[row.kind].word,
        key_cell(action.key),
        str(action.size_bytes),
        "" if row.outcome is None else row.outcome.value,
        text_cell(row.evidence),
        text_cell(row.reason),
        row.failure,
        "" if action.destination_key is None else key_cell(action.destination_key),
        _exact(action.key),
    )


def failure_row(line: FailureLine) -> tuple[str, ...]:
    """Return one failure in the order of FAILURE_HEADINGS."""
    return (
        text_cell(line.job),
        line.outcome.value,
        text_cell(line.action),
        key_cell(line.key),
        text_cell(line.reason),
        text_cell(line.evidence),
        text_cell(line.failure or ""),
        line.side or "",
        str(line.attempts),
        line.at.astimezone(UTC).isoformat(),
        _exact(line.key),
    )


def finding_row(job: str, finding: Finding) -> tuple[str, ...]:
    """Return what was found of one key in the order of FINDING_HEADINGS."""
    return (
        text_cell(job),
        finding.kind.value,
        key_cell(finding.key),
        str(finding.size_bytes),
        text_cell(finding.by),
        text_cell(finding.reason),
        text_cell(finding.of_source),
        text_cell(finding.of_destination),
        _exact(finding.key),
    )


def text_cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: an apostrophe goes before what looks like one."""
    safe = escape_unprintable(text)
    return f"'{safe}" if safe.lstrip()[:1] in _FORMULA_STARTS else safe


def key_cell(key: bytes) -> str:
    """Return a key as a safe cell."""
    return text_cell(key_text(key))


def _exact(key: bytes) -> str:
    return "" if key_cell(key).encode() == key else b64encode(key).decode()


def _time_cell(mtime_ms: int | None) -> str:
    return (
        "" if mtime_ms is None else datetime.fromtimestamp(mtime_ms / 1000, tz=UTC).isoformat(timespec="milliseconds")
    )
