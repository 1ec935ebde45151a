from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from fakes.plan_parts import PlanInMemory
from hypothesis import given
from hypothesis import strategies as st
from s3plan.planner.batches import BATCH_ACTIONS, ActionSpool, Batcher, PhaseNumbers
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.rows import Batch, PhaseName

LARGE = 1000


def copy(number: int, *, size: int = 1) -> Action:
    return Action(ActionKind.COPY, f"{number:09}".encode(), size, "new", source_pin="e", source_mtime_ms=1)


class SizesOnly(PlanInMemory):
    """Keeps no actions: for plans that are large."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def add_batch(
        self, *, phase: int, from_location: int | None, to_location: int | None, actions: Sequence[Action]
    ) -> Batch:
        self.sizes.append(len(actions))
        return Batch(len(self.sizes), phase, from_location, to_location, 1, len(actions), 0, b"")


def batcher(plan: PlanInMemory) -> Batcher:
    return Batcher(plan, numbers=PhaseNumbers(plan), job="job", source=1, destination=2, large_bytes=LARGE)


def sizes(plan: PlanInMemory) -> list[int]:
    return [batch.actions for batch, _ in plan.batches]


def test_copies_come_in_batches_of_a_thousand_in_key_order() -> None:
    plan = PlanInMemory()
    under_test = batcher(plan)
    copies = [copy(number) for number in range(2500)]
    for action in copies:
        under_test.add_copy(action)
    under_test.end_copies()
    assert sizes(plan) == [1000, 1000, 500]
    assert plan.actions() == copies
    assert {(batch.from_location, batch.to_location) for batch, _ in plan.batches} == {(1, 2)}


def test_batches_are_ten_times_larger_after_the_first_thousand() -> None:
    plan = SizesOnly()
    under_test = batcher(plan)
    action = copy(1)
    for _ in range(1000 * 1000 + 10_001):
        under_test.add_copy(action)
    under_test.end_copies()
    assert plan.sizes == [1000] * 1000 + [10_000, 1]


def test_a_large_object_is_a_batch_of_its_own() -> None:
    plan = PlanInMemory()
    under_test = batcher(plan)
    for number, size in enumerate([1, 999, 1000, 1, 5000, 5000]):
        under_test.add_copy(copy(number, size=size))
    under_test.end_copies()
    assert [[action.size_bytes for action in actions] for _, actions in plan.batches] == [
        [1, 999],
        [1000],
        [1],
        [5000],
        [5000],
    ]
    assert [action.key for action in plan.actions()] == sorted(action.key for action in plan.actions())


@pytest.mark.parametrize(
    "phases", [[], ["copy"], ["delete"], ["aside"], ["copy", "delete"], ["copy", "delete", "aside"]]
)
def test_a_phase_is_there_if_it_has_batches_and_the_preparation_always(phases: list[str]) -> None:
    plan = PlanInMemory()
    under_test = batcher(plan)
    if "copy" in phases:
        under_test.add_copy(copy(1))
    under_test.end_copies()
    for phase in (PhaseName.DELETE, PhaseName.ASIDE):
        under_test.add_all(phase, [copy(2)] if phase.value in phases else [])
    assert plan.phase_names() == ["prepare", *phases]
    assert list(plan.phases) == list(range(1, len(phases) + 2))


def test_the_phases_of_several_jobs_are_numbered_together() -> None:
    plan = PlanInMemory()
    numbers = PhaseNumbers(plan)
    for job in ("one", "two"):
        under_test = Batcher(plan, numbers=numbers, job=job, source=1, destination=2, large_bytes=LARGE)
        under_test.add_copy(copy(1))
        under_test.end_copies()
    assert [(phase.job, phase.name.value) for phase in plan.phases.values()] == [
        ("one", "prepare"),
        ("one", "copy"),
        ("two", "prepare"),
        ("two", "copy"),
    ]


def test_a_delete_batch_has_no_source() -> None:
    plan = PlanInMemory()
    batcher(plan).add_all(PhaseName.DELETE, [copy(number) for number in range(1001)])
    assert [(batch.from_location, batch.to_location) for batch, _ in plan.batches] == [(None, 2), (None, 2)]


actions = st.builds(
    Action,
    kind=st.sampled_from(ActionKind),
    key=st.binary(max_size=8),
    size_bytes=st.integers(0, 2**63 - 1),
    reason=st.text(max_size=5),
    source_pin=st.none() | st.text(max_size=3),
    source_mtime_ms=st.none() | st.integers(-(2**62), 2**62),
    destination_pin=st.none() | st.text(max_size=3),
)


@given(st.lists(actions, max_size=5), st.sampled_from([1, 333, 1000]))
def test_a_spool_gives_back_what_was_put_in(some: list[Action], times: int) -> None:
    with ActionSpool(folder=None) as spool:
        for action in some * times:
            spool.add(action)
        assert spool.actions == len(some) * times
        back = list(spool.read())
    assert back == some * times
    assert all(type(action) is Action and type(action.kind) is ActionKind for action in back)


def test_a_spool_leaves_nothing_behind(tmp_path: Path) -> None:
    with ActionSpool(folder=tmp_path) as spool:
        for number in range(BATCH_ACTIONS):
            spool.add(copy(number))
        assert list(tmp_path.iterdir()) == []
    del spool
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_spool_that_cannot_be_kept_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(S3PlanError, match="make room"):
        ActionSpool(folder=tmp_path / "missing")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_a_full_disk_is_an_error_of_ours() -> None:
    with ActionSpool(folder=None) as spool:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, spool._file.fileno())
        os.close(full)
        for number in range(BATCH_ACTIONS - 1):
            spool.add(copy(number))
        with pytest.raises(S3PlanError, match="No space left"):
            spool.add(copy(BATCH_ACTIONS))
        os.dup2(os.open(os.devnull, os.O_RDWR), spool._file.fileno())
