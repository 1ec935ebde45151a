"""The engines' contract on MiniStack, an emulator that is not of our making."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest
from contract.customer_key_contract import CustomerKeyContract
from contract.engine_contract import BUCKET, World, expect, kind_of
from contract.independent_server_contract import IndependentServerContract
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.requests.objects import BucketFound, HeadBucket, PutObject
from servers.ministack import MiniStack
from servers.ready import ready


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    with ready(MiniStack(tmp_path_factory.mktemp("ministack"))) as server:
        yield server


class TestEnginesOnMiniStack(CustomerKeyContract, IndependentServerContract):
    DIFFERENCES: ClassVar[Mapping[str, str]] = {
        "test_a_bucket_is_created_in_its_region": "HeadBucket from another region: 301",
        "test_head_tells_everything_that_a_multipart_copy_must_set_again": "HEAD does not count tags",
        "test_a_copy_expecting_nothing_never_overwrites": "a copy's If-None-Match is ignored",
        "test_a_copy_over_an_object_happens_only_if_that_is_as_pinned": "a copy's If-Match is ignored",
        "test_a_copy_over_an_object_that_is_gone_is_not_found": "a copy's If-Match is ignored",
        "test_a_copy_keeps_metadata_headers_and_tags_and_takes_class_and_encryption": "HEAD does not count tags",
        "test_an_archived_source_is_told_apart": "archived objects are copied",
        "test_deleting_a_missing_key_is_acknowledged": "a pinned delete of a missing key is answered 404",
        "test_a_batch_delete_has_a_verdict_for_each_key": "a pinned delete of a missing key is answered NoSuchKey",
        "test_a_batch_delete_takes_every_key_that_xml_can_carry": "replies do not escape carriage returns",
        "test_a_batch_delete_of_too_many_keys_is_malformed": "batches of any size are taken",
        "test_a_multipart_copy_makes_the_same_bytes_with_the_attributes_given": "an upload loses its tags",
        "test_another_owner_is_denied_on_every_request": "x-amz-expected-bucket-owner is ignored",
        "test_of_copies_racing_for_one_key_exactly_one_wins": "a copy's If-None-Match is ignored",
    }

    def test_keys_that_cannot_be_are_refused_without_harm(self, world: World) -> None:
        """The server takes keys of any length; the planner makes a conflict of those over 1,024 bytes."""
        for key in ("", "\ud800"):
            assert kind_of(world.engine.call(PutObject(BUCKET, key, b""))) is FailureKind.INVALID
        assert expect(BucketFound, world.engine.call(HeadBucket(BUCKET)))
