"""Questions are asked well ahead of where their answers are needed, many at a time; what comes of them is in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_MOST_ITEMS = 10_000


def in_order(
    asked: Iterable[tuple[Item, Future[Answer] | None]], *, most_questions: int
) -> Iterator[tuple[Item, Answer | None]]:
    """Yield each item with the answer to its question, None where there was none to ask.

    Items are taken ahead while at most `most_questions` wait for their answers, and up to some thousands in all, so
    that memory stays flat. Raises what an answer's future raises.
    """
    ahead: deque[tuple[Item, Future[Answer] | None]] = deque()
    questions = 0
    for item, answer in asked:
        if answer is None and not ahead:  # as nearly all are
            yield item, None
            continue
        ahead.append((item, answer))
        questions += answer is not None
        while ahead and (ahead[0][1] is None or len(ahead) > _MOST_ITEMS or questions >= most_questions):
            first, awaited = ahead.popleft()
            questions -= awaited is not None
            yield first, None if awaited is None else awaited.result()
    for item, answer in ahead:
        yield item, None if answer is None else answer.result()
