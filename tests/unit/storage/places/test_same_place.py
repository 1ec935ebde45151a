"""Which places may be one though their names differ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from s3plan.schemas.plan.rows import LocationKind, PlanLocation, folder_url
from s3plan.schemas.stores.names import StoreName
from s3plan.storage.places.same_place import may_be_one
from s3plan.storage.s3.store_quirks import store_at

OTHER = "https://s3.example.com"


def bucket(name: str, endpoint: str | None = None, prefix: str = "", *, store: StoreName | None = None) -> PlanLocation:
    row = store_at(endpoint, named=store)
    return PlanLocation(1, LocationKind.S3, f"s3://{name}/{prefix}", "", endpoint, None, name, prefix, store=row)


@pytest.mark.parametrize(
    ("one", "other", "may_be"),
    [
        (bucket("a"), bucket("b"), False),
        (bucket("a", prefix="x/"), bucket("a", prefix="y/"), False),
        (bucket("a"), bucket("point-abc-s3alias"), True),
        (bucket("point-abc-s3alias"), bucket("b"), True),
        (bucket("a"), bucket("b--use1-az4--x-s3"), False),
        (bucket("a", OTHER), bucket("b", OTHER), True),
        (bucket("a", OTHER, store=StoreName.AWS), bucket("a"), True),
        (bucket("a", "https://s3.eu-west-1.amazonaws.com"), bucket("b"), False),
        (bucket("a", OTHER, "x/"), bucket("a", OTHER, "y/"), False),
    ],
)
def test_names_tell_places_apart_where_their_store_says_that_a_bucket_has_one(
    one: PlanLocation, other: PlanLocation, may_be: bool
) -> None:
    assert may_be_one(one, other) is may_be


def test_a_folder_of_a_disk_of_this_machine_is_no_bucket(tmp_path: Path) -> None:
    path = str(tmp_path)
    folder = PlanLocation(1, LocationKind.FOLDER, folder_url(path), "", None, None, "", "", path=path)
    assert may_be_one(bucket("a"), folder) is False


def test_a_row_that_a_manifest_names_does_not_say_that_a_bucket_has_one_name() -> None:
    """The very bucket, once by the address of AWS and once by one of somebody's own."""
    named = replace(bucket("a", OTHER), store=StoreName.AWS)
    assert may_be_one(bucket("a"), named) is True
    assert may_be_one(named, bucket("b")) is True


def test_what_runs_on_a_machine_of_aws_is_another_store_than_s3() -> None:
    here = bucket("a", "https://ec2-54-1-2-3.compute-1.amazonaws.com:9000")
    assert here.whole_bucket != bucket("a").whole_bucket
    assert bucket("a", "https://s3.eu-west-1.api.aws").whole_bucket == bucket("a").whole_bucket
