"""Questions are asked ahead of the comparison, and nothing changes but how long it takes."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.planner.diff import Pair, pair_up
from s3plan.planner.file_comparison import FilePolicy
from s3plan.planner.looking_ahead import LookingAhead
from s3plan.schemas.files.pairs import PairFound, Question, Recalled
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.manifest.words import Overwrite
from s3plan.schemas.objects import ObjectRow, Oddity, odd_row
from s3plan.schemas.plan.actions import ActionKind, VerdictKind

SAME, OTHER = "0" * 32, "f" * 32


class NothingKnown:
    def recall(self, file: ObjectRow, there: ObjectRow) -> Recalled:
        return Recalled.NOTHING

    def learn(self, file: ObjectRow, there: ObjectRow, *, keeps_other_time: bool = False) -> None:
        """Forget it."""


class Asked:
    """Answers as late as it can: the oldest question when the 64th is asked, all when the pairs are at their end."""

    def __init__(self) -> None:
        self.open: list[tuple[Question, Future[PairFound]]] = []
        self.keys: list[bytes] = []
        self.most = 0

    def ask(self, question: Question) -> Future[PairFound]:
        future: Future[PairFound] = Future()
        self.keys.append(question.file.key)
        self.open.append((question, future))
        self.most = max(self.most, len(self.open))
        if len(self.open) >= 64:
            self.answer(1)
        return future

    def answer(self, most: int = 1 << 30) -> None:
        answered, self.open = self.open[:most], self.open[most:]
        for question, future in answered:
            future.set_result(PairFound(is_same=question.there.etag == SAME, by="MD5"))


def a_file(key: bytes, size: int = 1) -> ObjectRow:
    return ObjectRow(key, size, str(Stamp(size, 5, 5, 5)), 0)


def ahead_of(asked: Asked, filtered: frozenset[bytes] = frozenset()) -> LookingAhead:
    policy = FilePolicy(ActionKind.UPLOAD, Overwrite.IF_DIFFERENT, (), store_ahead_ms=0, known=NothingKnown())
    return LookingAhead(policy, asked.ask, objection=lambda row: "filtered" if row.key in filtered else None)


Kind = st.sampled_from(["same", "other", "grown", "new", "gone", "odd", "filtered"])


@given(st.lists(Kind, max_size=300))
def test_every_pair_comes_once_in_order_with_its_own_verdict(kinds: list[str]) -> None:
    left, right, filtered = [], [], set()
    for at, kind in enumerate(kinds):
        key = b"%05d" % at
        if kind != "gone":
            left.append(odd_row(key, Oddity.LINK) if kind == "odd" else a_file(key, 2 if kind == "grown" else 1))
        if kind != "new":
            right.append(ObjectRow(key, 1, OTHER if kind == "other" else SAME, 0))
        if kind == "filtered":
            filtered.add(key)
    asked = Asked()
    ahead = ahead_of(asked, frozenset(filtered))
    expected: list[Pair] = list(pair_up(iter(left), iter(right)))

    def pairs() -> object:
        yield from expected
        asked.answer()

    seen = []
    for pair in ahead.pairs(pairs()):  # type: ignore[arg-type]
        seen.append(pair)
        kind = kinds[int((pair[0] or pair[1] or a_file(b"")).key)]
        if kind in {"same", "other", "grown"}:
            assert pair[0] is not None
            assert pair[1] is not None
            verdict = ahead.verdict(pair[0], pair[1])
            assert (verdict.kind is VerdictKind.UNCHANGED) is (kind == "same")
    assert seen == expected
    assert asked.keys == [b"%05d" % at for at, kind in enumerate(kinds) if kind in {"same", "other"}]
    assert asked.most <= 64


def test_what_cannot_be_found_out_ends_the_comparison() -> None:
    def ask(_: Question) -> Future[PairFound]:
        future: Future[PairFound] = Future()
        future.set_exception(LookupError("the store is gone"))
        return future

    policy = FilePolicy(ActionKind.UPLOAD, Overwrite.IF_DIFFERENT, (), store_ahead_ms=0, known=NothingKnown())
    pairs: list[Pair] = [(a_file(b"k"), ObjectRow(b"k", 1, SAME, 0))]
    with pytest.raises(LookupError, match="the store is gone"):
        list(LookingAhead(policy, ask, objection=None).pairs(pairs))
