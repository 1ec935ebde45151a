"""The table of permissions: what a refusal says of it, and the page of the docs that shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest
from fakes.checkout import ROOT
from s3plan.schemas.permissions.table import (
    PERMISSIONS,
    Permission,
    Target,
    When,
    actions_of,
    further_permissions,
    missing_permission,
    page_of,
)
from s3plan.schemas.requests.objects import Request

# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: "No permissions are required".
_FREE = {"FindAccount"}
PAGE = ROOT / "docs" / "permissions.md"
_API_NAMES = {
    "GetObjectTags": "GetObjectTagging",
    "ListObjects": "ListObjectsV2",
    "ListVersions": "ListObjectVersions",
}
_PLACES = {Target.COPIED: " at the source", Target.KEY: " on its key", Target.COPIED_KEY: " on the source's key"}


def shown(permissions: list[Permission]) -> str:
    return ", ".join(f"`{each.action}`{_PLACES.get(each.target, '')}" for each in permissions)


def rows() -> Iterator[str]:
    for operation, permissions in PERMISSIONS.items():
        usual = shown([each for each in permissions if each.when in (When.ALWAYS, When.CURRENT)])
        cases = {each.when: [other for other in permissions if other.when is each.when] for each in permissions}
        others = "; ".join(
            f"{when}: {shown(cases[when])}"
            for when in (When.VERSION, When.TAGS, When.COPIED_TAGS, When.ACL, When.KMS)
            if when in cases
        )
        yield f"| [{operation}]({page_of(operation)}) | {usual} | {others} |"


def test_every_request_that_an_engine_can_send_is_in_the_table() -> None:
    names = {each.__name__ for each in get_args(Request)}
    assert {_API_NAMES.get(name, name) for name in names - _FREE} == PERMISSIONS.keys()


def test_the_page_shows_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [row for row in text.splitlines() if row.startswith("| [")] == list(rows())


@pytest.mark.parametrize(
    ("operation", "missing", "further"),
    [
        ("ListObjectsV2", "s3:ListBucket", ""),
        (
            "UploadPartCopy",
            "s3:GetObject on the source or s3:PutObject on the destination",
            ", under SSE-KMS kms:Decrypt",
        ),
        (
            "PutObject",
            "s3:PutObject on the destination",
            ", with tags s3:PutObjectTagging, under SSE-KMS kms:GenerateDataKey",
        ),
        ("HeadObject", "s3:GetObject (or, where there is no object, s3:ListBucket)", ", under SSE-KMS kms:Decrypt"),
        ("Unheard", "a permission", ""),
    ],
)
def test_a_refusal_says_what_may_be_missing(operation: str, missing: str, further: str) -> None:
    assert (missing_permission(operation), further_permissions(operation)) == (missing, further)


def test_what_a_trial_may_lack_is_what_the_table_says_of_its_request() -> None:
    assert actions_of("ListObjectsV2") == "s3:ListBucket"
    assert actions_of("PutObject", When.TAGS) == "s3:PutObjectTagging"
    copies = actions_of("CopyObject", When.ALWAYS, When.CURRENT, When.COPIED_TAGS)
    assert copies == "s3:GetObject, s3:PutObject or s3:GetObjectTagging"
    assert all(actions_of(operation) for operation in PERMISSIONS)
