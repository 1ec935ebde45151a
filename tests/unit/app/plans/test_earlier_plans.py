"""What a new plan does with the plan that was there, and with the journal of its run."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from fakes.memory_world import SOURCE, MemoryWorld, Stored
from fakes.typed_command import Desk, desk
from s3plan.app.plans.earlier_plans import earlier_plans
from s3plan.app.runs.status import iter_failures, read_earlier
from s3plan.planfile.reader import open_plan

__all__ = ["desk"]


class Killed(BaseException):
    """The process is gone."""


def id_of(plan: Path) -> str:
    with open_plan(plan) as opened:
        return opened.plan_id


def a_stale_run(world: MemoryWorld, key: str = "a", **sections: object) -> str:
    """Plan and apply; `key` is stale then. Returns the plan's id."""
    world.manifest(**sections)
    world.put(SOURCE, {key: Stored(b"1" + os.urandom(4)), "b": Stored(b"2")})
    world.plan()
    world.put(SOURCE, {key: Stored(os.urandom(6))})
    assert world.apply().exit_code == 3
    return id_of(world.plan_file)


def files(world: MemoryWorld) -> list[str]:
    return sorted(str(path.relative_to(world.folder / ".s3plan")) for path in world.plan_file.parent.rglob("*.s3*"))


def test_a_new_plan_keeps_the_journal_of_the_last_run_and_commands_can_name_it(desk: Desk) -> None:
    world = desk.world
    number = a_stale_run(world)
    assert desk.run("plan", "job.yaml").exit_code == 0
    assert f"earlier/job.{number}.s3run" in files(world)
    assert "job.s3run" not in files(world)

    said = desk.run("status")
    assert "not applied yet" in said.stdout
    assert f"{number}  partial" in said.stdout
    assert f"s3plan failures {number}" in said.stdout
    document = desk.run("status", "--json").events[0]
    assert [(plan["state"], plan["digest"][:8]) for plan in document["earlier"]] == [("partial", number)]

    assert "stale    copy    a" in desk.run("failures", number).stdout
    assert "partial" in desk.run("status", number, "--json").events[0]["state"]
    retry = desk.run("retry", number)
    assert retry.exit_code == 0, retry.output
    assert "Plan: 1 to copy" in retry.stdout
    assert "job.retry-1.s3plan" in files(world)


def test_failures_of_an_earlier_plan_may_be_named_by_its_path_too(desk: Desk) -> None:
    number = a_stale_run(desk.world)
    desk.world.plan()
    assert "1 stale" in desk.run("failures", f".s3plan/earlier/job.{number}.s3plan").stdout


def test_an_id_that_no_plan_has_is_refused(desk: Desk) -> None:
    a_stale_run(desk.world)
    ended = desk.run("failures", "0123456789abcdef")
    assert ended.exit_code == 4
    assert "there is no plan 0123456789abcdef here" in ended.stderr


def test_the_last_plans_are_kept_and_older_ones_go(desk: Desk) -> None:
    world = desk.world
    numbers = [a_stale_run(world, f"k{turn}") for turn in range(4)]
    desk.run("plan", "job.yaml", "--keep", "2")
    assert [plan.digest[:8] for plan in read_earlier(world.plan_file)] == numbers[:1:-1]
    assert len([name for name in files(world) if name.startswith("earlier/")]) == 4
    a_stale_run(world)
    desk.run("plan", "job.yaml", "--keep", "0")
    assert files(world) == ["job.s3plan", "job.s3run.lock"]


def test_a_plan_that_was_never_applied_is_replaced_without_a_trace(desk: Desk) -> None:
    world = desk.world
    world.manifest()
    world.put(SOURCE, {"a": Stored(b"1")})
    world.plan()
    world.plan()
    assert files(world) == ["job.s3plan"]


def test_a_run_that_was_refused_before_it_began_is_no_unfinished_one(desk: Desk) -> None:
    world = desk.world
    world.manifest()
    world.put(SOURCE, {"a": Stored(b"1")})
    world.plan()
    world.store.buckets.pop("right")
    assert desk.run("apply", "--yes").exit_code != 0
    world.store.create_bucket("right")
    assert desk.run("plan", "job.yaml").exit_code == 0
    assert not earlier_plans(world.plan_file)


def test_retries_that_have_ended_go_with_the_plan_that_they_retried(desk: Desk) -> None:
    world = desk.world
    first = a_stale_run(world)
    desk.run("retry")
    retry = world.plan_file.with_name("job.retry-1.s3plan")
    second = id_of(retry)
    assert desk.run("apply", "--yes").exit_code == 0
    desk.run("retry", world.plan_file)  # one that is not applied stays
    desk.run("plan", "job.yaml")
    found = files(world)
    assert {f"earlier/job.{first}.s3plan", f"earlier/job.retry-1.{second}.s3plan"} <= set(found)
    assert "job.retry-1.s3plan" not in found
    assert "job.retry-2.s3plan" in found
    assert [plan.digest[:8] for plan in read_earlier(world.plan_file)] == [second, first]


def test_a_plan_beside_the_manifest_has_its_earlier_ones_in_the_usual_folder(desk: Desk) -> None:
    world = desk.world
    world.manifest()
    for body in (b"1", b"22"):
        world.put(SOURCE, {"a": Stored(body)})
        assert desk.run("plan", "job.yaml", "-o", "job.s3plan").exit_code == 0
        assert desk.run("apply", "--yes", "job.s3plan").exit_code == 0
    (place,) = earlier_plans(Path("job.s3plan"))
    assert place.parent == Path(".s3plan/earlier")
    assert "completed" in desk.run("status", "job.s3plan").stdout


def dying_at(patch: pytest.MonkeyPatch, number: int) -> list[str]:
    """Let the process die before its `number`-th change to a name, from 1."""
    done: list[str] = []

    def counted(name: str) -> Callable[..., object]:
        real = getattr(Path, name)

        def act(path: Path, *words: object, **more: object) -> object:
            done.append(f"{name} {path.name}")
            if len(done) == number:
                raise Killed
            return real(path, *words, **more)

        return act

    for name in ("replace", "unlink", "rename"):
        patch.setattr(Path, name, counted(name))
    return done


@pytest.mark.sampled(5)
@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("number", range(1, 9))
def test_wherever_the_planner_is_killed_the_journal_is_with_its_plan_after_the_next_one(
    desk: Desk, number: int, keep: int
) -> None:
    world = desk.world
    first = a_stale_run(world)
    with pytest.MonkeyPatch.context() as patch:
        dying_at(patch, number)
        with suppress(Killed):
            desk.world.plan()
    assert not world.plan_file.exists() or not world.journal.exists() or id_of(world.plan_file) == first
    if world.plan_file.exists() and id_of(world.plan_file) == first:
        assert world.journal.exists()  # a plan in its place is never without its journal
    assert desk.run("plan", "job.yaml", "--keep", str(keep)).exit_code == 0
    assert desk.run("status").exit_code == 0
    assert not world.journal.exists()
    kept = [plan for plan in earlier_plans(world.plan_file) if id_of(plan) == first]
    assert len(kept) == keep
    for plan in kept:
        assert [line.outcome.value for line in iter_failures(plan)] == ["stale"]
    assert desk.run("apply", "--yes").exit_code == 0
