"""YAML 1.2 as a tree of nodes that know their place, with everything refused that a manifest has no use for.

Built from ruamel.yaml's events, not by its constructors: scalars stay text (the model types them), duplicate keys stay
visible, and nesting, aliases and node counts are bounded while the text is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from s3plan.planner.manifest.text.yaml_hints import plain_words, quoting_hint
from s3plan.schemas.errors import ManifestInvalid

MAX_FILE_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 100_000
MAX_ALIASED_NODES = 1_000

_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_DATABASE_MARK = b"SQLite format 3\0"
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in the text; line and column count characters from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A single value as text; `plain` when it had no quotes and is no block."""

    start: Mark
    end: Mark
    text: str
    plain: bool
    size: int = 1

    @property
    def is_null(self) -> bool:
        """Say whether YAML 1.2 reads this as nothing."""
        return self.plain and self.text in {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True, slots=True)
class ListNode:
    """A sequence."""

    start: Mark
    end: Mark
    items: tuple[Node, ...]
    size: int


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping with its entries as written, duplicates included."""

    start: Mark
    end: Mark
    entries: tuple[tuple[ScalarNode, Node], ...]
    size: int

    def get(self, key: str) -> tuple[ScalarNode, Node] | None:
        """Return the first entry with this key."""
        return next((entry for entry in self.entries if entry[0].text == key), None)


Node = ScalarNode | ListNode | MappingNode


class YamlRefused(ManifestInvalid):
    """The text is not one YAML document that a manifest could be; always translated into a diagnostic."""

    def __init__(self, message: str, *, mark: Mark | None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark
        self.hint = hint


def decode_yaml(text: bytes) -> str:
    """Return the file as text, without a byte order mark; raise YamlRefused for what is not UTF-8 text or too large."""
    if text.startswith(_DATABASE_MARK):
        raise YamlRefused(
            "this is a plan or a journal, not a manifest",
            mark=None,
            hint="`s3plan show` and `s3plan apply` take a plan; `s3plan plan` takes the YAML file that it is made of",
        )
    if len(text) > MAX_FILE_BYTES:
        raise YamlRefused("the file is larger than 1 MiB", mark=None)
    if text.startswith(_BYTE_ORDER_MARKS):
        raise YamlRefused("the file is UTF-16 or UTF-32", mark=None, hint="save it as UTF-8")
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = mark_at(text[: error.start].decode("utf-8-sig"))
        raise YamlRefused(
            f"byte 0x{text[error.start]:02X} is not UTF-8", mark=place, hint="save the file as UTF-8"
        ) from error
    bad = _UNREADABLE.search(decoded)
    if bad is not None:
        name = "a NUL byte" if bad[0] == "\0" else f"the control character U+{ord(bad[0]):04X}"
        hint = None if bad[0] == "\0" else f'within double quotes it is written "\\x{ord(bad[0]):02x}"'
        raise YamlRefused(
            f"{name} cannot stand in YAML",
            mark=mark_at(decoded[: bad.start()]),
            hint=hint if ord(bad[0]) < 256 else None,
        )
    return decoded


def split_lines(text: str) -> list[str]:
    """Return the lines as YAML counts them, without their breaks."""
    return _LINE_BREAK.split(text)


def mark_at(before: str) -> Mark:
    """Return the place that follows this text."""
    lines = split_lines(before)
    return Mark(len(lines), len(lines[-1]) + 1)


def parse_yaml(text: str) -> Node | None:
    """Return the only document of the text, None when there is none; raise YamlRefused at the first fault."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from s3plan.planner.manifest.text.yaml_tabs import TabScanner

    builder = _Builder()
    lines = split_lines(text)
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner = TabScanner
    try:
        for event in yaml.parse(text):
            builder.take(event)
    except MarkedYAMLError as error:
        place = _first_mark(error)
        is_indentation = not lines[place.line - 1][: place.column - 1].strip()
        message = plain_words(error.problem or "", is_indentation=is_indentation)
        hint = quoting_hint(lines, line=place.line, column=place.column)
        raise YamlRefused(message, mark=place, hint=hint) from error
    except (YAMLError, ValueError, OverflowError) as error:
        raise YamlRefused("this is not YAML", mark=None) from error
    return builder.document


