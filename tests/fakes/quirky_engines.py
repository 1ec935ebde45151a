"""Every engine before one quirky store: fixtures for what must be the same whichever engine asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from s3plan.schemas.manifest.words import EngineName
from s3plan.schemas.ports import Engine
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.engines import open_engine

from fakes.quirky_store import QuirkyStore, quirky_store
from fakes.s3server import ServerProcess


@pytest.fixture(params=[EngineName.NATIVE, EngineName.CRT, EngineName.BOTO3], scope="module")
def name(request: pytest.FixtureRequest) -> EngineName:
    return EngineName(request.param)


@pytest.fixture(scope="module")
def store(s3_server: ServerProcess) -> Iterator[QuirkyStore]:
    with quirky_store(s3_server.endpoint) as store:
        yield store


@pytest.fixture(scope="module")
def opened(store: QuirkyStore, name: EngineName) -> Iterator[Engine]:
    """Give the engine; it is opened once, and the quirk may be one of the test before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("T_ACCESS_KEY_ID", "AKIDONE")
        patch.setenv("T_SECRET_ACCESS_KEY", "secret")
        connection = ConnectionSettings(endpoint=store.endpoint, region="us-east-1", env_prefix="T_", engine=name)
        engine = open_engine(connection, max_in_flight=8)
        yield engine
        engine.close()


@pytest.fixture
def engine(opened: Engine, store: QuirkyStore) -> Engine:
    store.quirk = lambda _, said: said
    return opened
