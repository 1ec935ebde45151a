"""What a reader of the manifest found, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """Whether a finding stops the work."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding in a file.

    `line` and `column` count characters of the file from 1; both are 0 when no place can be named (no such file). `key`
    is the path of keys, `filters.size.min`, empty for the whole document. `source_line` is the line itself with secrets
    replaced by `****`, so the caret stands at `caret`, which counts from 1 in `source_line`. Control characters are
    still in it: escape it before printing.
    """

    path: Path
    line: int
    column: int
    key: str
    message: str
    hint: str | None
    source_line: str
    caret: int
    severity: Severity = Severity.ERROR
