"""The text of a file of connections with one of them added, changed or removed, and every other line as it was.

The text is cut at the places of its nodes, so that comments, quotes and order stay, which no emitter of YAML promises.
Whether the result says what it should is for the caller to see: it reads it again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from s3plan.planner.manifest.local_places import CONNECTIONS
from s3plan.planner.manifest.resolved_text import scalar_text, yaml_lines
from s3plan.planner.manifest.text.data import Data
from s3plan.planner.manifest.text.yaml_document import (
    ListNode,
    MappingNode,
    Mark,
    Node,
    ScalarNode,
    decode_yaml,
    parse_yaml,
)
from s3plan.schemas.manifest.values import Plain

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_COMMENT = re.compile(r"(?:^|\s)#")
_PLAIN = re.compile(r"[A-Za-z0-9/](?:[A-Za-z0-9_./:@+=-]*[A-Za-z0-9_./@+=-])?", re.ASCII)
_NOT_TEXT = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


class CommentsLost(ValueError):
    """Comments between braces that a change would take away."""


def written_text(text: str) -> str:
    """Return a text as a scalar that is written without quotes where nobody could take it for anything else."""
    return Plain(text) if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT else text


def with_connection(text: bytes, name: str, entry: Data) -> bytes:
    """Return the text of a file with a connection that it lacks; CommentsLost."""
    sheet = _Sheet.read(text)
    block = sheet.block(name, entry)
    if sheet.connections is None:
        sheet.end_last_line()
        sheet.insert_after(len(sheet.lines), [f"{CONNECTIONS}:", *block])
    elif sheet.is_flow(sheet.connections):
        sheet.unfold({**_data(sheet.connections), name: entry})
    else:
        last = sheet.last_line(sheet.connections)
        sheet.end_last_line()
        sheet.insert_after(last, block)
    return sheet.encoded


def with_changes(text: bytes, name: str, changes: Mapping[str, object | None]) -> bytes:
    """Return the text with keys of a connection set to values, or taken away (None); CommentsLost."""
    sheet = _Sheet.read(text)
    named, node = sheet.entry(name)
    entry = _data(node)
    made = {key: value for key, value in {**entry, **changes}.items() if value is not None}
    if not isinstance(node, MappingNode) or sheet.is_flow(node):
        sheet.keep_comments_between(node.start, node.end)
        sheet.replace(node.start, node.end, _flow(made))
        return sheet.encoded
    indent = node.entries[0][0].start.column - 1
    sheet.end_last_line()
    new = [line for key in made if key not in entry for line in yaml_lines({key: made[key]})]
    sheet.insert_after(sheet.last_line(node), [" " * indent + line for line in new])
    for key, value in reversed(node.entries):
        if key.text not in changes:
            continue
        change = changes[key.text]
        if change is None:
            sheet.cut(key.start.line, sheet.last_line(value))
        elif isinstance(value, ScalarNode) and value.start.line == value.end.line:
            sheet.replace(value.start, value.end, scalar_text(change))
        else:
            sheet.cut(key.start.line, sheet.last_line(value))
            sheet.insert_after(key.start.line - 1, [" " * indent + line for line in yaml_lines({key.text: change})])
    if not made:
        sheet.empty(named)
    return sheet.encoded


def without_connection(text: bytes, name: str) -> bytes:
    """Return the text without a connection; comments above it stay. Raises CommentsLost."""
    sheet = _Sheet.read(text)
    connections = sheet.connections
    key, value = sheet.entry(name)
    if connections is None or sheet.is_flow(connections):
        left = {} if connections is None else _data(connections)
        left.pop(name, None)
        sheet.unfold(left)
        return sheet.encoded
    sheet.cut(key.start.line, sheet.last_line(value))
    if len(connections.entries) == 1:
        sheet.empty(sheet.key)
    return sheet.encoded


@dataclass(slots=True)
class _Sheet:
    """The lines of a text, each with its end, and where its connections stand. Changes go from its end upwards."""

    lines: list[str]
    root: MappingNode | None
    line_end: str

    @classmethod
    def read(cls, text: bytes) -> _Sheet:
        decoded = decode_yaml(text)
        root = parse_yaml(decoded)
        line_end = "\r\n" if "\r\n" in decoded else "\n"
        return cls(_LINE.findall(decoded), root if isinstance(root, MappingNode) else None, line_end)

    @property
    def encoded(self) -> bytes:
        return "".join(self.lines).encode()

    @property
    def key(self) -> ScalarNode:
        """The word `connections` itself, where it is written."""
        found = None if self.root is None else self.root.get(CONNECTIONS)
        if found is None:
            raise AssertionError("connections that are there stand below their word")
        return found[0]

    @property
    def connections(self) -> MappingNode | None:
        found = None if self.root is None else self.root.get(CONNECTIONS)
        return found[1] if found is not None and isinstance(found[1], MappingNode) else None

    def entry(self, name: str) -> tuple[ScalarNode, Node]:
        """Return a connection that is there, with its name."""
        found = None if self.connections is None else self.connections.get(name)
        if found is None:
            raise AssertionError("who changes a connection has looked whether it is there")
        return found

    def is_flow(self, node: Node) -> bool:
        """Return whether a mapping is written between braces."""
        return self.lines[node.start.line - 1][node.start.column - 1 :].startswith(("{", "["))

    def last_line(self, node: Node) -> int:
        """Return the last line that belongs to a node; what follows it may be comments of the next."""
        if isinstance(node, ScalarNode) or self.is_flow(node):
            return node.end.line if node.end.column > 1 else node.end.line - 1
        inner = [value for _, value in node.entries] if isinstance(node, MappingNode) else node.items
        return max([node.start.line, *map(self.last_line, inner)])

    def block(self, name: str, entry: Data) -> list[str]:
        """Return the lines of a connection, indented as its neighbours are."""
        there = self.connections
        indent = 2 if there is None or self.is_flow(there) else there.entries[0][0].start.column - 1
        return [" " * indent + line for line in yaml_lines({name: entry})]

    def end_last_line(self) -> None:
        if self.lines and not self.lines[-1].endswith(("\r", "\n")):
            self.lines[-1] += self.line_end

    def insert_after(self, line: int, new: Sequence[str]) -> None:
        self.lines[line:line] = [each + self.line_end for each in new]

    def cut(self, first: int, last: int) -> None:
        del self.lines[first - 1 : last]

    def replace(self, start: Mark, end: Mark, new: str) -> None:
        before = self.lines[start.line - 1][: start.column - 1]
        after = self.lines[end.line - 1][end.column - 1 :]
        self.lines[start.line - 1 : end.line] = [before + new + after]

    def keep_comments_between(self, start: Mark, end: Mark) -> None:
        """Raise CommentsLost if there may be some within what is to be written anew: each ends with its line."""
        lines = [self.lines[start.line - 1][start.column - 1 :], *self.lines[start.line : end.line]][:-1]
        if any(_COMMENT.search(line) for line in lines):
            raise CommentsLost

    def unfold(self, entries: Data) -> None:
        """Write connections that stand between braces as a block of lines."""
        there = self.connections
        if there is None:
            raise AssertionError("only what is there is unfolded")
        self.keep_comments_between(there.start, there.end)
        self.end_last_line()
        if not entries:
            self.replace(there.start, there.end, "{}")
            return
        block = ["  " + line for line in yaml_lines(entries)]
        self.insert_after(there.end.line, block)
        self.replace(there.start, there.end, "")
        line = there.start.line - 1
        kept = self.lines[line].rstrip("\r\n")
        tidy = re.sub(r":\s+(?=#|$)", lambda found: ": " if kept[found.end() :] else ":", kept)
        self.lines[line] = tidy + self.line_end

    def empty(self, key: ScalarNode) -> None:
        """Say of a key whose block is gone that it has an empty mapping."""
        line, end = key.start.line - 1, key.end.column - 1
        text = self.lines[line]
        self.lines[line] = text[:end] + text[end:].replace(":", ": {}", 1)


def _data(node: Node) -> Data:
    """Return all entries of a mapping, those that nobody reads (`x-*`), too."""
    return {key.text: _value(value) for key, value in node.entries} if isinstance(node, MappingNode) else {}


def _value(node: Node) -> object:
    match node:
        case ScalarNode():
            return Plain(node.text) if node.plain else node.text
        case ListNode():
            return [_value(item) for item in node.items]
        case MappingNode():
            return _data(node)


def _flow(value: object) -> str:
    match value:
        case dict() if value:
            return "{ " + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case Plain() if re.search(r"[,\[\]{}]", value):
            return scalar_text(str(value))
        case _:
            return scalar_text(value)
