"""The listers of S3 locations keep the contract, in memory and against the fake server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contract.lister_contract import ListerContract, listed
from fakes.listing_engine import ListingEngine
from fakes.s3fixtures import s3_server, server
from fakes.s3server import ServerProcess
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.ports import Engine, Lister
from s3plan.schemas.requests.objects import PutObject
from s3plan.storage.listing.lister import S3Lister, open_listing
from s3plan.storage.listing.parallel import ParallelLister
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.s3.botocore.engine import open_boto3_engine
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.crt.engine import open_crt_engine

__all__ = ["s3_server", "server"]

LOCATION = PlanLocation(1, LocationKind.S3, "s3://bucket/p q/", "", None, None, "bucket", "p q/")


class TestMemoryListing(ListerContract):
    def make(self, *keys: str) -> Lister:
        engine = MemoryEngine()
        engine.store.create_bucket("bucket")
        for key in ("p", "p q", "p q0", *(f"p q/{key}" for key in keys)):
            engine.call(PutObject("bucket", key, b""))
        return open_listing(engine, LOCATION)


class ServerListing(ListerContract):
    server: ServerProcess
    engine: Engine

    @pytest.fixture(autouse=True)
    def _open(self, server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("S3PLAN_TEST_ACCESS_KEY_ID", "AKID")
        monkeypatch.setenv("S3PLAN_TEST_SECRET_ACCESS_KEY", "secret")
        self.server = server
        self.engine = open_boto3_engine(
            ConnectionSettings(endpoint=server.endpoint, env_prefix="S3PLAN_TEST_"), max_in_flight=1
        )

    def plant(self, *keys: str) -> None:
        self.server.seed("bucket", keys=["p", "p q", "p q0", *(f"p q/{key}" for key in keys)])


class TestServerListing(ServerListing):
    def make(self, *keys: str) -> Lister:
        self.plant(*keys)
        return open_listing(self.engine, LOCATION)

    def test_it_has_nothing_to_say_of_the_usual_way(self) -> None:
        assert self.make().note is None


class TestSerialListing(ServerListing):
    def make(self, *keys: str) -> Lister:
        self.plant(*keys)
        return S3Lister(self.engine, LOCATION)


class TestListingByManyRequests(ListerContract):
    def make(self, *keys: str) -> Lister:
        planted = ["p", "p q", "p q0", *(f"p q/{key}" for key in keys)]
        return ParallelLister(ListingEngine(planted, latency_s=0.002, page_keys=50), LOCATION, concurrency=16)


@pytest.mark.parametrize("open_any", [open_boto3_engine, open_crt_engine])
def test_many_requests_list_what_is_there_and_the_server_counts_few_more_than_pages(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch, open_any: Callable[..., Engine]
) -> None:
    monkeypatch.setenv("S3PLAN_TEST_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("S3PLAN_TEST_SECRET_ACCESS_KEY", "secret")
    keys = sorted(f"p q/{folder}+%/{number:05d}" for folder in ("a", "b", "\U0001f600") for number in range(7000))
    server.seed("bucket", keys=["p", *keys, "q"])
    server.set_mode(latency_s=0.1)
    settings = ConnectionSettings(endpoint=server.endpoint, region="us-east-1", env_prefix="S3PLAN_TEST_")
    engine = open_any(settings, max_in_flight=16)
    lister = ParallelLister(engine, LOCATION, concurrency=16)
    server.reset_stats()
    found = listed(lister)
    engine.close()
    assert found == [key.removeprefix("p q/").encode() for key in keys]
    assert lister.ranges > 1
    sent = server.stats().requested("ListObjectsV2")
    assert sent == lister.requests <= len(keys) / 1000 + 4 * lister.ranges


class TestSortedListing(ServerListing):
    def make(self, *keys: str) -> Lister:
        self.server.set_mode(order="unsorted")
        self.plant(*keys)
        return open_listing(self.engine, LOCATION, unordered=True)

    def test_it_says_that_it_was_sorted(self) -> None:
        lister = self.make("a")
        listed(lister)
        assert lister.note == "the store lists out of order: sorted on disk first"
