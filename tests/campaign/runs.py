"""A disturbed run, the undisturbed one after it, and what is wrong with either."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

import pytest
from _pytest.mark.structures import ParameterSet
from campaign.disturbances import Disturbance, numbers_for
from campaign.repeated_plan import RepeatedPlan
from campaign.small_stage import SmallStage
from campaign.stage import Stage
from campaign.tally import Tally
from campaign.verdicts import misjudged_conditions, shortcomings, untruths
from fakes.s3server import Fault, FaultKind
from fakes.torture import TORTURE, in_short
from fakes.workplace import Workplace

ENGINES = ("native", "boto3")
_PATIENCE_S = 30.0

WorkplaceT = TypeVar("WorkplaceT", bound=Workplace)


def cases(disturbances: Sequence[Disturbance]) -> list[ParameterSet]:
    """Engine, disturbance and turn; in the short version the engines take turns."""
    return [
        pytest.param(engine, disturbance, turn, id=f"{engine}-{disturbance.name.replace(' ', '-')}")
        for turn, disturbance in enumerate(disturbances)
        for at, engine in enumerate(ENGINES)
        if TORTURE or turn % len(ENGINES) == at
    ]


def disturb_and_resume(
    stage: Stage, tally: Tally, where: str, faults: Sequence[Fault], met: Disturbance, *, probes: bool = False
) -> None:
    """One apply under these faults, then one in peace; `met` says how the first may end, `probes` whether it does."""
    stage.set_up()
    stage.forget_capabilities(forget=probes)
    plan = stage.fresh_plan()
    stage.disturb(*faults)
    ended = stage.apply(plan)
    hits = stage.hits()
    stage.calm()
    tally.note(faults=hits, runs=1)
    tally.take(where, [] if met.spoils_content else misjudged_conditions(stage))
    ends = met.ends if hits else frozenset({0})
    if probes:
        ends |= {0}  # it removes what it made by any way it can
    if ended.exit_code or 0 not in ends:
        tally.take(where, untruths(stage, ended, stage.world(), ends=ends))
        ended = stage.apply(plan)
        tally.note(faults=0, runs=1)
        where = f"{where}, resumed"
    tally.take(where, shortcomings(stage, ended, stage.world(), has_tags=not met.spoils_content))


def disturb_each_request(
    stage: SmallStage[WorkplaceT], side: str, disturbance: Disturbance, turn: int, tally: Tally
) -> None:
    """Disturb each request of a side that it makes sense for, in an apply of its own, and apply again in peace."""
    applying = stage.applying[side]
    for number in numbers_for(disturbance, applying, turn=turn, most=None if TORTURE else 2):
        where = f"{disturbance.name} at request {number} ({applying[number - 1]}) of the {side}"
        stage.set_up()
        plan = stage.fresh_plan()
        stage.disturb_side(side, disturbance.at(number, applying))
        ended = stage.apply(plan)
        hits = stage.hits()
        stage.calm()
        tally.note(faults=hits, runs=1)
        tally.take(where, stage.losses())
        if ended.exit_code not in (disturbance.ends if hits else {0}):
            tally.take(where, [f"it ended with {ended.exit_code}: {ended.words}"])
        if ended.exit_code:
            ended = stage.apply(plan)
            tally.note(faults=0, runs=1)
        tally.take(f"{where}, ended", stage.shortcomings(ended))


def kill_at_each_request(stage: SmallStage[WorkplaceT], side: str, tally: Tally, *, after_commit: bool) -> None:
    """Kill an apply at each request of a side, before or after it is executed, and apply again."""
    applying = stage.applying[side]
    for number in in_short(range(1, len(applying) + 1), at_most=4, turn=after_commit):
        where = f"killed at request {number} ({applying[number - 1]}) of the {side}"
        stage.set_up()
        plan = stage.fresh_plan()
        stage.disturb_side(side, Fault(kind=FaultKind.STALL, after=number - 1, after_commit=after_commit))
        kill_when_held(stage, "apply", plan, "--yes")
        tally.note(faults=1, runs=2)
        tally.take(where, stage.losses())
        tally.take(f"{where}, resumed", stage.shortcomings(stage.apply(plan)))


def kill_when_held(stage: RepeatedPlan[WorkplaceT], *words: str | Path) -> None:
    """Run a command until a fault holds one of its requests, and kill it there."""
    with stage.place.command.start(*words) as started:
        until_s = monotonic() + _PATIENCE_S
        while not stage.hits():
            assert monotonic() < until_s, "it never came to that request"
            assert started.is_running, started.wait().output
            sleep(0.01)
        stage.told.append(started.kill().output)
    stage.calm()
