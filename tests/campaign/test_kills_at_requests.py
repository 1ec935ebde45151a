"""SIGKILL while one request is under way, before the store has acted or after it: the next apply ends right."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign.runs import ENGINES, kill_when_held
from campaign.stage import Stage
from campaign.tally import Tally
from campaign.verdicts import losses, shortcomings
from fakes.s3server import Fault, FaultKind
from fakes.torture import TORTURE

_SHARE = 8  # of the requests, in the short version


def points(requests: int, *, first: int) -> range:
    return range(1, requests + 1) if TORTURE else range(1 + first % _SHARE, requests + 1, _SHARE)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("after_commit", [False, True], ids=["before", "after"])
def test_an_apply_killed_at_a_request_goes_on(stage: Stage, engine: str, after_commit: bool, tally: Tally) -> None:
    for number in points(len(stage.applying), first=2 + 4 * after_commit + 3 * (engine == "boto3")):
        where = f"killed at request {number} ({stage.applying[number - 1]})"
        stage.set_up()
        stage.forget_capabilities(forget=False)
        plan = stage.fresh_plan()
        fault = Fault(kind=FaultKind.STALL, after=number - 1, after_commit=after_commit)
        stage.disturb(fault)
        kill_when_held(stage, "apply", plan, "--yes")
        tally.note(faults=1, runs=2)
        tally.take(where, losses(stage, stage.world()))
        tally.take(f"{where}, resumed", shortcomings(stage, stage.apply(plan), stage.world()))
    tally.assert_nothing_wrong()


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_plan_killed_at_a_request_leaves_none(stage: Stage, engine: str, tally: Tally, tmp_path: Path) -> None:
    for number in points(len(stage.planning), first=1 + 4 * (engine == "boto3")):
        where = f"killed at request {number} ({stage.planning[number - 1]})"
        stage.set_up()
        folder = tmp_path / str(number)
        folder.mkdir()
        output = folder / "job.s3plan"
        stage.disturb(Fault(kind=FaultKind.STALL, after=number - 1))
        kill_when_held(stage, "plan", stage.place.folder / "job.yaml", "-o", output)
        tally.note(faults=1, runs=2)
        tally.take(where, ["there is a plan"] if output.exists() else [])
        tally.take(where, losses(stage, stage.world()))
        assert stage.plan(output).exit_code == 0
        tally.take(where, [] if stage.read_actions(output) == stage.actions else ["the next plan is another one"])
        left = sorted(path.name for path in folder.iterdir() if path != output)
        tally.take(where, [f"dead files are left: {left}"] if left else [])
    tally.assert_nothing_wrong()
