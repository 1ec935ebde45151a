"""Objects above `run.multipart_threshold`: copied in parts, with everything set again that such a copy loses."""

from __future__ import annotations

import pytest
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, MIB, Workplace, counted

pytestmark = BY_BOTH_ENGINES

IN_PARTS = {"multipart_threshold": "5MiB", "part_size": "5MiB"}


def test_a_large_object_keeps_what_goes_with_it(place: Workplace) -> None:
    tags = {"team": "a b+c", "cost/centre": "12=3", "empty": ""}
    place.seed(
        "source",
        "big",
        size_bytes=12 * MIB,
        synthetic=False,
        parts=2,
        storage_class="STANDARD_IA",
        metadata={"colour": "blue", "words": "two words"},
        headers={
            "content-type": "video/x-test",
            "cache-control": "max-age=60",
            "content-disposition": 'attachment; filename="a b.txt"',
            "content-encoding": "gzip",
            "content-language": "de-CH",
            "expires": "Thu, 01 Jan 2032 00:00:00 GMT",
        },
        tags=tags,
    )
    place.buckets("destination")
    place.carry_out(run=IN_PARTS)
    wanted = place.s3.head_object(Bucket="source", Key="big")
    found = place.s3.head_object(Bucket="destination", Key="big")
    names = ("Metadata", "ContentType", "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage")
    for name in (*names, "ExpiresString", "StorageClass", "ContentLength"):
        assert found[name] == wanted[name], name
    assert found["ETag"].strip('"').endswith("-3")
    found_tags = place.s3.get_object_tagging(Bucket="destination", Key="big")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in found_tags} == tags
    place.assert_same_content()
    assert place.server.uploads("destination") == []
    assert place.writes() == {"big": 1}


def test_storage_class_and_encryption_of_the_manifest_are_set_on_the_upload(place: Workplace) -> None:
    place.seed("source", "big", size_bytes=6 * MIB, storage_class="STANDARD_IA")
    place.buckets("destination")
    settings = {"storage_class": "GLACIER_IR", "encryption": {"type": "aws:kms", "key_id": "alias/backup"}}
    place.carry_out(destination=settings, run=IN_PARTS)
    head = place.s3.head_object(Bucket="destination", Key="big")
    assert (head["StorageClass"], head["ServerSideEncryption"]) == ("GLACIER_IR", "aws:kms")
    assert head["SSEKMSKeyId"].endswith("alias/backup")


@pytest.mark.parametrize("size_bytes", [5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 10 * MIB, 10 * MIB + 1])
def test_sizes_around_the_threshold_and_the_part_size_arrive_whole(place: Workplace, size_bytes: int) -> None:
    place.seed("source", "edge", size_bytes=size_bytes, synthetic=False)
    place.buckets("destination")
    place.carry_out(run=IN_PARTS)
    place.assert_same_content()


def test_small_and_large_objects_in_one_plan_with_odd_keys(place: Workplace) -> None:
    large = ["?versionId=1", "a//b", "per%cent+plus", "\x01control", "x/../y", "\U0001f600", "k" * 1024]
    place.seed("source", *large, size_bytes=11 * MIB, parts=2)
    place.seed("source", count=40, size_bytes=10)
    place.buckets("destination")
    report = place.carry_out(run=IN_PARTS)
    assert counted(report) == {"done": len(large) + 40}
    source, destination = place.listed("source"), place.listed("destination")
    assert {key: row.size_bytes for key, row in source.items()} == {
        key: row.size_bytes for key, row in destination.items()
    }
    assert place.server.uploads("destination") == []
    assert set(place.writes().values()) == {1}


@pytest.mark.parametrize("conditions", ["all", "none"])
def test_a_large_object_is_overwritten_by_what_has_changed(place: Workplace, conditions: str) -> None:
    place.server.set_mode(conditions=conditions)
    place.seed("source", "big", size_bytes=11 * MIB)
    place.seed("destination", "big", size_bytes=10 * MIB, modified_s=1)
    place.carry_out(run=IN_PARTS)
    assert place.listed("destination")["big"].size_bytes == 11 * MIB


def test_what_somebody_else_uploads_is_never_touched(place: Workplace) -> None:
    place.seed("source", "big", size_bytes=11 * MIB)
    place.buckets("destination")
    theirs = [place.s3.create_multipart_upload(Bucket="destination", Key=key)["UploadId"] for key in ("big", "biggest")]
    place.carry_out(run=IN_PARTS)
    assert {upload.upload_id for upload in place.server.uploads("destination")} == set(theirs)


def test_a_source_that_changes_between_parts_never_arrives_mixed(place: Workplace) -> None:
    place.seed("source", "big", size_bytes=31 * MIB)
    place.buckets("destination")
    place.manifest(run={**IN_PARTS, "in_flight": 1, "executor": "serial"})
    place.plan(probe=True)
    place.server.faults(
        [Fault(kind=FaultKind.DELAY, operation="UploadPartCopy", key="big", after=2, times=None, delay_s=0.5)]
    )

    def change(event: object) -> None:
        if type(event).__name__ == "Advanced" and place.server.stats().requested("UploadPartCopy") >= 3:
            place.seed("source", "big", size_bytes=31 * MIB, seed=1)

    report = place.apply(on_event=change)
    assert (report.exit_code, counted(report)) == (3, {"stale": 1})
    assert place.keys("destination") == set()
    assert place.server.uploads("destination") == []
