"""Every request of a relay, at either store, disturbed: it ends right or says so, and the next apply ends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import pytest
from campaign.disturbances import EVERYTHING, Disturbance, numbers_for
from campaign.relay_stage import SIDES, RelayStage
from campaign.runs import ENGINES, cases
from campaign.tally import Tally
from fakes.relay_place import RelayPlace
from fakes.s3server import Fault, FaultKind, ServerProcess
from fakes.torture import TORTURE, in_short

_PATIENCE_S = 30.0
BOTH_SIDES = pytest.mark.parametrize("side", SIDES)


@dataclass
class Stages:
    """Those made so far, by engine; each has two servers of its own, closed by `servers`."""

    servers: ExitStack
    made: dict[str, RelayStage] = field(default_factory=dict)


@pytest.fixture(scope="session")
def relay_stages() -> Iterator[Stages]:
    """The stages of this session."""
    with ExitStack() as servers:
        yield Stages(servers)


@pytest.fixture
def relay_stage(
    engine: str, relay_stages: Stages, campaign_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> RelayStage:
    """The stage of one engine, with what a command finds in its environment."""
    known = relay_stages.made.get(engine)
    if known is None:
        folder = campaign_folder / f"{engine}-relay"
        folder.mkdir()
        origin, server = (relay_stages.servers.enter_context(ServerProcess()) for _ in range(2))
        place = RelayPlace(folder, server, engine, origin=origin)
    else:
        place = known.place
    cache = {"XDG_CACHE_HOME": place.command.environment["XDG_CACHE_HOME"]}
    for variable, value in {**place.command.variables, **cache}.items():
        monkeypatch.setenv(variable, value)
    if known is None:
        known = relay_stages.made[engine] = RelayStage(place)
    return known


@pytest.mark.sampled(8)
@pytest.mark.parametrize(("engine", "disturbance", "turn"), cases(EVERYTHING), indirect=["engine"])
@BOTH_SIDES
def test_objects_arrive_whole_or_the_run_says_so(
    relay_stage: RelayStage, side: str, disturbance: Disturbance, turn: int, tally: Tally
) -> None:
    stage, applying = relay_stage, relay_stage.applying[side]
    for number in numbers_for(disturbance, applying, turn=turn, most=None if TORTURE else 2):
        where = f"{disturbance.name} at request {number} ({applying[number - 1]}) of the {side}"
        stage.set_up()
        plan = stage.fresh_plan()
        stage.disturb(side, disturbance.at(number, applying))
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
    tally.assert_nothing_wrong()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("after_commit", [False, True], ids=["before", "after"])
@BOTH_SIDES
def test_a_relay_that_is_killed_at_a_request_goes_on(
    relay_stage: RelayStage, side: str, after_commit: bool, tally: Tally
) -> None:
    stage, applying = relay_stage, relay_stage.applying[side]
    for number in in_short(range(1, len(applying) + 1), at_most=4, turn=after_commit):
        where = f"killed at request {number} ({applying[number - 1]}) of the {side}"
        stage.set_up()
        plan = stage.fresh_plan()
        stage.disturb(side, Fault(kind=FaultKind.STALL, after=number - 1, after_commit=after_commit))
        kill_when_held(stage, plan)
        tally.note(faults=1, runs=2)
        tally.take(where, stage.losses())
        tally.take(f"{where}, resumed", stage.shortcomings(stage.apply(plan)))
    tally.assert_nothing_wrong()


def kill_when_held(stage: RelayStage, plan: Path) -> None:
    """Apply until a fault holds a request, and kill the command there."""
    with stage.place.command.start("apply", plan, "--yes") as started:
        until_s = monotonic() + _PATIENCE_S
        while not stage.hits():
            assert monotonic() < until_s, "it never came to that request"
            assert started.is_running, started.wait().output
            sleep(0.01)
        stage.told.append(started.kill().output)
    stage.calm()
