"""Room for bytes on their way: no more is taken than there is, and all of it comes back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import Thread
from time import sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.storage.folder.memory_budget import MemoryBudget


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=40))
def test_buffers_never_take_more_than_there_is_and_all_of_it_comes_back(steps: list[tuple[int, bool]]) -> None:
    budget = MemoryBudget(20)
    held: list[memoryview] = []
    for size_bytes, lets_go in steps:
        if lets_go and held:
            part = held.pop(0)[:3]  # whoever has a part has all of it
            taken = sum(map(len, held))
            del part
        taken = sum(map(len, held))
        buffer = budget.buffer(size_bytes)
        assert (buffer is not None) is (taken + size_bytes <= 20)
        if buffer is not None:
            assert bytes(buffer) == bytes(size_bytes)
            held.append(buffer)
        del buffer
    held.clear()
    assert budget.buffer(20) is not None


def test_a_view_of_a_part_keeps_the_room_of_all() -> None:
    budget = MemoryBudget(20)
    buffer = budget.buffer(20)
    assert buffer is not None
    part = buffer[:1]
    del buffer
    assert budget.buffer(1) is None
    del part
    assert budget.buffer(20) is not None


def test_who_asks_for_a_buffer_does_not_wait_behind_those_who_do() -> None:
    budget = MemoryBudget(20)
    buffer = budget.buffer(15)
    waiting = Thread(target=lambda: budget.take(10), daemon=True)
    waiting.start()
    sleep(0.05)
    assert budget.buffer(1) is None
    del buffer
    waiting.join(timeout=10)
    assert not waiting.is_alive()
    assert budget.buffer(11) is None
    assert budget.buffer(10) is not None


@pytest.mark.parametrize("take", [MemoryBudget.buffer, MemoryBudget.wait_for_buffer])
def test_room_that_the_machine_does_not_have_is_given_back(take: Callable[[MemoryBudget, int], object]) -> None:
    budget = MemoryBudget(sys.maxsize)
    with pytest.raises(MemoryError):
        take(budget, sys.maxsize - 1)
    assert budget.buffer(20) is not None
