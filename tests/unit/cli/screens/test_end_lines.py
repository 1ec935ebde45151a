from __future__ import annotations

from typing import Any

import pytest
from fakes.shown_plans import an_end
from s3plan.app.ends import JobEnds
from s3plan.cli.screens.end_lines import LOUD, location_documents, made_text, store_cell


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "AWS, region eu-central-1, default connection"),
        ({"region": None, "owner": "111122223333"}, "AWS, default connection, owner 111122223333"),
        ({"connection": "dr", "signed_by": "profile dr"}, "AWS, region eu-central-1, connection dr (profile dr)"),
        (
            {"endpoint": "https://s3.eu-central-1.amazonaws.com", "connection": "dr"},
            "AWS by https://s3.eu-central-1.amazonaws.com, region eu-central-1, connection dr",
        ),
    ],
)
def test_aws_is_said_quietly(changes: dict[str, Any], said: str) -> None:
    cell = store_cell(an_end("s3://b/", **changes))
    assert (cell.text, cell.style) == (said, "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"endpoint": "https://minio.example:9000", "connection": "store", "is_aws": False},
            "NOT AWS: https://minio.example:9000, region eu-central-1, connection store",
        ),
        (
            {"endpoint": "https://minio.example", "is_aws": False, "endpoint_is_from_environment": True},
            "NOT AWS: https://minio.example (from the environment), region eu-central-1, default connection",
        ),
        ({"checks_certificate": False}, "AWS, region eu-central-1, default connection, certificate NOT checked"),
    ],
)
def test_any_other_store_is_said_loudly_with_and_without_colour(changes: dict[str, Any], said: str) -> None:
    cell = store_cell(an_end("s3://b/", **changes))
    assert (cell.text, cell.style) == (said, LOUD)


def test_what_a_plan_file_says_cannot_draw_on_the_screen() -> None:
    end = an_end("s3://b/", endpoint="http://x\x1b[2J", region="\x07", connection="\u202e")
    assert store_cell(end).text.isprintable()
    assert made_text(end).isprintable()


def test_programs_get_the_same_and_no_empty_fields() -> None:
    source, destination = an_end("s3://source/x/"), an_end("s3://destination/x/", number=2)
    assert location_documents([JobEnds("a", source, destination), JobEnds("b", source, destination)]) == [
        {
            "id": number,
            "kind": "s3",
            "url": f"s3://{bucket}/x/",
            "connection": "",
            "region": "eu-central-1",
            "bucket": bucket,
            "prefix": "x/",
            "store": "unknown",
        }
        for number, bucket in enumerate(("source", "destination"), start=1)
    ]


def test_the_key_of_sse_c_is_named_and_not_shown() -> None:
    keyed = an_end("s3://b/", customer_key="file:/run/x\x1b.key", customer_key_fingerprint="0123456789abcdef")
    text = store_cell(keyed).text
    assert "SSE-C with the key in the file /run/x\\x1b.key (fingerprint 0123456789abcdef)" in text
    assert text.isprintable()
