"""The objects that are relayed: put there by boto3, and compared afterwards, store against store."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, cast

from boto3 import client
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from benchmarks.store_port import credentials

_THREADS = 16
_KEPT_BYTES = 64 << 10  # larger objects benchmarks/server does not keep: they read as zeros, and are made of them here
_PART_BYTES = 16 << 20


class _Zeros:
    """A file of zeros that need not be there."""

    def __init__(self, size_bytes: int) -> None:
        self._left = size_bytes

    def read(self, size_bytes: int = -1) -> bytes:
        given = self._left if size_bytes < 0 else min(size_bytes, self._left)
        self._left -= given
        return bytes(given)


def fill_source(endpoint: str, bucket: str, prefix: str, *, objects: int, object_bytes: int) -> None:
    """Put so many objects of one size below a prefix: small ones of random bytes, large ones of zeros, in parts."""
    s3 = _client(endpoint)
    if object_bytes > _KEPT_BYTES:
        parts = TransferConfig(multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES)
        for number in range(objects):
            file = cast("BinaryIO", _Zeros(object_bytes))
            s3.upload_fileobj(file, bucket, f"{prefix}{number:08d}.bin", Config=parts)
        return

    def put(number: int) -> None:
        s3.put_object(Bucket=bucket, Key=f"{prefix}{number:08d}.bin", Body=os.urandom(object_bytes))

    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(put, range(objects)):
            pass


def differences(source: str, source_bucket: str, destination: str, destination_bucket: str) -> str:
    """Say how the second bucket differs from the first, nothing if it does not.

    By MD5, of what came in one piece; by size, of what came in parts: this server keeps no other sum of those.
    """
    wanted, found = _listed(source, source_bucket), _listed(destination, destination_bucket)
    missing, extra = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    differing = [key for key in wanted.keys() & found.keys() if not _is_same(wanted[key], found[key])]
    if not (missing or extra or differing):
        return ""
    return f"{len(missing):,} objects are missing, {len(differing):,} differ, {len(extra):,} are extra"


def _is_same(a: tuple[int, str], b: tuple[int, str]) -> bool:
    return a == b or (a[0] == b[0] and ("-" in a[1] or "-" in b[1]))


def _listed(endpoint: str, bucket: str) -> dict[str, tuple[int, str]]:
    pages = _client(endpoint).get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {row["Key"]: (row["Size"], row["ETag"]) for page in pages for row in page.get("Contents", ())}


def _client(endpoint: str) -> Any:
    key, secret = credentials()
    plain = Config(request_checksum_calculation="when_required", max_pool_connections=_THREADS)
    keys = {"aws_access_key_id": key, "aws_secret_access_key": secret}
    return client("s3", endpoint_url=endpoint, region_name="us-east-1", config=plain, **keys)
