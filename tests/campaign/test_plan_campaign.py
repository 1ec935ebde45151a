"""Every request of a plan, disturbed in every way: the plan is right, or it is refused and there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign.disturbances import EVERYTHING, IN_LISTINGS, Disturbance, numbers_for
from campaign.runs import cases
from campaign.stage import Stage
from campaign.tally import Tally
from campaign.verdicts import losses
from fakes.s3server import Fault, FaultKind
from fakes.torture import TORTURE

HONEST = [disturbance for disturbance in (*EVERYTHING, *IN_LISTINGS) if not disturbance.spoils_content]


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("engine", "disturbance", "turn"), cases(HONEST), indirect=["engine"])
def test_a_plan_is_right_or_there_is_none(
    stage: Stage, disturbance: Disturbance, turn: int, tally: Tally, tmp_path: Path
) -> None:
    numbers = numbers_for(disturbance, stage.planning, turn=turn, most=None if TORTURE else 3)
    stage.set_up()
    stage.forget_capabilities(forget=True)
    for number in numbers:
        where = f"{disturbance.name} at request {number} ({stage.planning[number - 1]})"
        folder = tmp_path / str(number)
        folder.mkdir()
        output = folder / "job.s3plan"
        stage.disturb(disturbance.at(number, stage.planning))
        ended = stage.plan(output)
        hits = sum(stage.place.server.fired())
        stage.calm()
        tally.note(faults=hits, runs=1)
        left = sorted(path.name for path in folder.iterdir())
        if ended.exit_code:
            tally.take(where, [f"refused, and {left} is there"] if left else [])
            tally.take(where, [] if ended.words else ["refused without a word"])
            tally.take(where, [] if disturbance.ends != {0} or _is_of_listing(disturbance) else [ended.words])
        elif stage.read_actions(output) != stage.actions:
            tally.take(where, [f"another plan than without: {stage.read_actions(output)}"])
        tally.take(where, losses(stage, stage.world()))
    assert not stage.writes(), "planning writes nothing"
    tally.assert_nothing_wrong()


def _is_of_listing(disturbance: Disturbance) -> bool:
    return disturbance in IN_LISTINGS


@pytest.mark.sampled(1)
@pytest.mark.parametrize("engine", ["native", "boto3"], indirect=True)
@pytest.mark.parametrize("bucket", ["source", "destination"])
def test_a_flipped_bit_in_a_listing_loses_nothing(stage: Stage, bucket: str, tally: Tally, tmp_path: Path) -> None:
    """One that leaves the page well-formed cannot be seen; the pins bound what a plan of it can do."""
    pages = 6 if bucket == "source" else 4
    for seed in range(300 if TORTURE else 8):
        where = f"bit {seed} of page {seed % pages + 1} of the {bucket}"
        stage.set_up()
        stage.forget_capabilities(forget=False)
        rule = Fault(
            kind=FaultKind.FLIPPED_BIT, operation="ListObjectsV2", bucket=bucket, after=seed % pages, seed=seed
        )
        stage.disturb(rule)
        plan = tmp_path / f"{bucket}-{seed}.s3plan"
        planned = stage.plan(plan)
        tally.note(faults=sum(stage.place.server.fired()), runs=1)
        stage.calm()
        if planned.exit_code == 0:
            ended = stage.apply(plan)
            tally.take(where, [] if ended.exit_code in {0, 3} else [f"{ended.exit_code}: {ended.words}"])
            tally.take(where, losses(stage, stage.world(), writes=stage.written_by(plan)))
        again = tmp_path / f"{bucket}-{seed}-again.s3plan"
        last = stage.apply(again) if stage.plan(again).exit_code == 0 else None
        tally.take(where, [] if last is not None and last.exit_code == 0 else ["a new plan does not end right"])
        tally.take(where, [] if stage.world().contents == stage.wanted else ["the end is not as wanted"])
    tally.assert_nothing_wrong()
