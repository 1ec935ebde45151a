"""What a YAML syntax error means, in plain words, and whether quotes would have avoided it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MEANINGS = (
    (r"found character '\\t'|but found '\\t'", "a tab cannot stand here; use spaces"),
    (r"found character '(.)' that cannot start any token", "a value cannot start with {}"),
    (r"expected alphabetic or numeric character", "a name is missing after *, & or %"),
    (r"mapping values are not allowed here", "a second `: ` in one line, or a line that is indented too far"),
    (r"sequence entries are not allowed here", "a list item cannot stand here; start it on a line of its own"),
    (r"mapping keys are not allowed here", "`? ` cannot stand here"),
    (r"could not find expected ':'", "this line is no `key: value`"),
    (r"found unexpected end of stream", "this quote is never closed"),
    (r"(but got|but found) '<stream end>'", "this bracket is never closed"),
    (r"expected the node content", "a value is missing before this"),
    (r"expected ',' or '[\]}]'", "a comma or the closing bracket is missing before this"),
    (r"expected <block end>, but found '-'", "this list item is indented less or more than the others"),
    (r"expected <block end>", "this does not fit here: the value before it has ended, or the indentation is off"),
    (r"expected a comment or a line break", "text cannot follow | or > on the same line"),
    (
        r"found unknown escape character",
        "within double quotes \\ starts an escape, and this is none; use single quotes",
    ),
    (r"found duplicate anchor", "this anchor is named twice"),
    (r"found incompatible YAML document|found duplicate YAML directive", "a manifest is YAML 1.2"),
)


def plain_words(problem: str, *, is_indentation: bool = False) -> str:
    """Return what a message of ruamel.yaml means; never holds text of the file beyond one character.

    `is_indentation`: nothing stands before its place in its line.
    """
    if is_indentation and "found character '\\t'" in problem:
        return "a tab cannot indent YAML; use spaces"
    for pattern, meaning in _MEANINGS:
        match = re.search(pattern, problem)
        if match is not None:
            return meaning.format(*match.groups())
    return "this is not YAML"


def quoting_hint(lines: Sequence[str], *, line: int, column: int) -> str | None:
    """Return the hint to quote when a value at or before this place starts with one of YAML's own characters."""
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    starts = [
        start for start in range(min(column, len(text))) if text[start] in "*!&{%@`" and _starts_a_value(text[:start])
    ]
    if not starts:
        return None
    first = text[starts[-1]]
    return f"a text that starts with {'${' if text[: starts[-1]].endswith('$') else first} must be quoted"


def _starts_a_value(before: str) -> bool:
    if not before.strip() or before.endswith(("[", "{", ",")):
        return True
    if before.endswith("$"):
        return _starts_a_value(before[:-1])
    return before[-1].isspace() and before.rstrip().endswith((":", "-", "[", "{", ","))
