"""Every request of an apply, disturbed in every way: it ends right or says the truth, and the next apply ends right."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from campaign.disturbances import EVERYTHING, PASSING, Disturbance, numbers_for
from campaign.runs import cases, disturb_and_resume
from campaign.stage import Stage
from campaign.tally import Tally
from fakes.s3server import Fault, FaultKind
from fakes.torture import TORTURE

PREPARING = 2  # requests of an apply before it probes: the buckets are looked for
# A probe sends nothing twice that may have been executed, so that what these do to it cannot be.
_OF_REPEATED_WRITES = {"412 after a write", "409 after", "no such upload after a complete", "slow down after"}
WHILE_PROBING = [disturbance for disturbance in EVERYTHING if disturbance.name not in _OF_REPEATED_WRITES]


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("engine", "disturbance", "turn"), cases(EVERYTHING), indirect=["engine"])
def test_an_apply_ends_right_or_says_the_truth(stage: Stage, disturbance: Disturbance, turn: int, tally: Tally) -> None:
    numbers = numbers_for(disturbance, stage.applying, turn=turn, most=None if TORTURE else 2)
    assert numbers, "it makes sense for no request at all"
    for number in numbers:
        where = f"{disturbance.name} at request {number} ({stage.applying[number - 1]})"
        disturb_and_resume(stage, tally, where, [disturbance.at(number, stage.applying)], disturbance)
    assert tally.counts["faults"] >= len(numbers)
    tally.assert_nothing_wrong()


@pytest.mark.sampled(11)
@pytest.mark.parametrize(("engine", "disturbance", "turn"), cases(WHILE_PROBING), indirect=["engine"])
def test_so_does_an_apply_that_probes_its_store_first(
    stage: Stage, disturbance: Disturbance, turn: int, tally: Tally
) -> None:
    probing = stage.probing[: PREPARING + len(stage.probing) - len(stage.applying)]
    for number in numbers_for(disturbance, probing, turn=turn, most=None if TORTURE else 1):
        where = f"{disturbance.name} at request {number} ({probing[number - 1]}) with a probe"
        disturb_and_resume(stage, tally, where, [disturbance.at(number, probing)], disturbance, probes=True)
    tally.assert_nothing_wrong()


@pytest.mark.parametrize("engine", ["native", "boto3"], indirect=True)
def test_two_faults_one_soon_after_the_other_pass_as_well(stage: Stage, tally: Tally) -> None:
    """The second one often hits the look that the first one made necessary."""
    chance = random.Random(stage.place.engine)
    for _ in range(300 if TORTURE else 10):
        number = chance.randrange(PREPARING + 1, len(stage.applying) + 1)
        sensible = [one for one in PASSING if one.makes_sense_for(stage.applying[number - 1])]
        one = chance.choice(sensible)
        other = chance.choice([passing for passing in PASSING if not passing.only and not passing.never])
        gap = chance.randint(1, 3)
        where = f"{one.name} at request {number} ({stage.applying[number - 1]}), {other.name} {gap} after it"
        # The second rule does not count the request that the first one takes.
        faults = [one.at(number, stage.applying), replace(other.rule, after=number + gap - 2)]
        met = replace(one, spoils_content=one.spoils_content or other.spoils_content)
        disturb_and_resume(stage, tally, where, faults, met)
    tally.assert_nothing_wrong()


@pytest.mark.parametrize("engine", ["native", "boto3"], indirect=True)
def test_no_action_fails_in_a_short_storm(stage: Stage, tally: Tally) -> None:
    storm = Fault(kind=FaultKind.SLOW_DOWN, times=None, share=0.5, seed=5, lasts_s=20.0 if TORTURE else 2.0)
    met = Disturbance(name="storm", rule=storm)
    disturb_and_resume(stage, tally, "a storm that refuses half of the requests", [storm], met)
    assert tally.counts["faults"] > 5
    tally.assert_nothing_wrong()


@pytest.mark.parametrize("engine", ["native", "boto3"], indirect=True)
def test_a_store_that_refuses_everything_for_a_while_fails_no_action(stage: Stage, tally: Tally) -> None:
    for kind in (FaultKind.SLOW_DOWN, FaultKind.INTERNAL_ERROR, FaultKind.RESET):
        outage = Fault(kind=kind, times=None, after=10, lasts_s=1.0)
        disturb_and_resume(stage, tally, f"{kind} for a second", [outage], Disturbance(name=kind, rule=outage))
    tally.assert_nothing_wrong()
