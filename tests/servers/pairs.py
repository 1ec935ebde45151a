"""Two servers that are not of one making, and a workplace between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import pytest
from fakes.relay_place import RelayPlaceOn
from servers.independent_server import IndependentServer
from servers.ready import ready

Place = RelayPlaceOn[IndependentServer]


Started = Callable[[type[IndependentServer]], IndependentServer]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """What gives the one server of a kind that there is for the tests of a module; it starts with the first of them."""
    found: dict[type[IndependentServer], IndependentServer] = {}
    with ExitStack() as running:

        def start(kind: type[IndependentServer]) -> IndependentServer:
            if kind not in found:
                found[kind] = running.enter_context(ready(kind(tmp_path_factory.mktemp(kind.__name__))))
            return found[kind]

        yield start


class BetweenServers:
    """A subclass names the two servers."""

    FROM: ClassVar[type[IndependentServer]]
    TO: ClassVar[type[IndependentServer]]

    @pytest.fixture
    def place(self, started: Started, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
        origin, server = started(self.FROM), started(self.TO)
        for each in (origin, server):
            each.renew()
        workplace: Place = RelayPlaceOn(tmp_path, server, engine, origin=origin)
        with workplace.at_work(monkeypatch):
            yield workplace
