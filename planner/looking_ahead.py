"""Questions about pairs are asked ahead of the comparison, many at a time, and what comes of them stays in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future

from s3plan.planner.asked_ahead import in_order
from s3plan.planner.diff import Pair
from s3plan.planner.file_comparison import FilePolicy
from s3plan.planner.filtering.filters import AttributeFilter
from s3plan.schemas.files.pairs import PairFound, Question
from s3plan.schemas.objects import ObjectRow, oddity_of
from s3plan.schemas.plan.actions import Verdict

Ask = Callable[[Question], Future[PairFound]]
"""Begins to find out; raises nothing. What the future raises ends the comparison."""

_MOST_QUESTIONS = 64

_Judged = tuple[tuple[Pair, Verdict | Question | None], Future[PairFound] | None]


class LookingAhead:
    """Judges the pairs of one job: `pairs` yields them, `verdict` is the policy of the one that was yielded last."""

    def __init__(self, policy: FilePolicy, ask: Ask, *, objection: AttributeFilter | None) -> None:
        """`objection`: nothing is asked about what a filter leaves out."""
        self._policy = policy
        self._ask = ask
        self._objection = objection
        self._now: Verdict | None = None

    def pairs(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        """Yield the same pairs in the same order; some are held back meanwhile."""
        for (pair, judged), found in in_order(map(self._judged, pairs), most_questions=_MOST_QUESTIONS):
            if isinstance(judged, Question):
                assert found is not None  # noqa: S101  every question is answered
                self._now = self._policy.conclude(judged, found)
            else:
                self._now = judged
            yield pair

    def verdict(self, source: ObjectRow, destination: ObjectRow) -> Verdict:  # noqa: ARG002
        """Return what was found of the pair that was yielded last; both sides have its key."""
        assert self._now is not None  # noqa: S101  such a pair was judged
        return self._now

    def _judged(self, pair: Pair) -> _Judged:
        source, destination = pair
        if source is None or destination is None:
            return (pair, None), None
        if not (source[2] and destination[2]) and (_is_odd(source) or _is_odd(destination)):
            return (pair, None), None
        if self._objection is not None and self._objection(source) is not None:
            return (pair, None), None
        decided = self._policy.decide(source, destination)
        if isinstance(decided, Verdict):
            return (pair, decided), None
        return (pair, decided), self._ask(decided)


def _is_odd(row: ObjectRow) -> bool:
    return not row.etag and oddity_of(row) is not None
