"""What a disk may hold after the power failed: built from what a process asked of it, see disk_shim.

A change is certain once it was synced: of a file's bytes by a sync of the file, of a name by a sync of its folder.
Before that any of it may be missing: names from some moment on, as file systems keep the order of those; of a file's
writes any one, all after some moment, and the last one that arrived may be torn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fakes.disk_shim import Change

Files = dict[str, bytes]
"""A folder's files by name."""


@dataclass(slots=True)
class _File:
    """One file, whatever its name: what is certain of it, and what was asked for since."""

    certain: bytes = b""
    pending: list[Change] = field(default_factory=list)

    def contents(self, *, cut_step: int | None) -> Iterator[bytes]:
        """Yield what it may hold; first with all that was asked for, then with nothing of it that is not certain.

        The last write is cut at every `cut_step`th byte; None: at its ends and in the middle.
        """
        pending = self.pending
        yield _after(self.certain, pending)
        if not pending:
            return
        yield self.certain
        for number in range(len(pending)):
            yield _after(self.certain, pending[:number] + pending[number + 1 :])
            yield _after(self.certain, pending[number : number + 1])
            yield _after(self.certain, pending[:number])
        last = pending[-1]
        ends = sorted({1, len(last.data) // 2, len(last.data) - 1})
        cuts = ends if cut_step is None else range(1, len(last.data), cut_step)
        for cut in cuts:
            if 0 < cut < len(last.data):
                torn = Change(last.kind, last.path, last.offset, last.data[:cut])
                yield _after(self.certain, [*pending[:-1], torn])


@dataclass(slots=True)
class _Folder:
    """Names and the files behind them; `certain` are those that outlast a power failure."""

    names: dict[str, _File] = field(default_factory=dict)
    certain: dict[str, _File] = field(default_factory=dict)
    pending: list[dict[str, _File]] = field(default_factory=list)  # the names after each change since

    def take(self, change: Change, *, folder: str) -> None:
        name = Path(change.path).name
        if change.kind == "s" and change.path == folder:
            self.certain, self.pending = dict(self.names), []
        elif change.kind == "s":
            found = self.names[name]
            found.certain, found.pending = _after(found.certain, found.pending), []
        elif change.kind in "wt":
            self.names[name].pending.append(change)
        else:
            self._rename(change, name)

    def _rename(self, change: Change, name: str) -> None:
        if change.kind == "c":
            self.names[name] = _File()
        elif change.kind == "u":
            del self.names[name]
        else:
            self.names[Path(change.data.decode()).name] = self.names.pop(name)
        self.pending.append(dict(self.names))

    def images(self, *, cut_step: int | None) -> Iterator[Files]:
        """Yield what may be found: each possible set of names, with one file at a time in each of its states.

        The others are then as they were asked to be, or as they are for certain.
        """
        for names in [self.names, self.certain, *self.pending[:-1]]:
            whole = {name: next(found.contents(cut_step=None)) for name, found in names.items()}
            bare = {name: found.certain for name, found in names.items()}
            for others in (whole, bare):
                yield others
                for name, found in names.items():
                    for content in found.contents(cut_step=cut_step):
                        yield {**others, name: content}


def crash_images(
    changes: Sequence[Change], *, folder: Path, after: range | None = None, cut_step: int | None = None
) -> Iterator[tuple[int, int, Files]]:
    """Yield (number of the last change, number of the last mark, what the folder may hold), each content once.

    The folder was empty at first; only files that lie directly in it are followed. `after`: which changes may be the
    last ones; all of them unless given.
    """
    followed, mark = _Folder(), 0
    for number, change in enumerate(changes):
        if change.kind == "m":
            mark = change.offset
        else:
            followed.take(change, folder=str(folder))
        if after is not None and number not in after:
            continue
        told: set[tuple[tuple[str, bytes], ...]] = set()
        for image in followed.images(cut_step=cut_step):
            known = tuple(sorted(image.items()))
            if known not in told:
                told.add(known)
                yield number, mark, image


def _after(content: bytes, changes: Sequence[Change]) -> bytes:
    file = bytearray(content)
    for change in changes:
        if change.kind == "t":
            del file[change.offset :]
            file += bytes(change.offset - len(file))
        else:
            file += bytes(max(0, change.offset - len(file)))
            file[change.offset : change.offset + len(change.data)] = change.data
    return bytes(file)
