"""Fixtures: one S3 server a test session, as good as new for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes.s3server import ServerProcess


@pytest.fixture(scope="session")
def s3_server() -> Iterator[ServerProcess]:
    with ServerProcess() as server:
        yield server


@pytest.fixture
def server(s3_server: ServerProcess) -> ServerProcess:
    s3_server.reset()
    return s3_server