def _first_mark(error: Any) -> Mark:
    """Return where to look: where a line, quote or bracket began that never ends, else where reading stopped."""
    problem, context = error.problem or "", error.context or ""
    unended = "end of stream" in problem or "stream end" in problem or "a simple key" in context
    mark = error.context_mark if unended and error.context_mark is not None else error.problem_mark
    return Mark(mark.line + 1, mark.column + 1)


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    start: Mark
    is_mapping: bool
    anchor: str | None
    children: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class _Builder:
    """Turns events into nodes without recursion."""

    document: Node | None = None
    documents: int = 0
    nodes: int = 0
    aliased: int = 0
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)

    def take(self, event: Any) -> None:
        start = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
        end = Mark(event.end_mark.line + 1, event.end_mark.column + 1)
        match type(event).__name__:
            case "DocumentStartEvent":
                self._begin_document(event, start=start)
            case "ScalarEvent":
                self._refuse_tag(event, start=start)
                if any(0xD800 <= ord(letter) <= 0xDFFF for letter in event.value):
                    raise YamlRefused("half a surrogate pair is not text", mark=start)
                self._add(ScalarNode(start, end, event.value, event.style is None), anchor=event.anchor)
            case "SequenceStartEvent" | "MappingStartEvent":
                self._refuse_tag(event, start=start)
                if len(self.stack) >= MAX_DEPTH:
                    raise YamlRefused(f"nested deeper than {MAX_DEPTH} levels", mark=start)
                self.stack.append(_Open(start, type(event).__name__ == "MappingStartEvent", event.anchor))
            case "SequenceEndEvent" | "MappingEndEvent":
                self._close(end)
            case "AliasEvent":
                self._repeat(event.anchor, start=start)

    def _begin_document(self, event: Any, *, start: Mark) -> None:
        self.documents += 1
        if self.documents > 1:
            raise YamlRefused("a second YAML document starts here", mark=start, hint="one manifest a file")
        if event.version is not None and tuple(event.version) != (1, 2):
            raise YamlRefused("a manifest is YAML 1.2", mark=Mark(1, 1), hint="remove the %YAML line")

    def _refuse_tag(self, event: Any, *, start: Mark) -> None:
        if event.tag is not None:
            raise YamlRefused(
                "a value that starts with ! is a YAML tag, which a manifest has no use for",
                mark=start,
                hint="a text that starts with ! must be quoted",
            )

    def _close(self, end: Mark) -> None:
        opened = self.stack.pop()
        size = 1 + sum(child.size for child in opened.children)
        if not opened.is_mapping:
            self._add(ListNode(opened.start, end, tuple(opened.children), size), anchor=opened.anchor)
            return
        entries: list[tuple[ScalarNode, Node]] = []
        for key, value in zip(opened.children[::2], opened.children[1::2], strict=True):
            if not isinstance(key, ScalarNode):
                raise YamlRefused(
                    "a key must be a single value, not a list or mapping",
                    mark=key.start,
                    hint="a text that starts with { or [ must be quoted",
                )
            entries.append((key, value))
        self._add(MappingNode(opened.start, end, tuple(entries), size), anchor=opened.anchor)

    def _repeat(self, anchor: str, *, start: Mark) -> None:
        if anchor not in self.anchors:
            raise YamlRefused(
                "* repeats a value by its name, and no value above has this name",
                mark=start,
                hint="a text that starts with * must be quoted",
            )
        node = self.anchors[anchor]
        self.aliased += node.size
        if self.aliased > MAX_ALIASED_NODES:
            raise YamlRefused(f"aliases repeat more than {MAX_ALIASED_NODES:,} values", mark=start)
        self._add(node, anchor=None)

    def _add(self, node: Node, *, anchor: str | None) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise YamlRefused(f"more than {MAX_NODES:,} values", mark=node.start)
        if anchor is not None:
            self.anchors[anchor] = node
        if self.stack:
            self.stack[-1].children.append(node)
        else:
            self.document = node
