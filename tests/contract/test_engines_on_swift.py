"""The engines' contract on OpenStack Swift, a production server that is not of our making."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest
from contract.independent_server_contract import IndependentServerContract
from servers.ready import ready
from servers.swift import Swift


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    with ready(Swift(tmp_path_factory.mktemp("swift"), smallest_part_bytes=1)) as server:
        yield server


class TestEnginesOnSwift(IndependentServerContract):
    DIFFERENCES: ClassVar[Mapping[str, str]] = {
        "test_a_bucket_is_found_and_a_missing_one_is_no_such_bucket": "HeadBucket does not tell the region",
        "test_a_bucket_is_created_in_its_region": "there is one region",
        "test_creating_a_bucket_again_says_whose_it_is_and_is_not_retried": "there is one region",
        "test_a_row_has_key_size_etag_time_and_class": "there is one storage class",
        "test_head_tells_everything_that_a_multipart_copy_must_set_again": "there is one storage class",
        "test_tags_are_read": "there are no tags",
        "test_a_put_keeps_its_conditions": "If-Match of a PUT: 501",
        "test_a_copy_happens_only_if_the_source_is_as_pinned": "If-None-Match of a copy: always 412",
        "test_a_copy_over_an_object_happens_only_if_that_is_as_pinned": "If-Match of a copy: 501",
        "test_a_copy_over_an_object_that_is_gone_is_not_found": "If-Match of a copy: 501",
        "test_a_copy_keeps_metadata_headers_and_tags_and_takes_class_and_encryption": "there are no tags",
        "test_an_archived_source_is_told_apart": "there is one storage class",
        "test_a_batch_delete_has_a_verdict_for_each_key": "an ETag in a batch delete is malformed XML",
        "test_a_batch_delete_takes_every_key_that_xml_can_carry": "an ETag in a batch delete is malformed XML",
        "test_a_copy_has_other_tags_or_none_apart_from_metadata_and_headers": "there are no tags",
        "test_a_multipart_copy_makes_the_same_bytes_with_the_attributes_given": "there are no tags",
        "test_a_complete_keeps_its_conditions_and_the_upload_stays_open": "If-Match of a complete: 501",
        "test_another_owner_is_denied_on_every_request": "x-amz-expected-bucket-owner is ignored",
        "test_of_copies_racing_for_one_key_exactly_one_wins": "If-None-Match of a copy: always 412",
    }
