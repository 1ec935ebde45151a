"""Every request of a relay, at either store, disturbed: it ends right or says so, and the next apply ends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from campaign.disturbances import EVERYTHING, Disturbance
from campaign.relay_stage import SIDES, RelayStage
from campaign.runs import ENGINES, cases, disturb_each_request, kill_at_each_request
from campaign.small_stages import SmallStages
from campaign.tally import Tally
from fakes.relay_place import RelayPlace
from fakes.s3server import ServerProcess

BOTH_SIDES = pytest.mark.parametrize("side", SIDES)


@pytest.fixture
def relay_stage(engine: str, small_stages: SmallStages, monkeypatch: pytest.MonkeyPatch) -> RelayStage:
    """The stage of one engine."""

    def place_in(folder: Path, new_server: Callable[[], ServerProcess]) -> RelayPlace:
        return RelayPlace(folder, new_server(), engine, origin=new_server())

    return small_stages.stage(f"{engine}-relay", monkeypatch, place_in, RelayStage)


@pytest.mark.sampled(8)
@pytest.mark.parametrize(("engine", "disturbance", "turn"), cases(EVERYTHING), indirect=["engine"])
@BOTH_SIDES
def test_objects_arrive_whole_or_the_run_says_so(
    relay_stage: RelayStage, side: str, disturbance: Disturbance, turn: int, tally: Tally
) -> None:
    disturb_each_request(relay_stage, side, disturbance, turn, tally)
    tally.assert_nothing_wrong()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("after_commit", [False, True], ids=["before", "after"])
@BOTH_SIDES
def test_a_relay_that_is_killed_at_a_request_goes_on(
    relay_stage: RelayStage, side: str, after_commit: bool, tally: Tally
) -> None:
    kill_at_each_request(relay_stage, side, tally, after_commit=after_commit)
    tally.assert_nothing_wrong()
