"""The small stages of a session: each is made once, with servers of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from campaign.repeated_plan import PlaceT
from campaign.small_stage import SmallStage
from fakes.s3server import ServerProcess
from fakes.workplace import Workplace

StageT = TypeVar("StageT", bound=SmallStage[Any])


def enter(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run find in the environment what a command at that place does."""
    environment = place.command.environment
    for name, value in {**place.command.variables, "XDG_CACHE_HOME": environment["XDG_CACHE_HOME"]}.items():
        monkeypatch.setenv(name, value)


class SmallStages:
    """The small stages of a session, by name; each has servers of its own."""

    def __init__(self, folder: Path, servers: ExitStack) -> None:
        self._folder = folder
        self._servers = servers
        self._made: dict[str, SmallStage[Any]] = {}

    def stage(
        self,
        name: str,
        monkeypatch: pytest.MonkeyPatch,
        place_in: Callable[[Path, Callable[[], ServerProcess]], PlaceT],
        stage_at: Callable[[PlaceT], StageT],
    ) -> StageT:
        """Return the stage of that name with what its commands find in their environment; made if there is none yet."""
        known = self._made.get(name)
        if known is not None:
            enter(known.place, monkeypatch)
            return cast("StageT", known)
        folder = self._folder / name
        folder.mkdir()
        place = place_in(folder, self._new_server)
        enter(place, monkeypatch)
        made = self._made[name] = stage_at(place)
        return made

    def _new_server(self) -> ServerProcess:
        return self._servers.enter_context(ServerProcess())
