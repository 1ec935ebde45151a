"""What the reply to a copy proves of its bytes."""

from __future__ import annotations

import pytest
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.requests.objects import ObjectWritten
from s3plan.storage.transfer.copies.copying import proof_of_copy


@pytest.mark.parametrize(
    ("etag", "by"),
    [
        ("a" * 32, "MD5"),
        ("A" * 32, "MD5"),
        ("a" * 32 + "-2", "MD5 of the parts"),
        ("0" * 32, ""),
        ("0" * 32 + "-1", ""),
        ("some-text", ""),
        ("0x8D4BCC2E4835CD0", ""),
    ],
)
def test_a_copy_is_proved_by_an_etag_that_is_a_sum_of_bytes_and_by_no_other(etag: str, by: str) -> None:
    action = Action(ActionKind.COPY, b"k", 10, "", source_pin=etag)
    assert proof_of_copy(action, ObjectWritten(etag)) == by
