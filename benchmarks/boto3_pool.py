"""What many write themselves: boto3 and a thread pool. `boto3_pool.py plan|copy|mirror|delete SOURCE DESTINATION`.

SOURCE and DESTINATION are `bucket/prefix/`. Like the tools that it stands for, it compares sizes and times.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config

THREADS = 32
AHEAD = 10_000  # requests that wait in the pool, so that a long listing does not fill the memory


class Pool:
    """Sends requests from many threads; the first error ends it."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._threads = ThreadPoolExecutor(THREADS)
        self._waiting: list[Any] = []

    def send(self, operation: str, **parameters: Any) -> None:
        self._waiting.append(self._threads.submit(getattr(self.client, operation), **parameters))
        if len(self._waiting) >= AHEAD:
            self.finish()

    def finish(self) -> None:
        for each in self._waiting:
            each.result()
        self._waiting.clear()


def listed(client: Any, place: str) -> Iterator[tuple[str, int, datetime]]:
    """Yield relative key, size in bytes and time of each object, in order."""
    bucket, _, prefix = place.partition("/")
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", []):
            yield each["Key"][len(prefix) :], each["Size"], each["LastModified"]


def changes(client: Any, source: str, destination: str) -> Iterator[tuple[str, str]]:
    """Yield what to do, `copy` or `delete`, and the relative key."""
    ours, theirs = listed(client, source), listed(client, destination)
    here, there = next(ours, None), next(theirs, None)
    while here is not None or there is not None:
        if there is None or (here is not None and here[0] < there[0]):
            assert here is not None
            yield "copy", here[0]
            here = next(ours, None)
        elif here is None or there[0] < here[0]:
            yield "delete", there[0]
            there = next(theirs, None)
        else:
            if here[1] != there[1] or here[2] > there[2]:
                yield "copy", here[0]
            here, there = next(ours, None), next(theirs, None)


def delete(pool: Pool, place: str, keys: list[str]) -> None:
    bucket, _, prefix = place.partition("/")
    for start in range(0, len(keys), 1000):
        objects = [{"Key": prefix + key} for key in keys[start : start + 1000]]
        pool.send("delete_objects", Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def main(work: str, source: str, destination: str) -> None:
    pool = Pool(boto3.client("s3", config=Config(max_pool_connections=THREADS)))
    if work == "delete":
        delete(pool, destination, [key for key, _, _ in listed(pool.client, destination)])
        pool.finish()
        return
    source_bucket, _, source_prefix = source.partition("/")
    bucket, _, prefix = destination.partition("/")
    extraneous, copies = [], 0
    for what, key in changes(pool.client, source, destination):
        if what == "delete":
            extraneous.append(key)
            continue
        copies += 1
        if work != "plan":
            origin = {"Bucket": source_bucket, "Key": source_prefix + key}
            pool.send("copy_object", Bucket=bucket, Key=prefix + key, CopySource=origin)
    pool.finish()
    if work == "mirror":
        delete(pool, destination, extraneous)
        pool.finish()
    print(f"copies: {copies}")


if __name__ == "__main__":
    main(*sys.argv[1:])
