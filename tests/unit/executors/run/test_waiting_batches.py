"""In which order batches are started: as they come among those that ask the same places, turn about among others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from s3plan.executors.run.waiting_batches import Places, WaitingBatches
from s3plan.schemas.plan.places import Place

SLOW, FAST, BOTH = (
    frozenset({Place("slow", None, None)}),
    frozenset({Place("fast", None, None)}),
    frozenset({Place("slow", None, None), Place("fast", None, None)}),
)
WAYS = (SLOW, FAST, BOTH)


def places_of(batch: int) -> Places:
    return WAYS[batch % 3]


def nothing_is_held(places: Places) -> bool:
    return False


def filled(*batches: int) -> WaitingBatches:
    waiting = WaitingBatches(places_of)
    for batch in batches:
        waiting.append((batch, None))
    return waiting


def taken(waiting: WaitingBatches, *running: int, now_s: float = 0.0) -> int | None:
    found = waiting.take(now_s, running=running, is_held=nothing_is_held)
    return None if found is None else found[0]


def test_what_is_prepended_comes_before_all_others_also_of_other_places() -> None:
    waiting = filled(1, 3, 4)
    waiting.prepend((6, None))
    waiting.prepend((9, None))
    waiting.prepend((2, None))
    assert [taken(waiting) for _ in range(6)] == [2, 9, 6, 3, 1, 4]


@given(batches=st.lists(st.integers(0, 60), unique=True), slots=st.integers(1, 5))
def test_every_batch_comes_out_once_and_in_order_among_those_that_ask_the_same(batches: list[int], slots: int) -> None:
    waiting = filled(*batches)
    running: list[int] = []
    order: list[int] = []
    while (batch := taken(waiting, *running)) is not None:
        order.append(batch)
        running = [*running, batch][-slots:]
    assert sorted(order) == sorted(batches)
    assert not waiting
    for way in range(3):
        assert [batch for batch in order if batch % 3 == way] == [batch for batch in batches if batch % 3 == way]


def test_a_free_slot_is_for_those_of_which_the_fewest_are_under_way() -> None:
    waiting = filled(0, 3, 6, 9, 1, 4)
    assert taken(waiting) == 0
    assert taken(waiting, 0) == 1
    assert taken(waiting, 0, 1) == 3
    assert taken(waiting, 0, 3) == 4, "the slow ones keep no slot that a fast one has left"
    assert taken(waiting, 0, 3, 4) == 6


def test_what_is_held_is_passed_over_and_keeps_its_turn() -> None:
    waiting = filled(0, 3, 1)
    held = {SLOW}
    assert waiting.take(0.0, running=(), is_held=held.__contains__) == (1, None)
    assert waiting.take(0.0, running=(), is_held=held.__contains__) is None
    assert waiting
    assert not waiting.has_free(held.__contains__)
    assert [taken(waiting), taken(waiting), taken(waiting)] == [0, 3, None]


def test_what_is_tried_again_comes_when_it_is_due_and_then_before_what_was_not_tried_yet() -> None:
    waiting = filled(3)
    waiting.delay(5.0, 0, [1, 2])
    assert (waiting.next_due_s, waiting.retrying(nothing_is_held)) == (5.0, 2)
    waiting.append((6, None))
    assert waiting.take(4.9, running=(), is_held=nothing_is_held) == (3, None)
    assert waiting.take(5.0, running=(), is_held=nothing_is_held) == (0, [1, 2])
    assert (waiting.next_due_s, waiting.retrying(nothing_is_held)) == (None, 0)


def test_what_is_to_be_tried_again_later_is_left_to_do() -> None:
    waiting = WaitingBatches(places_of)
    waiting.delay(5.0, 0, [1])
    assert waiting
    assert waiting.has_free(nothing_is_held)
    assert not waiting.has_free({SLOW}.__contains__)
    assert taken(waiting) is None
