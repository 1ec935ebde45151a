"""A campaign's stage, made once for each engine; its counts, told at the end."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from campaign.small_stages import SmallStages, enter
from campaign.stage import Stage
from campaign.tally import PROPERTY, Tally
from fakes.later_second import NO_WAIT_S, PLACE
from fakes.s3server import ServerProcess
from fakes.workplace import Workplace
from s3plan.app import stores
from s3plan.storage.s3.engines import open_engine

_IN_MEMORY = Path("/dev/shm")
_READ_TIMEOUT_S = 0.6  # a stall would take two minutes otherwise
_LOOK_EVERY_S = 0.1
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.1


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let timeouts and pauses be short, which are for networks and for people."""
    monkeypatch.setattr(stores, "open_engine", partial(open_engine, read_timeout_s=_READ_TIMEOUT_S))
    monkeypatch.setattr("s3plan.storage.s3.native.loop._LOOK_EVERY_S", _LOOK_EVERY_S)
    monkeypatch.setattr(*PLACE, NO_WAIT_S)
    monkeypatch.setattr("s3plan.storage.s3.patience._FIRST_PAUSE_S", _FIRST_PAUSE_S)
    monkeypatch.setattr("s3plan.storage.s3.patience._LONGEST_PAUSE_S", _LONGEST_PAUSE_S)


@pytest.fixture(scope="session")
def campaign_server() -> Iterator[ServerProcess]:
    """A server for campaigns alone."""
    with ServerProcess() as server:
        yield server


@pytest.fixture(scope="session")
def campaign_folder() -> Iterator[Path]:
    """A folder in memory, where the system has one: thousands of journals are fsynced there."""
    with tempfile.TemporaryDirectory(prefix="campaign-", dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def stages() -> dict[str, Stage]:
    """Those made so far, by engine."""
    return {}


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The engine whose requests are disturbed."""
    return str(getattr(request, "param", "native"))


@pytest.fixture
def stage(
    engine: str,
    stages: dict[str, Stage],
    campaign_server: ServerProcess,
    campaign_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Stage:
    """The stage of one engine, with what a command finds in its environment."""
    if engine in stages:
        place = stages[engine].place
    else:
        folder = campaign_folder / engine
        folder.mkdir()
        place = Workplace(folder, campaign_server, engine)
    enter(place, monkeypatch)
    if engine not in stages:
        stages[engine] = Stage(place)
    return stages[engine]


@pytest.fixture(scope="session")
def small_stages(campaign_folder: Path) -> Iterator[SmallStages]:
    """The stages of this session, whose servers end with it."""
    with ExitStack() as servers:
        yield SmallStages(campaign_folder, servers)


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Counts what a test did, for the summary."""
    counted = Tally()
    request.node.user_properties.append((PROPERTY, counted.counts))
    return counted


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell what the campaigns of this session came to."""
    total: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") != "call":
                continue
            total.update(dict(getattr(report, "user_properties", ())).get(PROPERTY, {}))
    if total:
        terminalreporter.write_line(
            f"campaigns: {total['faults']:,} faults injected in {total['runs']:,} runs, "
            f"{total['violations']:,} violations"
        )
