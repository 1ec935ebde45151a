"""The table of stores: which rows there are, and which one an endpoint has."""

from __future__ import annotations

from collections.abc import Mapping

from s3plan.schemas.endpoints import EndpointInvalid, is_s3_of_aws, parse_endpoint
from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import CAREFUL, StoreQuirks, Support
from s3plan.storage.s3.stores.aws import AWS
from s3plan.storage.s3.stores.b2 import B2
from s3plan.storage.s3.stores.ceph import CEPH
from s3plan.storage.s3.stores.gcs import GCS
from s3plan.storage.s3.stores.minio import MINIO
from s3plan.storage.s3.stores.r2 import R2
from s3plan.storage.s3.stores.spaces import SPACES
from s3plan.storage.s3.stores.swift import SWIFT
from s3plan.storage.s3.stores.wasabi import WASABI

STORES: Mapping[StoreName, StoreQuirks] = {
    each.name: each for each in (AWS, R2, B2, MINIO, CEPH, SWIFT, WASABI, SPACES, GCS, CAREFUL)
}
"""Every name has a row."""


def quirks_of(name: StoreName) -> StoreQuirks:
    """Return what is known of a kind of store."""
    return STORES[name]


def store_at(endpoint: str | None, *, named: StoreName | None = None) -> StoreName:
    """Return which store an endpoint leads to: the one that is named, else what its host is known for; None is AWS."""
    if named is not None:
        return named
    if endpoint is None:
        return StoreName.AWS
    try:
        host = parse_endpoint(endpoint).host
    except EndpointInvalid:
        return StoreName.UNKNOWN
    if is_s3_of_aws(host):
        return StoreName.AWS
    return next(
        (name for name, row in STORES.items() if any(_is_below(host, end) for end in row.hosts)), StoreName.UNKNOWN
    )


def is_known_by_host(name: StoreName, endpoint: str | None) -> bool:
    """Return whether an endpoint's host alone says which store is there.

    Elsewhere the row is the word of a manifest: what it promises is tried before anything rests on it.
    """
    return name is not StoreName.UNKNOWN and store_at(endpoint) is name


def sends_other_bytes(name: StoreName) -> bool:
    """Return whether a store decompresses what it holds for who does not say that gzip is accepted."""
    return STORES[name].decompresses is Support.YES


def _is_below(host: str, end: str) -> bool:
    return host.endswith(end) if end.startswith(".") else host == end or host.endswith(f".{end}")
