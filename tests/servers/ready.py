"""Starts an independent server for tests; where it cannot be had they are skipped, and the summary says why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import pytest
from servers.independent_server import IndependentServer
from servers.installed import ServerUnavailable

ServerT = TypeVar("ServerT", bound=IndependentServer)


@contextmanager
def ready(server: ServerT) -> Iterator[ServerT]:
    """Install the server if that has not been done yet, start it, and stop it in the end."""
    with ExitStack() as running:
        try:
            running.enter_context(server)
        except ServerUnavailable as error:
            pytest.skip(f"no {type(server).__name__} here: {error}")
        yield server
