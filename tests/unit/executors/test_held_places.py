"""A run between several stores of which one has gone away: what asks it waits, everything else goes on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.scheduled import PlanInPhases, RunWorld, ScriptedPerformer, StepExecutor
from s3plan.schemas.events import Advanced, Warned
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind
from s3plan.schemas.plan.places import place_of
from s3plan.schemas.plan.rows import Batch, PlanLocation
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.run_states import RunState, StopReason, Wish
from s3plan.schemas.tasks import BatchProgress
from unit.planfile.plan_samples import DESTINATION, SOURCE

OTHER = replace(DESTINATION, id=3, connection="", endpoint="https://other.example.com")
HERE, THERE, FROM = place_of(DESTINATION), place_of(OTHER), place_of(SOURCE)
DOWN = Outcome(0, OutcomeKind.UNKNOWN, "no answer", failure=FailureKind.UNREACHABLE, side=Side.DESTINATION)
DONE = Outcome(0, OutcomeKind.DONE)


class ToTwoStores(PlanInPhases):
    """Batches of three copies each: those whose keys begin with `t` go to another store than the others."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(copies=[[f"{word}{number}" for number in range(3)] for word in words])
        ways = zip(self.batches, words, strict=True)
        self.batches = tuple(replace(batch, to_location=3 if word.startswith("t") else 2) for batch, word in ways)

    def destination(self, batch: Batch) -> PlanLocation | None:
        return OTHER if batch.to_location == 3 else DESTINATION

    @property
    def keys(self) -> list[str]:
        return [action.key.decode() for batch in self.batches for action in self.actions(batch)]


def keys_there(plan: ToTwoStores) -> list[str]:
    return [key for key in plan.keys if key.startswith("t")]


def a_world(folder: Path, words: Sequence[str], *, tries_down: int = 0) -> tuple[RunWorld, ToTwoStores]:
    plan = ToTwoStores(words)
    script = {key: [DOWN] * tries_down + [DONE] for key in keys_there(plan)}
    return RunWorld(folder, plan, ScriptedPerformer(script)), plan


def warnings(world: RunWorld) -> list[str]:
    return [event.message for event in world.events if isinstance(event, Warned)]


def test_while_one_store_is_away_the_batches_of_the_others_go_on(tmp_path: Path) -> None:
    world, plan = a_world(tmp_path, ["t0", "t1", "t2", "t3", "h0", "h1", "h2", "t4", "h3"], tries_down=2)
    world.down = {THERE}
    ended_before: list[str] = []

    def prepare(world: RunWorld, executor: StepExecutor) -> None:
        def look() -> Sequence[BatchProgress]:
            if world.clock() - began_s > 300 and world.down:
                ended_before.extend(world.performer.ended[:])
                world.down.clear()
            return ()

        executor.before_wait = look

    began_s = world.clock()
    end = world.run(prepare=prepare, retries=2)
    assert end.state is RunState.COMPLETED
    assert {key for key in plan.keys if key.startswith("h")} <= set(ended_before)
    assert max(world.performer.tries.values()) <= 4, "an outage costs none of an action's tries, nor is one begun"
    first, last = warnings(world)[:2]
    assert first == "the store at https://other.example.com does not answer: what asks it waits, the rest goes on"
    assert last.startswith("the store at https://other.example.com answers again, after 3")


def test_the_run_gives_up_only_when_nothing_else_can_go_on(tmp_path: Path) -> None:
    words = [*(f"t{number}" for number in range(6)), *(f"h{number}" for number in range(30))]
    world, plan = a_world(tmp_path, words, tries_down=99)
    world.down = {THERE}

    def prepare(world: RunWorld, executor: StepExecutor) -> None:
        def look() -> Sequence[BatchProgress]:
            world.clock.advance(100)
            return ()

        executor.before_wait = look

    end = world.run(prepare=prepare, slots=1)
    assert (end.state, end.stop_reason) == (RunState.FAILED, StopReason.OUTAGE)
    assert not end.counts.get(OutcomeKind.FAILED)
    assert end.counts[OutcomeKind.DONE] == 90
    assert end.remaining == len(keys_there(plan))
    world.down.clear()
    world.performer.script = {}
    assert world.run().state is RunState.COMPLETED


def test_a_store_that_comes_back_while_others_are_at_work_is_asked_again_at_once(tmp_path: Path) -> None:
    words = [*(f"t{number}" for number in range(4)), *(f"h{number}" for number in range(300))]
    world, plan = a_world(tmp_path, words, tries_down=3)
    world.down = {THERE}
    left_here: list[int] = []

    def prepare(world: RunWorld, executor: StepExecutor) -> None:
        def look() -> Sequence[BatchProgress]:
            world.clock.advance(1)
            if world.clock() - began_s > 100:
                world.down.clear()
            if set(keys_there(plan)) <= {key for key, kind in ends(world).items() if kind is OutcomeKind.DONE}:
                left_here.append(sum(kind is None for kind in ends(world).values()))
            return ()

        executor.before_wait = look

    began_s = world.clock()
    assert world.run(prepare=prepare).state is RunState.COMPLETED
    assert left_here[0] > 100


