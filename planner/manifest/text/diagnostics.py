"""Diagnostics as text for people: place, message, the line itself, a caret, a hint."""

from __future__ import annotations

from collections.abc import Sequence

from s3plan.schemas.manifest.diagnostics import Diagnostic, Severity
from s3plan.schemas.printable import display_width, escape_unprintable

_SHOWN_BEFORE_CARET = 60
_SHOWN_AFTER_CARET = 40


def render_diagnostics(diagnostics: Sequence[Diagnostic]) -> str:
    """Return all findings in their order, with a line of totals after more than one; no final line break.

    Nothing in it is a control character other than line breaks, whatever the manifest holds.
    """
    parts = [render_diagnostic(diagnostic) for diagnostic in diagnostics]
    return "\n".join([*parts, _totals(diagnostics)] if len(parts) > 1 else parts)


def render_diagnostic(diagnostic: Diagnostic) -> str:
    """Return one finding: a headline, and where they are known the line, a caret and a hint."""
    key = f"{diagnostic.key}: " if diagnostic.key else ""
    place = f"{diagnostic.path}:{diagnostic.line}:{diagnostic.column}" if diagnostic.line else f"{diagnostic.path}"
    lines = [escape_unprintable(f"{place}: {diagnostic.severity}: {key}{diagnostic.message}")]
    if diagnostic.caret:
        lines += [f"    {line}" for line in _excerpt(diagnostic.source_line, caret=diagnostic.caret)]
    if diagnostic.hint is not None:
        lines.append(escape_unprintable(f"    hint: {diagnostic.hint}"))
    return "\n".join(lines)


def in_one_line(diagnostic: Diagnostic) -> str:
    """Return place, message and hint, without the line of the manifest."""
    headline = render_diagnostic(diagnostic).partition("\n")[0].replace(f" {diagnostic.severity}:", "", 1)
    return headline if diagnostic.hint is None else f"{headline} ({escape_unprintable(diagnostic.hint)})"


def _excerpt(source_line: str, *, caret: int) -> tuple[str, str]:
    """Return the part of the line around the caret, and the line that the caret stands on."""
    at = min(caret - 1, len(source_line))
    start = 0 if at <= _SHOWN_BEFORE_CARET + 20 else at - _SHOWN_BEFORE_CARET
    end = at + _SHOWN_AFTER_CARET if len(source_line) > at + _SHOWN_AFTER_CARET + 20 else len(source_line)
    before = ("…" if start else "") + escape_unprintable(source_line[start:at])
    after = escape_unprintable(source_line[at:end]) + ("…" if end < len(source_line) else "")
    return before + after, " " * display_width(before) + "^"


def _totals(diagnostics: Sequence[Diagnostic]) -> str:
    counts = [(sum(item.severity is severity for item in diagnostics), severity) for severity in Severity]
    return ", ".join(f"{count} {severity}{'s' if count > 1 else ''}" for count, severity in counts if count)
