"""Every request of an upload and of a download, disturbed: it ends right or says so, and the next apply ends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from campaign.disturbances import EVERYTHING, Disturbance, numbers_for
from campaign.folder_stage import FolderStage
from campaign.runs import ENGINES, cases, kill_at
from campaign.tally import Tally
from fakes.s3server import Fault, FaultKind, ServerProcess
from fakes.torture import TORTURE, in_short
from fakes.workplace import Workplace

WAYS = pytest.mark.parametrize("way", ["up", "down"])


@dataclass
class Stages:
    """Those made so far, by their folders; each has a server of its own, closed by `servers`."""

    servers: ExitStack
    made: dict[Path, FolderStage] = field(default_factory=dict)


@pytest.fixture(scope="session")
def folder_stages() -> Iterator[Stages]:
    """The stages of this session."""
    with ExitStack() as servers:
        yield Stages(servers)


@pytest.fixture
def folder_stage(
    engine: str, way: str, folder_stages: Stages, campaign_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> FolderStage:
    """The stage of one engine and way, with what a command finds in its environment."""
    folder = campaign_folder / f"{engine}-{way}"
    known = folder_stages.made.get(folder)
    if known is None:
        folder.mkdir()
        place = Workplace(folder, folder_stages.servers.enter_context(ServerProcess()), engine)
    else:
        place = known.place
    cache = {"XDG_CACHE_HOME": place.command.environment["XDG_CACHE_HOME"]}
    for variable, value in {**place.command.variables, **cache}.items():
        monkeypatch.setenv(variable, value)
    if known is None:
        known = folder_stages.made[folder] = FolderStage(place, goes_up=way == "up")
    return known


@pytest.mark.sampled(6)
@pytest.mark.parametrize(("engine", "disturbance", "turn"), cases(EVERYTHING), indirect=["engine"])
@WAYS
def test_a_folder_arrives_whole_or_the_run_says_so(
    folder_stage: FolderStage, disturbance: Disturbance, turn: int, tally: Tally
) -> None:
    stage = folder_stage
    for number in numbers_for(disturbance, stage.applying, turn=turn, most=None if TORTURE else 2):
        where = f"{disturbance.name} at request {number} ({stage.applying[number - 1]})"
        stage.set_up()
        plan = stage.fresh_plan()
        stage.disturb(disturbance.at(number, stage.applying))
        ended = stage.apply(plan)
        hits = sum(stage.place.server.fired())
        stage.calm()
        tally.note(faults=hits, runs=1)
        tally.take(where, stage.losses())
        if ended.exit_code not in (disturbance.ends if hits else {0}):
            tally.take(where, [f"it ended with {ended.exit_code}: {ended.words}"])
        if ended.exit_code:
            ended = stage.apply(plan)
            tally.note(faults=0, runs=1)
        tally.take(f"{where}, ended", stage.shortcomings(ended))
    tally.assert_nothing_wrong()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("after_commit", [False, True], ids=["before", "after"])
@WAYS
def test_a_folder_that_is_killed_at_a_request_goes_on(
    folder_stage: FolderStage, after_commit: bool, tally: Tally
) -> None:
    stage = folder_stage
    for number in in_short(range(1, len(stage.applying) + 1), at_most=4, turn=after_commit):
        where = f"killed at request {number} ({stage.applying[number - 1]})"
        stage.set_up()
        plan = stage.fresh_plan()
        fault = Fault(kind=FaultKind.STALL, after=number - 1, after_commit=after_commit)
        kill_at(stage, fault, "apply", plan, "--yes")
        tally.note(faults=1, runs=2)
        tally.take(where, stage.losses())
        tally.take(f"{where}, resumed", stage.shortcomings(stage.apply(plan)))
    tally.assert_nothing_wrong()
