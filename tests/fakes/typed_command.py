"""The s3plan command in the test's own process, on buckets in memory: quick, for where a start has no part in it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from s3plan.cli.main import main

from fakes.command import Ended
from fakes.memory_world import MemoryWorld, memory_world


@dataclass(frozen=True, slots=True)
class Desk:
    """A MemoryWorld whose folder is the current one, and the command."""

    world: MemoryWorld

    def run(self, *words: str | Path) -> Ended:
        """Run one command line to its end."""
        stdout, stderr = io.StringIO(), io.StringIO()
        with redirect_stdout(stdout), redirect_stderr(stderr):
            exit_code = main([str(word) for word in words])
        ended = Ended(exit_code, stdout.getvalue(), stderr.getvalue())
        assert "internal error" not in ended.output, ended.output
        return ended


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with memory_world() as world:
        monkeypatch.chdir(world.folder)
        yield Desk(world)
