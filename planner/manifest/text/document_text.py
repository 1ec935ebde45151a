"""The text of a YAML file of ours as a document, and what is found in it as diagnostics with their places."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from s3plan.planner.manifest.text.data import Placed
from s3plan.planner.manifest.text.diagnostics import render_diagnostics
from s3plan.planner.manifest.text.hidden_text import ShownText, hide_by_indentation, hide_values
from s3plan.planner.manifest.text.resemblance import is_meant, is_text_meant, shown_keys
from s3plan.planner.manifest.text.yaml_document import (
    MAX_FILE_BYTES,
    MappingNode,
    Mark,
    ScalarNode,
    YamlRefused,
    decode_yaml,
    parse_yaml,
    split_lines,
)
from s3plan.schemas.errors import ManifestInvalid
from s3plan.schemas.manifest.diagnostics import Diagnostic, Severity
from s3plan.schemas.manifest.rules.findings import Finding, KeyPath

MAX_FINDINGS = 100

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_document(text: bytes, *, path: Path, kind: str, keys: Collection[str]) -> tuple[MappingNode | None, ShownText]:
    """Return the mapping that the text is, None for one that says nothing, and its lines as they may be shown.

    `kind` is what such a file is called, with its article; `keys` are those that it may have at its top. Of a file that
    is plainly another one no line is quoted. Raises ManifestInvalid.
    """
    lines = split_lines(text[:MAX_FILE_BYTES].decode("utf-8-sig", errors="replace"))
    try:
        root = parse_yaml(decode_yaml(text))
    except YamlRefused as error:
        quotable = hide_by_indentation(lines) if is_text_meant(lines, keys) else None
        raise refused((_syntax_diagnostic(path, error, shown=quotable),)) from error
    shown = hide_values(lines, root)
    if root is None or (isinstance(root, ScalarNode) and root.is_null):
        return None, shown
    if not isinstance(root, MappingNode):
        finding = Finding((), f"{kind} is a mapping of `key: value` lines")
        raise refused((diagnostic_at(path, Placed(finding, root.start, ()), shown=None),))
    if root.entries and not is_meant(root, keys):
        words = shown_keys(root)
        found = f"; here stand {words}" if words else ""
        finding = Finding((), f"this is not {kind}, of which no key is here{found}", f"its keys are {', '.join(keys)}")
        raise refused((diagnostic_at(path, Placed(finding, root.start, ()), shown=None),))
    return root, shown


def byte_order_mark(text: bytes) -> list[Placed]:
    """Return the warning about the mark that a text begins with, if it does."""
    if not text.startswith(_BYTE_ORDER_MARK):
        return []
    finding = Finding((), "the file starts with a byte order mark, which is ignored", None, Severity.WARNING)
    return [Placed(finding, Mark(1, 1), ())]


def judged(path: Path, placed: Iterable[Placed], *, shown: ShownText) -> tuple[Diagnostic, ...]:
    """Return what is left to remark on a file that may be used; raise ManifestInvalid with all findings if not."""
    ordered = _in_order(placed)
    for item in ordered:
        if item.finding.hides_value:
            shown.hide(item.path)
    diagnostics = tuple(diagnostic_at(path, item, shown=shown) for item in ordered[:MAX_FINDINGS])
    if len(ordered) > MAX_FINDINGS:
        raise refused((*diagnostics, unplaced(path, f"there is more; these are the first {MAX_FINDINGS} findings")))
    if any(item.severity is Severity.ERROR for item in diagnostics):
        raise refused(diagnostics)
    return diagnostics


def _in_order(placed: Iterable[Placed]) -> list[Placed]:
    """Return the findings in the order of the text; of several about one path only the first that was found."""
    chosen: dict[tuple[KeyPath, bool, Severity], Placed] = {}
    for item in placed:
        chosen.setdefault((item.path, item.is_repeat, item.finding.severity), item)
    return sorted(chosen.values(), key=lambda item: item.mark)


def diagnostic_at(path: Path, placed: Placed, *, shown: ShownText | None) -> Diagnostic:
    """Return a finding with the line that it is about; without it if nothing is to be `shown`."""
    source_line, caret = ("", 0) if shown is None else shown.shown(placed.mark)
    return Diagnostic(
        path=path,
        line=placed.mark.line,
        column=placed.mark.column,
        key=_dotted(placed.path),
        message=placed.finding.message,
        hint=placed.finding.hint,
        source_line=source_line,
        caret=caret,
        severity=placed.finding.severity,
    )


def unplaced(path: Path, message: str, *, hint: str | None = None) -> Diagnostic:
    """Return a finding about the file as a whole."""
    return Diagnostic(path=path, line=0, column=0, key="", message=message, hint=hint, source_line="", caret=0)


def refused(diagnostics: Sequence[Diagnostic]) -> ManifestInvalid:
    """Return the error that tells these."""
    return ManifestInvalid(render_diagnostics(diagnostics), diagnostics=diagnostics)


def _syntax_diagnostic(path: Path, error: YamlRefused, *, shown: ShownText | None) -> Diagnostic:
    if error.mark is None:
        return unplaced(path, error.message, hint=error.hint)
    return diagnostic_at(path, Placed(Finding((), error.message, error.hint), error.mark, ()), shown=shown)


def _dotted(path: KeyPath) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