def ends(world: RunWorld) -> dict[str, OutcomeKind | None]:
    return {
        action.key.decode(): state.end_of(position)
        for state in world.states.values()
        for position, action in enumerate(world.plan.actions(state.batch))
    }


def test_a_source_that_does_not_answer_is_told_by_its_place_and_holds_what_reads_it(tmp_path: Path) -> None:
    world, plan = a_world(tmp_path, ["h0", "h1", "h2", "h3", "h4"])
    from_source = DOWN._replace(side=Side.SOURCE)
    world.performer.script = {key: [from_source, from_source, DONE] for key in plan.keys}
    world.down = {FROM}
    asked: list[int] = []

    def prepare(world: RunWorld, executor: StepExecutor) -> None:
        def look() -> Sequence[BatchProgress]:
            asked.append(len(world.performer.attempts))
            if len(asked) == 400:
                world.down.clear()
            return ()

        executor.before_wait = look

    assert world.run(prepare=prepare, retries=2).state is RunState.COMPLETED
    assert len(set(asked[50:390])) == 1, "nothing is begun while it is away"
    assert warnings(world)[0] == "the store does not answer: nothing more is sent until it does"


def test_rates_say_nothing_only_while_all_that_is_left_is_held(tmp_path: Path) -> None:
    words = [*(f"t{number}" for number in range(6)), *(f"h{number}" for number in range(20))]
    world, _ = a_world(tmp_path, words, tries_down=3)
    world.down = {THERE}

    def prepare(world: RunWorld, executor: StepExecutor) -> None:
        def look() -> Sequence[BatchProgress]:
            world.clock.advance(1)
            if world.clock() - began_s > 200:
                world.down.clear()
            return ()

        executor.before_wait = look

    began_s = world.clock()
    assert world.run(prepare=prepare).state is RunState.COMPLETED
    held = [event.held for event in world.events if isinstance(event, Advanced)]
    assert not any(held[:15]), "others are at work"
    assert any(held[30:])
    assert not held[-1]


def test_a_batch_is_begun_by_the_clock_of_the_store_that_it_writes_to(tmp_path: Path) -> None:
    """What was written since is taken for its work: by another store's clock that might be somebody else's."""
    world, _ = a_world(tmp_path, ["t0", "h0"])
    world.offsets_ms = {OTHER.id: 3_600_000}
    assert world.run(slots=1).state is RunState.COMPLETED
    there, here = sorted(world.performer.attempts, key=lambda attempt: attempt.keys[0], reverse=True)
    assert there.keys[0].startswith("t")
    assert 3_590_000 < there.begun_at_ms - here.begun_at_ms < 3_610_000


def test_a_pause_during_an_outage_holds_everything_and_a_cancel_ends_it(tmp_path: Path) -> None:
    world, _ = a_world(tmp_path, [*(f"t{number}" for number in range(6)), *(f"h{number}" for number in range(20))])
    world.performer.script = {key: [DOWN] * 9 for key in keys_there(ToTwoStores([f"t{n}" for n in range(6)]))}
    world.down = {THERE}
    ended: list[int] = []

    def prepare(world: RunWorld, executor: StepExecutor) -> None:
        count = 0

        def look() -> Sequence[BatchProgress]:
            nonlocal count
            count += 1
            world.wish = Wish.GO_ON if count < 10 else Wish.PAUSE if count < 60 else Wish.CANCEL
            if 15 < count < 60:
                assert not executor.running
                ended.append(len(world.performer.ended))
            return ()

        executor.before_wait = look

    end = world.run(prepare=prepare)
    assert (end.state, end.stop_reason) == (RunState.CANCELLED, StopReason.CANCEL)
    assert len(set(ended)) == 1
    assert world.told_states[:1] == [RunState.PAUSED]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_goes_away_and_comes_back_each_action_is_done_once(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    plan = ToTwoStores([f"{chance.choice('th')}{number:02d}" for number in range(25)])
    sides = list(Side)
    script = {
        key: [DOWN._replace(side=chance.choice(sides)) for _ in range(chance.choice([0, 0, 1, 3]))] + [DONE]
        for key in plan.keys
    }
    world = RunWorld(tmp_path, plan, ScriptedPerformer(script))

    def prepare(world: RunWorld, executor: StepExecutor) -> None:
        def look() -> Sequence[BatchProgress]:
            world.clock.advance(chance.random())
            if chance.random() < 0.1:
                world.down = set() if world.down else {chance.choice([HERE, THERE, FROM])}
            return ()

        executor.before_wait = look

    assert world.run(prepare=prepare, retries=5, slots=chance.randint(1, 5)).state is RunState.COMPLETED
    assert {key: len(script[key]) for key in plan.keys} == dict(world.performer.tries)
