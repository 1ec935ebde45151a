"""Whether a store is to copy by itself what it has under two connections."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from s3plan.app.plans.transfer_choice import choose_transfer
from s3plan.app.stores import Stores
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.plan.header_parts import TransferRecord
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.requests.objects import PutObject
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.memory.store import MemoryStore

ENDPOINT = "https://store.example"


class TwoAccounts:
    """What is asked of Stores; each connection has buckets of its own, as tenants of some stores have."""

    def __init__(self, **stores: MemoryStore) -> None:
        self._engines = {name: MemoryEngine(store) for name, store in stores.items()}

    def open(self, connection: str, **_: Any) -> MemoryEngine:
        return self._engines[connection]

    def engine_of(self, location: PlanLocation) -> MemoryEngine:
        return self._engines[location.connection]

    def key_of(self, _: PlanLocation) -> None:
        return None

    def pays_for(self, _: PlanLocation) -> bool:
        return False


def bucket(number: int, name: str, connection: str) -> PlanLocation:
    return PlanLocation(number, LocationKind.S3, f"s3://{name}/", connection, ENDPOINT, None, name, "")


def chosen(ours: dict[str, bytes], theirs: dict[str, bytes]) -> TransferRecord | None:
    """Return what is chosen where the destination's account has a bucket of the source's name."""
    stores: dict[str, MemoryStore] = {}
    for account, objects in (("one", ours), ("other", theirs)):
        stores[account] = MemoryStore()
        stores[account].create_bucket("data")
        for key, body in objects.items():
            MemoryEngine(stores[account]).call(PutObject("data", key, body))
    accounts = cast("Stores", TwoAccounts(**stores))
    return choose_transfer(accounts, bucket(1, "data", "one"), bucket(2, "backup", "other"), asked="auto")


def test_a_bucket_of_that_name_in_another_account_is_not_taken_for_the_source_by_an_object_without_bytes() -> None:
    found = chosen({"a/": b"", "b": b"ours"}, {"a/": b"", "b": b"theirs"})
    assert found == TransferRecord(way="relay", why="to the destination's credentials the source is another bucket")


def test_what_both_accounts_read_the_same_is_copied_by_the_store() -> None:
    for objects in ({"a/": b""}, {"a/": b"", "b": b"ours"}):
        found = chosen(objects, objects)
        assert found is not None
        assert found.way == "server-side"


def test_what_the_store_is_to_copy_by_itself_is_refused_where_the_endpoints_turn_out_to_be_two() -> None:
    there = replace(bucket(2, "backup", "other"), endpoint="https://away.example")
    with pytest.raises(PlanRefused, match=r"s3://data/ at https://store\.example and s3://backup/ at https://away\.ex"):
        choose_transfer(cast("Stores", TwoAccounts()), bucket(1, "data", "one"), there, asked="server-side")
