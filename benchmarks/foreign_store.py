"""Any S3 endpoint on this machine, filled and read with boto3: slow, and it counts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.store_port import KEY_FORMAT, Comparison, StoreUnusable, credentials
from benchmarks.works import OBJECT_BYTES, Seed

_THREADS = 32


class ForeignStore:
    """A store with the credentials of the environment. Objects get the time at which they are put.

    Raises StoreUnusable if the store does not even list its buckets.
    """

    has_latency = False

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        config = Config(max_pool_connections=_THREADS, s3={"addressing_style": "path"})
        access_key, secret_key = credentials()
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=config,
        )
        try:
            self._client.list_buckets()
        except (BotoCoreError, ClientError) as error:
            raise StoreUnusable(f"{endpoint} cannot be used: {error}") from error

    def fill(self, bucket: str, seed: Seed | None) -> None:
        self._empty(bucket)
        if seed is None:
            return
        with ThreadPoolExecutor(_THREADS) as pool:
            for _ in pool.map(lambda number: self._put(bucket, seed, number), range(seed.objects)):
                pass

    def compare(self, a: str, b: str) -> Comparison:
        ours, theirs = self._objects(a), self._objects(b)
        common = ours.keys() & theirs.keys()
        return Comparison(
            a=len(ours),
            b=len(theirs),
            only_a=len(ours) - len(common),
            only_b=len(theirs) - len(common),
            different=sum(ours[key] != theirs[key] for key in common),
        )

    def set_latency(self, *, request_ms: int, list_ms: int) -> None:
        """Do nothing: `has_latency` says that it cannot be set."""

    def reset(self) -> None:
        """Do nothing: nothing is counted."""

    def stats(self) -> None:
        return None

    def _put(self, bucket: str, seed: Seed, number: int) -> None:
        if seed.absent is not None and seed.absent.has(number):
            return
        extra = 1 if seed.changed is not None and seed.changed.has(number) else 0
        body = f"{number:09d}".encode().ljust(OBJECT_BYTES + extra, b".")
        self._client.put_object(Bucket=bucket, Key=KEY_FORMAT % number, Body=body)

    def _empty(self, bucket: str) -> None:
        try:
            self._client.head_bucket(Bucket=bucket)
        except ClientError:
            self._client.create_bucket(Bucket=bucket)
        for page in self._pages(bucket):
            keys = [{"Key": each["Key"]} for each in page]
            if keys:
                self._client.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})

    def _objects(self, bucket: str) -> Mapping[str, tuple[int, str]]:
        return {each["Key"]: (each["Size"], each["ETag"]) for page in self._pages(bucket) for each in page}

    def _pages(self, bucket: str) -> list[list[dict[str, Any]]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [page.get("Contents", []) for page in pages]
