"""Room for bytes on their way: no more is taken than there is, and all of it comes back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from mmap import mmap
from threading import Thread
from time import sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.storage.memory_budget import MemoryBudget


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


@pytest.mark.parametrize("take", [MemoryBudget.buffer, MemoryBudget.wait_for_buffer, MemoryBudget.wait_for_memory])
def test_room_that_the_machine_does_not_have_is_given_back(take: Callable[[MemoryBudget, int], object]) -> None:
    budget = MemoryBudget(sys.maxsize)
    with pytest.raises((MemoryError, OSError)):
        take(budget, sys.maxsize - 1)
    assert budget.buffer(20) is not None


def test_memory_that_was_given_back_is_used_again_and_goes_for_another_size() -> None:
    budget = MemoryBudget(20)
    memory = budget.wait_for_memory(12)
    memory[:] = b"another's..."
    budget.keep(memory)
    del memory
    memory = budget.wait_for_memory(12)
    assert memory[:] == b"another's..."  # no fresh page was asked for
    assert budget.buffer(9) is None
    budget.keep(memory)
    del memory
    assert budget.buffer(9) is not None
    assert len(budget.wait_for_memory(11)) == 11
    assert budget.buffer(10) is None


def test_memory_that_somebody_still_views_is_not_given_to_another() -> None:
    budget = MemoryBudget(20)
    memory = budget.wait_for_memory(12)
    view = memoryview(memory)[3:5]
    budget.keep(memory)
    del memory
    other = budget.wait_for_memory(12)
    other[:] = b"x" * 12
    assert bytes(view) == bytes(2)


def test_who_waits_for_memory_gets_what_is_kept_or_its_room() -> None:
    for size_bytes in (20, 5):
        budget = MemoryBudget(20)
        memory = budget.wait_for_memory(20)
        waiting = Thread(target=budget.wait_for_memory, args=(size_bytes,), daemon=True)
        waiting.start()
        sleep(0.05)
        assert waiting.is_alive()
        budget.keep(memory)
        waiting.join(timeout=10)
        assert not waiting.is_alive()


@given(st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.booleans()), max_size=40))
def test_memory_and_buffers_together_never_take_more_than_there_is(steps: list[tuple[int, bool, bool]]) -> None:
    budget = MemoryBudget(20)
    memories: list[mmap] = []
    buffers: list[memoryview] = []
    for size_bytes, is_buffer, lets_go in steps:
        if lets_go and memories:
            budget.keep(memories.pop(0))
        elif lets_go and buffers:
            del buffers[0]
        taken = sum(map(len, memories)) + sum(map(len, buffers))
        if is_buffer:
            buffer = budget.buffer(size_bytes)
            assert (buffer is not None) is (taken + size_bytes <= 20)
            buffers += [] if buffer is None else [buffer]
            del buffer
        elif taken + size_bytes <= 20:
            memories.append(budget.wait_for_memory(size_bytes))
    for memory in memories:
        budget.keep(memory)
    buffers.clear()
    assert budget.buffer(20) is not None
