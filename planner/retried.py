"""A plan about a part of an older one's keys: what it must keep in mind of the older one's copies, for its deletes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from s3plan.planner.comparison import SAME_ETAG, Policy
from s3plan.planner.diff import OnVerdict, Pair, Rules, diff
from s3plan.schemas.evidence.ladder import PROOFS
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import Action, Verdict, VerdictKind
from s3plan.schemas.plan.header import KeyListRecord
from s3plan.schemas.plan.header_parts import RetriedRecord

# A copy is, or will be, as it was planned. A conflict holds the deletes back by itself.
_ANSWERED = frozenset(
    {VerdictKind.COPY, VerdictKind.OVERWRITE, VerdictKind.SAME, VerdictKind.UNCHANGED, VerdictKind.CONFLICT}
)
_NO_FAILURES = "no-failures"
_PROVED = frozenset({SAME_ETAG.rule, *(f"same {by}" for by in PROOFS)})
"""The rules of verdicts that rest on the bytes."""
_NOTHING_TO_WRITE = frozenset({VerdictKind.UNCHANGED, VerdictKind.SAME})
_UNVERIFIED = Verdict(VerdictKind.OVERWRITE, *["its verification failed"] * 2)


@dataclass(frozen=True, slots=True)
class RetriedPlan:
    """What is known of the plan that is retried, and the keys of its copies that are not as planned: they are due.

    So are its `conflicts`: objects of the source that it could not write. `unverified` are those of the due ones that
    failed by their verification. `key_list` is what it said of its own.
    """

    known: RetriedRecord
    due: frozenset[bytes]
    conflicts: frozenset[bytes] = frozenset()
    unverified: frozenset[bytes] = frozenset()
    key_list: KeyListRecord | None = None


class DueCopies:
    """Looks, while a retry is planned, for a write of each key that is due: deletes wait for every one of them.

    A copy whose source is gone, or that a filter, a storage class or the policy leaves out by now, is lost: nobody can
    say any more that what it should have made is there, perhaps under another name. Under `when: no-failures` one that
    is gone is no more than stale.
    """

    def __init__(self, retried: RetriedPlan, *, delete_when: str | None) -> None:
        self._retried = retried
        self._passes_gone = delete_when == _NO_FAILURES
        self._open = set(retried.due | retried.conflicts)

    def lines(self, pairs: Iterable[Pair], *, rules: Rules, on_verdict: OnVerdict) -> Iterator[tuple[Verdict, Action]]:
        """Yield what `diff` yields, and note what becomes of each key that is due."""
        present: set[bytes] = set()
        unverified = replace(rules, policy=_writes_unless_proved(rules.policy))
        for pair in pairs:
            source = pair[0]
            kinds: list[VerdictKind] = []

            def note(verdict: Verdict, objects: int, size_bytes: int, kinds: list[VerdictKind] = kinds) -> None:
                kinds.append(verdict.kind)
                on_verdict(verdict, objects, size_bytes)

            failed = source is not None and source.key in self._retried.unverified
            yield from diff((pair,), rules=unverified if failed else rules, on_verdict=note)
            if source is not None:
                present.add(source.key)
                if _ANSWERED.issuperset(kinds):
                    self._open.discard(source.key)
        if self._passes_gone:
            self._open -= self._retried.due - present

    def record(self) -> RetriedRecord:
        """Return what the plan keeps of it, once the lines have been read."""
        known = self._retried.known
        first = known.first_lost
        if first is None and self._open:
            first = min(self._open).decode("utf-8", "backslashreplace")
        return known.model_copy(
            update={"lost_copies": known.lost_copies + len(self._open), "first_lost": first},
        )


def _writes_unless_proved(policy: Policy) -> Policy:
    """Return the policy for keys that were written, and whose bytes were found to be others, or not known.

    Sizes and times, by which one would call them the same, are those of that very write.
    """

    def judge(source: ObjectRow, destination: ObjectRow) -> Verdict:
        found = policy(source, destination)
        stays = found.kind not in _NOTHING_TO_WRITE or found.rule in _PROVED
        return found if stays else _UNVERIFIED

    return judge
