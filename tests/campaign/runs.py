"""A disturbed run, the undisturbed one after it, and what is wrong with either."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep

import pytest
from _pytest.mark.structures import ParameterSet
from campaign.disturbances import Disturbance
from campaign.folder_stage import FolderStage
from campaign.stage import Stage
from campaign.tally import Tally
from campaign.verdicts import misjudged_conditions, shortcomings, untruths
from fakes.s3server import Fault
from fakes.torture import TORTURE

ENGINES = ("native", "boto3")
_PATIENCE_S = 30.0


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
    hits = sum(stage.place.server.fired())
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


def kill_at(stage: Stage | FolderStage, fault: Fault, *words: str | Path) -> None:
    """Run a command until this fault holds one of its requests, and kill it there."""
    stage.disturb(fault)
    with stage.place.command.start(*words) as started:
        until_s = monotonic() + _PATIENCE_S
        while not any(stage.place.server.fired()):
            assert monotonic() < until_s, "it never came to that request"
            assert started.is_running, started.wait().output
            sleep(0.01)
        stage.told.append(started.kill().output)
    stage.calm()
