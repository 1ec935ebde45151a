"""The table of stores: every cell has a source, and every connection has a row."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import GIB, Encryptions, Integrity, StoreQuirks, Support
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
        ("https://s3.amazonaws.com", "aws"),
        ("https://S3.EU-central-1.amazonaws.com./", "aws"),
        ("https://bucket.s3.dualstack.us-east-1.amazonaws.com:443", "aws"),
        ("https://s3-us-west-2.amazonaws.com", "aws"),
        ("https://s3-fips.dualstack.us-gov-west-1.amazonaws.com", "aws"),
        ("https://s3-accelerate.dualstack.amazonaws.com", "aws"),
        ("https://s3express-use1-az4.us-east-1.amazonaws.com", "aws"),
        ("https://ec2-54-1-2-3.compute-1.amazonaws.com:9000", "unknown"),
        ("https://s3.internal.ec2-54-1-2-3.eu-west-1.compute.amazonaws.com", "unknown"),
        ("https://minio-1234567890.us-east-1.elb.amazonaws.com", "unknown"),
        ("https://s3-1234567890.us-east-1.elb.amazonaws.com", "unknown"),
        ("https://vpce-0ab-1c.vpce-svc-0f1.us-east-1.vpce.amazonaws.com", "unknown"),
        ("https://abc123.execute-api.eu-west-1.amazonaws.com/s3", "unknown"),
        ("https://evils3.amazonaws.com.example.org", "unknown"),
        ("https://evil-s3.amazonaws.com", "unknown"),
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


# What the makers say and servers did, written down once more: a cell that is changed by mistake differs from it.
_FACTS = {
    "aws": ("crc64nvme", "yes", 501, "yes", "yes", "no", 10_000, 50_000 * GIB, "yes", "each object's"),
    "r2": ("crc64nvme", "no", 501, "yes", "yes", "yes", 10_000, 5115 * GIB, "no", "none"),
    "b2": ("md5", "no", 400, "yes", "yes", "unknown", 10_000, 10 * 10**12, "no", "the bucket's only"),
    "minio": ("tried", "no", 501, "yes", "yes", "unknown", 10_000, 50_000 * GIB, "yes", "none"),
    "ceph": ("md5", "no", 501, "yes", "yes", "unknown", 10_000, 50_000 * GIB, "yes", "each object's"),
    "swift": ("md5", "no", 501, "yes", "yes", "unknown", 1_000, 5_000 * GIB, "no", "each object's"),
    "wasabi": ("md5", "no", 501, "yes", "unknown", "unknown", 10_000, 5 * 10**12, "yes", "each object's"),
    "spaces": ("md5", "no", 501, "unknown", "yes", "unknown", 10_000, 5 * 10**12, "unknown", "unknown"),
    "gcs": ("md5", "no", 400, "no", "no", "yes", 10_000, 5 << 40, "no", "unknown"),
    "unknown": ("tried", "unknown", 501, "unknown", "unknown", "unknown", 10_000, 50_000 * GIB, "unknown", "unknown"),
}


@pytest.mark.parametrize("name", _FACTS)
def test_a_row_says_what_is_known_of_its_store(name: str) -> None:
    row = quirks_of(StoreName(name))
    said = (
        row.integrity,
        row.has_annotations,
        row.refusal_status,
        row.batch_deletes,
        row.part_copies,
        row.decompresses,
        row.most_parts,
        row.most_object_bytes,
        row.tags,
        row.acls,
    )
    assert said == _FACTS[name]


def test_few_rows_have_what_few_stores_have() -> None:
    def with_(cell: str, value: object) -> set[str]:
        return {str(row.name) for row in ROWS if getattr(row, cell) == value}

    assert with_("equal_parts", True) == {"r2"}
    assert with_("states_checksums", Support.NO) == {"b2", "swift"}
    assert with_("states_checksums", Support.YES) == {"aws"}
    assert with_("part_gets", Support.YES) == {"aws", "r2"}
    assert with_("versioning", Support.NO) == {"r2"}
    assert with_("requester_pays", Support.YES) == {"aws", "ceph"}
    assert with_("requester_pays", Support.NO) == {"r2", "minio"}
    assert with_("storage_classes", None) == {"b2", "spaces", "unknown"}
    assert with_("storage_classes", frozenset({"STANDARD"})) == {"ceph", "swift", "wasabi"}
    assert with_("storage_classes", frozenset({"STANDARD", "STANDARD_IA"})) == {"r2"}
    assert with_("encryptions", frozenset({Encryptions.SSE_C})) == {"r2", "spaces"}
    assert with_("encryptions", frozenset(Encryptions)) == {"aws", "minio", "ceph"}
    assert with_("encryptions", frozenset()) == {"swift"}
    assert with_("key_rules", frozenset()) == {"aws", "b2", "swift", "wasabi", "spaces", "unknown"}
    assert with_("conditions", dict.fromkeys(Condition, Enforcement.UNKNOWN)) == {
        "b2",
        "minio",
        "ceph",
        "wasabi",
        "spaces",
        "unknown",
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "r2",
            {
                "put-absent": "enforced",
                "put-match": "enforced",
                "complete-absent": "enforced",
                "complete-match": "enforced",
            },
        ),
        ("swift", {"put-absent": "enforced, not atomic", "put-match": "checked", "copy-absent": "checked"}),
        ("gcs", {each: "checked" for each in Condition if each is not Condition.COPY_SOURCE_MATCH}),
    ],
)
def test_what_a_store_does_with_conditions_is_said_where_it_is_known(name: str, said: dict[str, str]) -> None:
    found = quirks_of(StoreName(name)).conditions
    assert {each: word for each, word in found.items() if word is not Enforcement.UNKNOWN} == said
