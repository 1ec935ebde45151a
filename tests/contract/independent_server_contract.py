"""The engines' contract on a server that is not of our making. A subclass gives the fixture `store`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial, wraps
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError
from contract.engine_contract import EngineContract, World
from contract.server_world import AnyServerWorld, OpenEngine
from s3plan.storage.s3.botocore.engine import open_boto3_engine
from s3plan.storage.s3.native.engine import open_native_engine
from servers.independent_server import IndependentServer

Test = Callable[..., None]


@pytest.mark.parametrize(
    "open_engine",
    [partial(open_native_engine, max_in_flight=8), partial(open_boto3_engine, max_in_flight=8)],
    ids=["native", "boto3"],
)
class IndependentServerContract(EngineContract):
    DIFFERENCES: ClassVar[Mapping[str, str]] = {}
    """Tests that the server's own ways break, and why. They must fail: a server that has learnt better is noticed."""

    def __init_subclass__(cls) -> None:
        for name, reason in cls.DIFFERENCES.items():
            setattr(cls, name, _failing(getattr(cls, name), reason))

    @pytest.fixture
    def world(
        self, store: IndependentServer, open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[World]:
        store.renew()
        monkeypatch.setenv("S3PLAN_TEST_ACCESS_KEY_ID", store.access_key_id)
        monkeypatch.setenv("S3PLAN_TEST_SECRET_ACCESS_KEY", store.secret_access_key)
        world = AnyServerWorld(store, open_engine=open_engine)
        yield world
        world.engine.close()


def _failing(test: Test, reason: str) -> Test:
    @wraps(test)
    def must_fail(self: object, **given: Any) -> None:
        try:
            test(self, **given)
        except (AssertionError, ClientError):
            return
        pytest.fail(f"the server has learnt better, which was: {reason}")

    return must_fail
