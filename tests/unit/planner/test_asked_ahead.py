"""What is asked ahead comes back in order, with no more questions open than allowed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.planner.asked_ahead import in_order


class Asked:
    """Questions about numbers; the answer comes the moment that somebody waits for it."""

    def __init__(self, questions: list[bool]) -> None:
        self.questions = questions
        self.taken = self.open = self.most_open = 0

    def items(self) -> Iterator[tuple[int, Future[int] | None]]:
        for number, is_question in enumerate(self.questions):
            self.taken += 1
            yield number, self._ask(number) if is_question else None

    def _ask(self, number: int) -> Future[int]:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        return _Awaited(self, number)


class _Awaited(Future[int]):
    def __init__(self, asked: Asked, number: int) -> None:
        super().__init__()
        self.asked, self.number = asked, number

    def result(self, timeout: float | None = None) -> int:
        self.asked.open -= 1
        return -self.number


@given(questions=st.lists(st.booleans(), max_size=60), most=st.integers(1, 5))
def test_every_item_comes_in_order_with_its_own_answer(questions: list[bool], most: int) -> None:
    asked = Asked(questions)
    came = in_order(asked.items(), most_questions=most)
    assert list(came) == [(number, -number if is_question else None) for number, is_question in enumerate(questions)]
    assert asked.most_open <= most


def test_items_without_questions_are_not_held_back() -> None:
    asked = Asked([False] * 10)
    came = in_order(asked.items(), most_questions=1)
    for number in range(3):
        assert next(came) == (number, None)
        assert asked.taken == number + 1


def test_few_items_are_held_back_behind_one_question() -> None:
    asked = Asked([True] + [False] * 30_000)
    came = in_order(asked.items(), most_questions=2)
    assert next(came) == (0, 0)
    assert asked.taken <= 10_001


def test_an_answer_that_is_an_error_ends_it() -> None:
    refused: Future[int] = Future()
    refused.set_exception(OSError("no"))
    came = in_order([(0, refused)], most_questions=1)
    with pytest.raises(OSError, match="no"):
        next(came)
