"""What a plan adds up to: totals by kind and rule, and the largest prefixes of each kind, in flat memory."""

from __future__ import annotations

import heapq
from collections import defaultdict

from s3plan.schemas.plan.actions import Verdict, VerdictKind
from s3plan.schemas.plan.header import PrefixRecord, TotalRecord
from s3plan.schemas.printable import escape_unprintable

PREFIXES_SHOWN = 20
_FOLDERS_DEEP = 3
_KIND_ORDER = {kind: position for position, kind in enumerate(VerdictKind)}


class Totals:
    """Objects and bytes by kind and rule."""

    def __init__(self) -> None:
        self._sums: dict[tuple[VerdictKind, str], tuple[int, int]] = {}

    def count(self, verdict: Verdict, objects: int, size_bytes: int) -> None:
        """Add what a verdict holds for."""
        at = (verdict.kind, verdict.rule)
        counted, counted_bytes = self._sums.get(at, (0, 0))
        self._sums[at] = (counted + objects, counted_bytes + size_bytes)

    def take_back(self, verdict: Verdict, size_bytes: int) -> None:
        """Count one object less: another verdict holds for it."""
        self.count(verdict, -1, -size_bytes)
        if not self._sums[verdict.kind, verdict.rule][0]:
            del self._sums[verdict.kind, verdict.rule]

    def objects(self, kind: VerdictKind) -> int:
        """Return how many objects have verdicts of one kind."""
        return sum(objects for (of_kind, _), (objects, _) in self._sums.items() if of_kind is kind)

    def bytes(self, kind: VerdictKind) -> int:
        """Return how many bytes have verdicts of one kind."""
        return sum(size_bytes for (of_kind, _), (_, size_bytes) in self._sums.items() if of_kind is kind)

    def objects_by_rules(self, rules: frozenset[str]) -> int:
        """Return how many objects have verdicts by any of these rules."""
        return sum(objects for (_, rule), (objects, _) in self._sums.items() if rule in rules)

    def records(self) -> tuple[TotalRecord, ...]:
        """Return the totals, by kind in VerdictKind's order, the largest first, then by rule."""
        records = [
            TotalRecord(kind=kind, rule=rule, objects=objects, bytes=size_bytes)
            for (kind, rule), (objects, size_bytes) in self._sums.items()
        ]
        return tuple(sorted(records, key=lambda total: (_KIND_ORDER[total.kind], -total.objects, total.rule)))


class LargestPrefixes:
    """The folders that hold most of the objects of one kind, of which the keys come in order.

    Folders are counted at three depths at once, and shown at the first depth where there is more than one: a plan whose
    keys all begin with `2024/01/` shows the days. Where folders of `a/` are shown, `a/*` is what lies in `a/` itself.
    """

    def __init__(self) -> None:
        self._open = [_Folder("", 0)]  # the folders of the last key, outermost first; nothing of them comes after them
        self._names: list[bytes] = []
        self._depths = [_Largest() for _ in range(_FOLDERS_DEEP)]

    def add(self, key: bytes, size_bytes: int) -> None:
        """Count one object; its key comes after all before it."""
        names = key.split(b"/", _FOLDERS_DEEP)[:-1]
        if names != self._names:
            self._enter(names)
        folder = self._open[-1]
        folder.own_objects += 1
        folder.own_bytes += size_bytes

    def records(self, kind: VerdictKind) -> tuple[PrefixRecord, ...]:
        """Return the largest, and one record for all others; to be called once, at the end."""
        self._enter([])
        self._close()
        shown = next((depth for depth in self._depths if depth.prefixes > 1), self._depths[-1])
        return shown.records(kind)

    def _enter(self, names: list[bytes]) -> None:
        shared = 0
        while shared < min(len(names), len(self._names)) and names[shared] == self._names[shared]:
            shared += 1
        while len(self._open) > shared + 1:
            self._close()
        for depth, name in enumerate(names[shared:], start=shared + 1):
            self._open.append(_Folder(f"{self._open[-1].prefix}{name.decode(errors='backslashreplace')}/", depth))
        self._names = names

    def _close(self) -> None:
        folder = self._open.pop()
        objects, size_bytes = folder.own_objects + folder.inner_objects, folder.own_bytes + folder.inner_bytes
        if folder.depth:
            self._depths[folder.depth - 1].add(folder.prefix, objects, size_bytes)
            outer = self._open[-1]
            outer.inner_objects += objects
            outer.inner_bytes += size_bytes
        if folder.own_objects:
            own_prefix = folder.prefix if folder.prefix and not folder.inner_objects else f"{folder.prefix}*"
            for deeper in self._depths[folder.depth :]:
                deeper.add(own_prefix, folder.own_objects, folder.own_bytes)


class _Folder:
    """One folder while its keys pass by."""

    __slots__ = ("depth", "inner_bytes", "inner_objects", "own_bytes", "own_objects", "prefix")

    def __init__(self, prefix: str, depth: int) -> None:
        self.prefix = prefix
        self.depth = depth
        self.own_objects = self.own_bytes = 0  # directly in it
        self.inner_objects = self.inner_bytes = 0  # in its folders


class _Largest:
    """The largest of any number of prefixes, and the sum of the others."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str]] = []
        self.prefixes = 0
        self._objects = 0
        self._bytes = 0

    def add(self, prefix: str, objects: int, size_bytes: int) -> None:
        self.prefixes += 1
        self._objects += objects
        self._bytes += size_bytes
        push = heapq.heappush if len(self._heap) < PREFIXES_SHOWN else heapq.heappushpop
        push(self._heap, (objects, size_bytes, prefix))

    def records(self, kind: VerdictKind) -> tuple[PrefixRecord, ...]:
        kept = sorted(self._heap, key=lambda entry: (-entry[0], -entry[1], entry[2]))
        rows = [(escape_unprintable(prefix), objects, size_bytes) for objects, size_bytes, prefix in kept]
        others = self.prefixes - len(rows)
        if others:
            rest = (self._objects - sum(row[1] for row in rows), self._bytes - sum(row[2] for row in rows))
            rows.append((f"({others} more prefixes)" if others > 1 else "(1 more prefix)", *rest))
        return tuple(
            PrefixRecord(kind=kind, prefix=prefix, objects=objects, bytes=size_bytes)
            for prefix, objects, size_bytes in rows
        )


class PrefixTotals:
    """The largest prefixes of every kind that a plan has lines for."""

    def __init__(self) -> None:
        self._by_kind: dict[VerdictKind, LargestPrefixes] = defaultdict(LargestPrefixes)

    def add(self, kind: VerdictKind, key: bytes, size_bytes: int) -> None:
        """Count one object; keys of one kind come in order."""
        self._by_kind[kind].add(key, size_bytes)

    def records(self) -> tuple[PrefixRecord, ...]:
        """Return the prefixes of all kinds, in VerdictKind's order; to be called once, at the end."""
        kinds = sorted(self._by_kind, key=_KIND_ORDER.__getitem__)
        return tuple(record for kind in kinds for record in self._by_kind[kind].records(kind))
