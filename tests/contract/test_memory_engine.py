"""The in-memory engine keeps the contract."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from contract.acl_contract import AclContract
from contract.body_contract import BodyContract
from contract.checksum_contract import ChecksumContract
from contract.customer_key_contract import CustomerKeyContract
from contract.engine_contract import BUCKET, OTHER, OWNER, EngineContract, World
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.memory.store import MemoryStore


class MemoryWorld:
    def __init__(self) -> None:
        self.store = MemoryStore(owner=OWNER, min_part_size_bytes=1)
        self.store.create_bucket(BUCKET, region="us-east-1")
        self.store.create_bucket(OTHER, region="us-east-1")
        self.engine = MemoryEngine(self.store)

    def plant(
        self,
        key: str,
        body: bytes = b"",
        *,
        bucket: str = BUCKET,
        metadata: Mapping[str, str] | None = None,
        content_type: str = "binary/octet-stream",
        tags: Mapping[str, str] | None = None,
        storage_class: str = "STANDARD",
    ) -> str:
        attributes = ObjectAttributes(metadata or {}, {"ContentType": content_type}, tags or {})
        stored = self.store.new_object(body, storage_class=storage_class, attributes=attributes)
        self.store.bucket(bucket).put(key, stored)
        return stored.etag

    def read(self, key: str, *, bucket: str = BUCKET) -> bytes | None:
        stored = self.store.bucket(bucket).objects.get(key)
        return None if stored is None else stored.body

    def upload_ids(self) -> list[str]:
        return list(self.store.bucket(BUCKET).uploads)


class TestMemoryEngine(EngineContract, BodyContract, CustomerKeyContract, AclContract, ChecksumContract):
    @pytest.fixture
    def world(self) -> World:
        return MemoryWorld()
