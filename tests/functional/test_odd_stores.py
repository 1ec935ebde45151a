"""Stores that differ from AWS in one thing or another: the work is done, or the reason is said."""

from __future__ import annotations

import pytest
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, MIB, MIRROR, Workplace

pytestmark = BY_BOTH_ENGINES

LARGE_RUN = {"run": {"multipart_threshold": "5MiB", "part_size": "5MiB"}}


def test_a_requester_pays_source_is_paid_for_though_only_its_own_connection_says_so(place: Workplace) -> None:
    place.seed("source", "small", size_bytes=10)
    place.seed("source", "large", size_bytes=6 * MIB)
    place.buckets("destination")
    place.server.set_mode(requester_pays=["source"])
    store = {"endpoint": place.server.endpoint, "region": "us-east-1", "engine": place.engine}
    place.manifest(
        **LARGE_RUN,
        source={"connection": "paying"},
        connections={"paying": {**store, "requester_pays": True}, "store": store},
    )
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    place.server.set_mode(requester_pays=[])
    place.assert_same_content()


@pytest.mark.parametrize("code", ["NoSuchTagSet", "MethodNotAllowed", "InvalidRequest"])
def test_a_large_object_of_a_store_that_tells_no_tags_is_copied_without(place: Workplace, code: str) -> None:
    place.seed("source", "large", size_bytes=6 * MIB)
    place.buckets("destination")
    place.manifest(**LARGE_RUN)
    place.plan(probe=True)
    place.server.faults([Fault(kind=FaultKind.ERROR, code=code, operation="GetObjectTagging", times=None)])
    report = place.apply()
    assert (report.exit_code, place.keys("destination")) == (0, {"large"})


def test_headers_that_a_store_does_not_know_do_not_end_the_job(place: Workplace) -> None:
    place.seed("source", "large", size_bytes=6 * MIB)
    place.seed("source", "a", "b", "c", size_bytes=10)
    place.buckets("destination")
    unknown = ["x-amz-checksum-mode", "x-amz-object-annotation-directive", "x-amz-expected-bucket-owner"]
    place.server.set_mode(refused_headers=unknown)
    place.manifest(**LARGE_RUN, destination={"expected_bucket_owner": "123456789012"})
    planned = place.command.run("plan", "job.yaml")
    assert "expected_bucket_owner is not checked" in planned.output
    ended = place.command.run("apply", "--yes")
    assert ended.exit_code == 0, ended.output
    place.server.set_mode(refused_headers=[])
    place.assert_same_content()


def test_a_store_that_ignores_the_expected_owner_is_named_in_the_plan(place: Workplace) -> None:
    place.seed("source", "a", size_bytes=10)
    place.buckets("destination")
    place.manifest(destination={"expected_bucket_owner": "123456789012"})
    assert not place.plan().header.warnings
    place.server.set_mode(ignores_owners=True)
    (warning,) = place.plan().header.warnings
    assert "destination: expected_bucket_owner is not checked: the store ignores it" in warning


def test_credentials_that_have_expired_are_told_though_only_heads_find_out(place: Workplace) -> None:
    place.seed("source", "a", size_bytes=10)
    place.buckets("destination")
    place.manifest()
    expired = [
        Fault(kind=FaultKind.ERROR, code="ExpiredToken", operation=operation, times=None)
        for operation in ("HeadBucket", "ListObjectsV2")
    ]
    place.server.faults(expired)
    ended = place.command.run("plan", "job.yaml")
    assert ended.exit_code == 10
    assert "have expired" in ended.stderr


def test_a_wrong_region_is_told_though_head_says_400_only(place: Workplace) -> None:
    place.seed("source", "a", size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.server.faults(
        [
            Fault(kind=FaultKind.ERROR, code="AuthorizationHeaderMalformed", operation=operation, times=None)
            for operation in ("HeadBucket", "ListObjectsV2")
        ]
    )
    ended = place.command.run("plan", "job.yaml")
    assert ended.exit_code == 1
    assert "set the location's region" in ended.stderr


@pytest.mark.parametrize("code", ["InvalidRequest", "MethodNotAllowed", "NotImplemented"])
def test_a_mirror_to_a_store_without_batch_deletes_deletes_singly(place: Workplace, code: str) -> None:
    place.seed("source", "kept", size_bytes=10)
    place.seed("destination", "kept", "old/a", "old/b", size_bytes=10)
    place.server.faults([Fault(kind=FaultKind.ERROR, code=code, operation="DeleteObjects", times=None)])
    place.server.set_mode(conditions="none")
    place.manifest(**{**MIRROR, "delete": {"extraneous": True, "unpinned": "allow"}}, guards={"max_delete": 2})
    place.plan(probe=True)
    report = place.apply()
    assert (report.exit_code, place.keys("destination")) == (0, {"kept"})


def test_buckets_with_names_of_old_are_reached_by_the_path(place: Workplace) -> None:
    source, destination = "Old_Bucket..A", "B" * 100
    place.seed(source, "a", "b", size_bytes=10)
    place.buckets(destination)
    place.carry_out(source=f"s3://{source}/", destination=f"s3://{destination}/")
    assert set(place.server.snapshot(destination)) == {"a", "b"}
