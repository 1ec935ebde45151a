"""Every request of an upload and of a download, disturbed: it ends right or says so, and the next apply ends it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from campaign.disturbances import EVERYTHING, Disturbance
from campaign.folder_stage import FolderStage
from campaign.runs import ENGINES, cases, disturb_each_request, kill_at_each_request
from campaign.small_stages import SmallStages
from campaign.tally import Tally
from fakes.relay_place import STORE
from fakes.s3server import ServerProcess
from fakes.workplace import Workplace

WAYS = pytest.mark.parametrize("way", ["up", "down"])


@pytest.fixture
def folder_stage(engine: str, way: str, small_stages: SmallStages, monkeypatch: pytest.MonkeyPatch) -> FolderStage:
    """The stage of one engine and way."""

    def place_in(folder: Path, new_server: Callable[[], ServerProcess]) -> Workplace:
        return Workplace(folder, new_server(), engine)

    stage_at = partial(FolderStage, goes_up=way == "up")
    return small_stages.stage(f"{engine}-{way}", monkeypatch, place_in, stage_at)


@pytest.mark.sampled(6)
@pytest.mark.parametrize(("engine", "disturbance", "turn"), cases(EVERYTHING), indirect=["engine"])
@WAYS
def test_a_folder_arrives_whole_or_the_run_says_so(
    folder_stage: FolderStage, disturbance: Disturbance, turn: int, tally: Tally
) -> None:
    disturb_each_request(folder_stage, STORE, disturbance, turn, tally)
    tally.assert_nothing_wrong()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("after_commit", [False, True], ids=["before", "after"])
@WAYS
def test_a_folder_that_is_killed_at_a_request_goes_on(
    folder_stage: FolderStage, after_commit: bool, tally: Tally
) -> None:
    kill_at_each_request(folder_stage, STORE, tally, after_commit=after_commit)
    tally.assert_nothing_wrong()
