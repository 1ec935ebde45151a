"""The native engine keeps the contract, against the fake S3 server in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from contract.acl_contract import AclContract
from contract.body_contract import BodyContract
from contract.checksum_contract import ChecksumContract
from contract.customer_key_contract import CustomerKeyContract
from contract.engine_contract import EngineContract, World
from contract.server_world import ServerWorld
from fakes.s3fixtures import s3_server, server
from fakes.s3server import ServerProcess
from s3plan.storage.s3.native.engine import open_native_engine

__all__ = ["s3_server", "server"]


class TestNativeEngine(EngineContract, BodyContract, CustomerKeyContract, AclContract, ChecksumContract):
    @pytest.fixture
    def world(self, server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
        monkeypatch.setenv("S3PLAN_TEST_ACCESS_KEY_ID", "AKID")
        monkeypatch.setenv("S3PLAN_TEST_SECRET_ACCESS_KEY", "secret")
        world = ServerWorld(server, open_engine=partial(open_native_engine, max_in_flight=8))
        yield world
        world.engine.close()
