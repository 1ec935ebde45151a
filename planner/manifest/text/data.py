"""The nodes of a manifest as plain data for the model, and the way back from a path of keys to a place in the text."""

from __future__ import annotations

from dataclasses import dataclass, field

from s3plan.planner.manifest.text.yaml_document import ListNode, MappingNode, Mark, Node, ScalarNode
from s3plan.schemas.manifest.rules.findings import Finding, KeyPath
from s3plan.schemas.manifest.values import Plain

Data = dict[str, object]


@dataclass(frozen=True, slots=True)
class Placed:
    """A finding with its place, and its path as far as it was written out."""

    finding: Finding
    mark: Mark
    path: KeyPath
    is_repeat: bool = False


@dataclass(slots=True)
class DataReader:
    """Turns nodes into dicts, lists and text, without `x-*` keys, and notes what no manifest may hold.

    Of a key that is written twice the first one counts; an entry without a value, or with a variable, is left out.
    """

    placed: list[Placed] = field(default_factory=list)

    def mapping(self, node: MappingNode, path: KeyPath = ()) -> Data:
        """Return the mapping's entries."""
        data: Data = {}
        first_line: dict[str, int] = {}
        for key, value in node.entries:
            if key.text.startswith("x-") and not _has_names(path):
                continue
            here = (*path, key.text)
            if key.text in first_line:
                finding = Finding(here, f"is written twice; the first is in line {first_line[key.text]}", at="key")
                self.placed.append(Placed(finding, key.start, here, is_repeat=True))
                continue
            first_line[key.text] = key.start.line
            if not self._is_refused(value, here, at=key.start):
                data[key.text] = self._value(value, here)
        return data

    def _value(self, node: Node, path: KeyPath) -> object:
        match node:
            case ScalarNode():
                return Plain(node.text) if node.plain else node.text
            case ListNode():
                return [
                    self._value(item, (*path, index))
                    for index, item in enumerate(node.items)
                    if self._is_item(item, (*path, index))
                ]
            case MappingNode():
                return self.mapping(node, path)

    def _is_item(self, node: Node, path: KeyPath) -> bool:
        return not self._is_refused(node, path, at=node.start)

    def _is_refused(self, node: Node, path: KeyPath, *, at: Mark) -> bool:
        if not isinstance(node, ScalarNode):
            return False
        if node.is_null:
            self.placed.append(Placed(Finding(path, "has no value", "write one, or remove the line"), at, path))
            return True
        if "${" in node.text:
            said = "variables are not there yet, so no value may hold ${"
            finding = Finding(path, said, hides_value=True)  # of an unknown key, maybe
            self.placed.append(Placed(finding, node.start, path))
            return True
        return False


def _has_names(path: KeyPath) -> bool:
    """Whether the keys there are names that a manifest gives: of jobs, and of what new objects carry."""
    return path == ("jobs",) or (path[-1:] == ("set",) and _has_names(path[:-1])) or path[-2:] in _NAMES


_NAMES = (("destination", "metadata"), ("destination", "tags"))


def locate(root: MappingNode, finding: Finding) -> Placed:
    """Return the finding with the place that its path leads to.

    Where the path leads on beyond what was written (a shorthand, a missing key), the place is the last thing that was.
    """
    node: Node = root
    mark = root.start
    written: list[str | int] = []
    for part in finding.path:
        if isinstance(node, MappingNode) and (entry := node.get(str(part))) is not None:
            mark = entry[0].start if finding.at == "key" else _start(entry)
            node = entry[1]
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            mark = node.start
        elif isinstance(node, MappingNode):
            return Placed(finding, mark, finding.path)
        else:
            break
        written.append(part)
    return Placed(finding, mark, tuple(written))


def _start(entry: tuple[ScalarNode, Node]) -> Mark:
    """Return where a value is shown: itself, or its key when it is a block of lines below it."""
    key, value = entry
    return value.start if value.start.line == key.start.line else key.start


def without(data: Data, path: KeyPath) -> Data:
    """Return the data without the last entry along the path that there is; lists go as a whole."""
    if not path or not isinstance(path[0], str) or path[0] not in data:
        return data
    key, value = path[0], data[path[0]]
    inner = without(value, path[1:]) if isinstance(value, dict) else value
    rest = {name: item for name, item in data.items() if name != key}
    return rest if inner is value else rest | {key: inner}
