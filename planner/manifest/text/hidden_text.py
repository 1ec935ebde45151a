"""The lines of a manifest as diagnostics may show them: secrets replaced, places kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from s3plan.planner.manifest.text.yaml_document import ListNode, MappingNode, Mark, Node, ScalarNode
from s3plan.schemas.manifest.connections import names_a_secret
from s3plan.schemas.manifest.rules.findings import KeyPath
from s3plan.schemas.requests.customer_keys import is_written_key

HIDDEN = "****"
_ENCRYPTIONS = ("encryption", "decryption")

_USER_INFO = re.compile(r"(?<=://)[^\s\"'/]*(?::[^\s\"']*)?@")
_QUERY = re.compile(
    r"(?<=\?)(?<!\s\?)[^\s\"',]*(?:signature|token|credential|secret|password|key)[^\s\"',]*=[^\s\"',]*", re.IGNORECASE
)
_KEY = re.compile(r"(?<![\w.-])[\"']?([A-Za-z][\w.-]*)[\"']?\s*:(?=\s|$)")
_REST = 10**9


@dataclass(frozen=True, slots=True)
class ShownText:
    """Lines, and which spans of them are hidden: line from 1, columns from 0, end not included."""

    lines: list[str]
    hidden: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    root: Node | None = None

    def hide(self, path: KeyPath) -> None:
        """Hide the value of the keys along this path, where it leads to one: nobody knows what an unknown key holds."""
        found = [] if self.root is None else [self.root]
        for part in path:
            found = [each for node in found for each in _below(node, part)]  # all, of a key that is written twice
        for node in found if path else ():
            _hide(self, node)

    def shown(self, mark: Mark) -> tuple[str, int]:
        """Return the line with its secrets replaced, and the column from 1 that the mark has in it."""
        text = self.lines[mark.line - 1] if mark.line <= len(self.lines) else ""
        spans = [(match.start(), match.end()) for pattern in (_USER_INFO, _QUERY) for match in pattern.finditer(text)]
        parts: list[str] = []
        at, caret = 0, mark.column
        for start, end in sorted([*spans, *self.hidden.get(mark.line, [])]):
            stop = min(end, len(text))
            if start < at or stop <= start:
                at = max(at, stop)
                continue
            parts += [text[at:start], HIDDEN]
            caret += _shift(mark.column - 1, start=start, stop=stop)
            at = stop
        return "".join([*parts, text[at:]]), caret


def _below(node: Node, part: str | int) -> list[Node]:
    if isinstance(node, MappingNode):
        return [value for key, value in node.entries if key.text == part]
    return [item for at, item in enumerate(node.items) if at == part] if isinstance(node, ListNode) else []


def _shift(column: int, *, start: int, stop: int) -> int:
    """Return by how much a mask moves a place: to its start from within, by the difference in length from behind."""
    if column >= stop:
        return len(HIDDEN) - (stop - start)
    return start - column if column > start else 0


def hide_values(lines: list[str], root: Node | None) -> ShownText:
    """Return the text with the value of every key hidden whose name promises a secret."""
    shown = ShownText(lines, root=root)
    pending = [] if root is None else [root]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        match node:
            case MappingNode():
                for key, value in node.entries:
                    if key.text == "connections" and isinstance(value, MappingNode):
                        pending.extend(connection for _, connection in value.entries)  # a name is free: `token-store`
                    elif key.text in _ENCRYPTIONS and isinstance(value, MappingNode):
                        pending.extend(_hide_key(shown, value))
                    elif names_a_secret(key.text):
                        _hide(shown, value)
                    else:
                        pending.append(value)
            case ListNode():
                pending.extend(node.items)
            case ScalarNode():
                pass
    return shown


def _hide_key(shown: ShownText, setting: MappingNode) -> Iterator[Node]:
    """Hide what may be a key of SSE-C where only the name of one belongs; yield the other values of the setting."""
    for key, value in setting.entries:
        if key.text != "key":
            yield value
        elif not isinstance(value, MappingNode):
            _hide(shown, value)
        else:
            for name, named in value.entries:
                is_name = name.text in {"env", "file"} and isinstance(named, ScalarNode)
                if not is_name or (isinstance(named, ScalarNode) and is_written_key(named.text)):
                    _hide(shown, named)


def _hide(shown: ShownText, node: Node) -> None:
    for line in range(node.start.line, node.end.line + 1):
        start = node.start.column - 1 if line == node.start.line else 0
        end = node.end.column - 1 if line == node.end.line else _REST
        shown.hidden.setdefault(line, []).append((start, end))


def hide_by_indentation(lines: list[str]) -> ShownText:
    """Return text that is no YAML with all hidden that follows or lies below a key whose name promises a secret."""
    shown = ShownText(lines)
    secret_indent: int | None = None
    for number, text in enumerate(lines, start=1):
        indent = len(text) - len(text.lstrip())
        if secret_indent is not None and (not text.strip() or indent > secret_indent):
            shown.hidden[number] = [(indent, _REST)]
            continue
        secret_indent = None
        key = next((match for match in _KEY.finditer(text) if _is_told(match[1])), None)
        if key is not None:
            secret_indent = indent
            shown.hidden[number] = [(key.end(), _REST)]
    return shown


def _is_told(key: str) -> bool:
    return key == "key" or names_a_secret(key)
