from __future__ import annotations

from typing import Any

import pytest
from fakes.shown_plans import a_header
from s3plan.app.ends import PlanEnd, ends_of
from s3plan.schemas.plan.header import ListingRecord, ManifestRecord
from s3plan.schemas.plan.rows import LocationKind, PlanLocation

MANIFEST = """\
version: 1
name: job
source: {url: s3://aaa/, connection: store}
destination: {url: s3://bbb/, connection: store}
connections:
"""


def _source(connection: str, *, endpoint: str | None = None, text: str = MANIFEST, **header: Any) -> PlanEnd:
    locations = [
        PlanLocation(1, LocationKind.S3, "s3://aaa/", "store", endpoint, None, "aaa", ""),
        PlanLocation(2, LocationKind.S3, "s3://bbb/", "store", endpoint, None, "bbb", ""),
    ]
    record = ManifestRecord(path="job.yaml", sha256="0" * 64, text="", resolved=f"{text}  store: {connection}\n")
    source = ends_of(locations, a_header(manifest=record, **header))[0].source
    assert source is not None
    return source


@pytest.mark.parametrize(
    ("connection", "signed_by"),
    [
        ("{region: eu-west-1}", None),
        ("{profile: prod}", "profile prod"),
        ("{env_prefix: DR_}", "the variables DR_*"),
        ("{anonymous: true}", "no credentials"),
        (
            "{profile: prod, role_arn: 'arn:aws:iam::111122223333:role/copy'}",
            "role arn:aws:iam::111122223333:role/copy",
        ),
    ],
)
def test_who_signs_is_what_the_connection_says(connection: str, signed_by: str | None) -> None:
    assert _source(connection).signed_by == signed_by


def test_a_store_is_aws_by_its_host() -> None:
    assert _source("{profile: x}").is_aws
    assert _source("{profile: x}", endpoint="https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com").is_aws
    assert not _source("{profile: x}", endpoint="https://amazonaws.com.example.org").is_aws
    assert not _source("{profile: x}", endpoint="no URL").is_aws


def test_an_endpoint_that_no_manifest_names_comes_from_the_environment() -> None:
    endpoint = "https://store.example"
    assert _source("{profile: x}", endpoint=endpoint).endpoint_is_from_environment
    assert not _source(f"{{endpoint: {endpoint}}}", endpoint=endpoint).endpoint_is_from_environment
    assert not _source("{profile: x}").endpoint_is_from_environment


def test_certificates_that_are_not_checked_and_buckets_to_be_made_are_known() -> None:
    missing = ListingRecord(objects=0, bytes=0, pages=0, complete=True, bucket_exists=False)
    end = _source("{tls_verify: false}", source=missing)
    assert (end.checks_certificate, end.is_made_by_apply) == (False, True)


def test_a_plan_whose_manifest_cannot_be_read_any_more_is_shown_all_the_same() -> None:
    assert _source("{}", text="version: 7\n").signed_by is None
