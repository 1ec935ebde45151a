"""The table of stores: every cell has a source, and every connection has a row."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import GIB, Integrity, StoreQuirks, Support
from s3plan.storage.s3.store_quirks import STORES, quirks_of, store_at

ROWS = list(STORES.values())
_SOURCE = re.compile(r"https://[^ ]+|measured with [0-9.]+")


def test_every_name_has_one_row() -> None:
    assert [row.name for row in ROWS] == list(STORES)
    assert set(STORES) == set(StoreName)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_cell_that_is_not_the_careful_choice_has_a_source(row: StoreQuirks) -> None:
    assert row.unfounded == ()
    assert row.sources.keys() <= {each.name for each in fields(row)}
    assert all(_SOURCE.match(source) for source in row.sources.values())


def test_a_cell_without_a_source_is_found() -> None:
    assert replace(quirks_of(StoreName.R2), tags=Support.YES, sources={}).unfounded == tuple(
        sorted(quirks_of(StoreName.R2).sources.keys() - {"most_parts", "least_part_bytes"} | {"tags"})
    )


def test_the_unknown_store_has_the_careful_choice_everywhere() -> None:
    unknown = quirks_of(StoreName.UNKNOWN)
    assert unknown == StoreQuirks(name=StoreName.UNKNOWN, title=unknown.title)
    assert set(unknown.conditions.values()) == {Enforcement.UNKNOWN}
    assert unknown.integrity is Integrity.TRIED


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_whole_and_its_limits_agree(row: StoreQuirks) -> None:
    assert row.conditions.keys() == set(Condition)
    assert 0 < row.least_part_bytes < row.most_part_bytes <= 5 * GIB
    assert row.most_object_bytes <= row.most_parts * row.most_part_bytes
    assert row.refusal_status in (400, 501)


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        (None, "aws"),
        ("https://s3.eu-central-1.amazonaws.com", "aws"),
        ("https://s3.cn-north-1.amazonaws.com.cn", "aws"),
        ("https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com", "aws"),
        ("https://0123.r2.cloudflarestorage.com", "r2"),
        ("https://0123.eu.r2.cloudflarestorage.com", "r2"),
        ("https://s3.us-west-004.backblazeb2.com", "b2"),
        ("https://s3.eu-central-1.wasabisys.com", "wasabi"),
        ("https://fra1.digitaloceanspaces.com", "spaces"),
        ("https://storage.googleapis.com", "gcs"),
        ("https://bucket.storage.googleapis.com", "gcs"),
        ("https://notstorage.googleapis.com", "unknown"),
        ("https://amazonaws.com.example.org", "unknown"),
        ("https://evilr2.cloudflarestorage.com", "unknown"),
        ("https://minio.example:9000", "unknown"),
        ("http://127.0.0.1:9000", "unknown"),
        ("no URL", "unknown"),
    ],
)
def test_a_store_is_known_by_its_host(endpoint: str | None, name: str) -> None:
    assert store_at(endpoint) == name


def test_the_name_in_a_manifest_goes_before_the_host() -> None:
    assert store_at("https://fra1.digitaloceanspaces.com", named=StoreName.CEPH) is StoreName.CEPH
    assert store_at(None, named=StoreName.UNKNOWN) is StoreName.UNKNOWN


@pytest.mark.parametrize(
    ("name", "key", "objection"),
    [
        ("gcs", "a\nb", "line break"),
        ("gcs", "a\rb", "line break"),
        ("gcs", "a\tb", None),
        ("ceph", "a\x01b", "control character"),
        ("ceph", "a\nb", None),
        ("minio", "a//b", "empty component"),
        ("minio", "/a", "empty component"),
        ("minio", "a/../b", ". or .."),
        ("minio", "a/" + "b" * 256, "over 255 bytes"),
        ("minio", "a/", None),
        ("minio", "a/b.c", None),
        ("aws", "a//\r\n\x01/..", None),
        ("unknown", "a//\r\n\x01/..", None),
    ],
)
def test_keys_that_a_store_cannot_hold_are_known(name: str, key: str, objection: str | None) -> None:
    said = quirks_of(StoreName(name)).key_objection(key)
    assert said is None if objection is None else objection in (said or "")


def test_r2_holds_keys_as_one_that_differ_in_normalisation() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert quirks_of(StoreName.R2).folded(decomposed) == composed
    assert quirks_of(StoreName.AWS).folded(decomposed) == decomposed


@pytest.mark.parametrize(
    ("name", "storage_class", "is_taken"),
    [
        ("aws", "GLACIER_IR", True),
        ("r2", "STANDARD_IA", True),
        ("r2", "ONEZONE_IA", False),
        ("gcs", "STANDARD_IA", False),
        ("unknown", "ANY", True),
    ],
)
def test_a_store_takes_its_own_storage_classes(name: str, storage_class: str, is_taken: bool) -> None:
    assert quirks_of(StoreName(name)).takes_class(storage_class) is is_taken
