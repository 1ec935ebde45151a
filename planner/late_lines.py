"""Lines of a plan that come after its writes: deletes, and what is planned and never performed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from heapq import merge
from pathlib import Path
from types import TracebackType
from typing import Self

from s3plan.planner.batches import ActionSpool
from s3plan.planner.store_limits import StoreLimits
from s3plan.planner.totals import PrefixTotals, Totals
from s3plan.schemas.plan.actions import Action, ActionKind, Verdict, VerdictKind

_VERDICTS = {
    ActionKind.DELETE: VerdictKind.DELETE,
    ActionKind.SKIP: VerdictKind.SKIPPED,
    ActionKind.CONFLICT: VerdictKind.CONFLICT,
}


class LateLines:
    """Keeps them on disk until all pairs have passed; a context that lets go of the files.

    Not till then is it known of every delete that its object is not what a key of the source names, spelt otherwise:
    one that is becomes a line aside, and `totals`, which counted a delete, is put right.
    """

    def __init__(
        self, limits: StoreLimits | None, *, totals: Totals, prefixes: PrefixTotals, folder: Path | None
    ) -> None:
        """Keep them in `folder`, or where temporary files go; raises S3PlanError."""
        self.kept_deletes = 0
        self._limits = limits
        self._totals = totals
        self._prefixes = prefixes
        with ExitStack() as stack:
            self._deletes, self._aside, self._spared = (
                stack.enter_context(ActionSpool(folder=folder)) for _ in range(3)
            )
            self._files = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def add(self, action: Action) -> None:
        """Take a delete, a skip or a conflict; in key order. Raises S3PlanError if the disk is full."""
        if action.kind is ActionKind.DELETE:
            self.kept_deletes += 1
            self._deletes.add(action)
        else:
            self._aside.add(action)

    def deletes(self) -> Iterator[Action]:
        """Yield the deletes that are to be, in order, once."""
        for action in self._deletes.read():
            spared = None if self._limits is None else self._limits.spares_after_all(action.key)
            if spared is None:
                self._count(action)
                yield action
                continue
            self.kept_deletes -= 1
            self._totals.take_back(Verdict(VerdictKind.DELETE, action.reason, action.reason), action.size_bytes)
            self._totals.count(spared, 1, action.size_bytes)
            self._spared.add(action._replace(kind=ActionKind.SKIP, reason=spared.reason))

    def aside(self) -> Iterator[Action]:
        """Yield what is never performed, in order, once; after all deletes have been read."""
        for action in merge(self._aside.read(), self._spared.read(), key=lambda each: each.key):
            self._count(action)
            yield action

    def _count(self, action: Action) -> None:
        self._prefixes.add(_VERDICTS[action.kind], action.key, action.size_bytes)
