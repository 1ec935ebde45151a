"""With which exit code `plan` and `retry` end."""

from __future__ import annotations

import pytest
from fakes.memory_world import SOURCE, Stored
from fakes.typed_command import Desk, desk

__all__ = ["desk"]
TOO_LONG = "k" * 1_021  # below a prefix of four bytes
DETAILED = "--detailed-exitcode"


@pytest.mark.parametrize("words", [[], [DETAILED]])
def test_a_plan_of_nothing_but_conflicts_is_no_success_as_applying_it_is_none(desk: Desk, words: list[str]) -> None:
    desk.world.manifest()
    desk.world.put(SOURCE, {TOO_LONG: Stored(b"x")})
    assert desk.run("plan", "job.yaml", *words).exit_code == 3
    assert desk.run("apply", "--yes").exit_code == 3


@pytest.mark.parametrize(("words", "exit_code"), [([], 0), ([DETAILED], 2)])
def test_conflicts_beside_actions_are_left_to_apply(desk: Desk, words: list[str], exit_code: int) -> None:
    desk.world.manifest()
    desk.world.put(SOURCE, {TOO_LONG: Stored(b"x"), "a": Stored(b"x")})
    assert desk.run("plan", "job.yaml", *words).exit_code == exit_code
    assert desk.run("apply", "--yes").exit_code == 3


def test_a_retry_that_finds_nothing_but_conflicts_says_so_too(desk: Desk) -> None:
    desk.world.manifest()
    desk.world.put(SOURCE, {TOO_LONG: Stored(b"x"), "a": Stored(b"x")})
    assert desk.run("plan", "job.yaml").exit_code == 0
    desk.world.put(SOURCE, {"a": Stored(b"xx")})
    assert desk.run("apply", "--yes").exit_code == 3
    desk.world.store.bucket("right").put("out/a", desk.world.store.bucket("left").objects["in/a"])
    assert desk.run("retry").exit_code == 3


@pytest.mark.parametrize("words", [[], [DETAILED]])
def test_where_all_is_as_planned_it_is_a_success(desk: Desk, words: list[str]) -> None:
    desk.world.manifest()
    desk.world.put(SOURCE, {})
    assert desk.run("plan", "job.yaml", *words).exit_code == 0
