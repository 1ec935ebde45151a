"""A file system that keeps nothing but what it was told to: what stands in a tree when the power fails at any moment.

Built from what a process asked of it, see disk_shim: bytes, names, times and syncs, in their order. What was synced is
certain. Of all else, one file system keeps names and drops bytes, another one keeps neither.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from fakes.disk_shim import Change


class Kept(Enum):
    """What a file system keeps of what no sync was asked for."""

    NOTHING = "nothing"
    NAMES = "names"  # in their order: as journals of file systems keep them, before the bytes come
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Standing:
    """One file or directory after a power cut; `content` is None for a directory."""

    content: bytes | None
    mtime_ns: int | None


Tree = dict[str, Standing]
"""What stands under each path."""


@dataclass(slots=True, eq=False)
class _Node:
    """One file, whatever its name, or a directory."""

    is_directory: bool
    content: bytearray = field(default_factory=bytearray)
    mtime_ns: int | None = None
    certain: Standing = field(default_factory=lambda: Standing(b"", None))

    @property
    def now(self) -> Standing:
        return Standing(None if self.is_directory else bytes(self.content), self.mtime_ns)


class UnsyncedDisk:
    """Follows changes below a folder, from the tree that stands there at first and is certain."""

    def __init__(self, folder: Path) -> None:
        self._names: dict[str, _Node] = {}
        for path in folder.rglob("*"):
            status = path.lstat()
            content = bytearray() if path.is_dir() else bytearray(path.read_bytes())
            node = _Node(path.is_dir(), content, status.st_mtime_ns)
            node.certain = node.now
            self._names[str(path)] = node
        self._certain = dict(self._names)

    def take(self, change: Change) -> None:
        """Follow the next change."""
        path, names = change.path, self._names
        match change.kind:
            case "c" | "k":
                names[path] = _Node(change.kind == "k")
                if change.kind == "k":
                    names[path].certain = Standing(None, None)
            case "w" | "t" | "a":
                _write(names[path].content, change)
            case "e":
                names[path].mtime_ns = change.offset
            case "u" | "b":
                del names[path]
            case "r":
                names[change.data.decode()] = names.pop(path)
            case "x":
                other = change.data.decode()
                names[path], names[other] = names[other], names[path]
            case "l":
                names[change.data.decode()] = names[path]
            case "f":
                self._sync_all()
            case "s":
                self._sync(path)

    def _sync_all(self) -> None:
        for node in self._names.values():
            node.certain = node.now
        self._certain = dict(self._names)

    def _sync(self, path: str) -> None:
        """Sync one file, or the names in one directory."""
        node = self._names.get(path)
        if node is not None and not node.is_directory:
            node.certain = node.now
            return
        kept = {name: node for name, node in self._certain.items() if str(Path(name).parent) != path}
        found = {name: node for name, node in self._names.items() if str(Path(name).parent) == path}
        self._certain = kept | found

    def after_a_cut(self, kept: Kept) -> Tree:
        """Return what stands there if the power fails now."""
        names = self._certain if kept is Kept.NOTHING else self._names
        return {name: node.now if kept is Kept.ALL else node.certain for name, node in names.items()}


def _write(content: bytearray, change: Change) -> None:
    if change.kind == "t":
        del content[change.offset :]
    end = change.offset if change.kind in "ta" else change.offset + len(change.data)
    content += bytes(max(0, end - len(content)))
    if change.kind == "w":
        content[change.offset : end] = change.data


def lay_out(folder: Path, tree: Tree) -> None:
    """Have nothing but this tree below a folder; directories that are of it stay the ones they are."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if not path.is_dir():
            path.unlink()
        elif str(path) not in tree:
            path.rmdir()
    for name, standing in sorted(tree.items()):
        path = Path(name)
        if standing.content is None:
            path.mkdir(mode=0o700, exist_ok=True)
            continue
        path.touch(mode=0o600)
        path.write_bytes(standing.content)
        if standing.mtime_ns is not None:
            os.utime(path, ns=(standing.mtime_ns, standing.mtime_ns))
