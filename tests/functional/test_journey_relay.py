"""Objects go from one store to another through s3plan: all keys and sizes, with what they carry, by both executors."""

from __future__ import annotations

import os
from typing import Any

import pytest
from fakes.odd_keys import ODD_KEYS
from fakes.relay_place import ORIGIN, RelayPlace
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, MIB, MIRROR, PROBE, counted

PART = 5 * MIB
SIZES = (0, 1, PART - 1, PART, PART + 1, 2 * PART, 3 * PART + 7)
RUN = {"part_size": "5MiB", "multipart_threshold": "5MiB"}
CARRIED: dict[str, Any] = {
    "Metadata": {"colour": "blue", "words": "two words", "mtime": "1700000000.5"},
    "ContentType": "video/x-test",
    "CacheControl": "max-age=60",
    "ContentDisposition": 'attachment; filename="x.bin"',
    "ContentEncoding": "gzip",
    "ContentLanguage": "de, en",
}
_IN_HEAD = (*CARRIED, "ContentLength")

pytestmark = BY_BOTH_ENGINES


def put(place: RelayPlace, key: str, size: int) -> bytes:
    content = os.urandom(size)
    place.s3.put_object(Bucket="source", Key=key, Body=content, **CARRIED)
    return content


@pytest.mark.sampled(2)
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_objects_of_all_sizes_arrive_whole_with_what_they_carry(relay_place: RelayPlace, executor: str) -> None:
    place = relay_place
    place.buckets()
    made = {f"{size:09}": put(place, f"{size:09}", size) for size in SIZES}
    report = place.carry_out(run={**RUN, "executor": executor, "workers": 2})
    assert counted(report) == {"done": len(SIZES)}
    assert {key: place.body("destination", key) for key in place.keys("destination")} == made
    for key in made:
        here, there = (place.s3.head_object(Bucket=bucket, Key=key) for bucket in ("destination", "source"))
        assert {name: here.get(name) for name in _IN_HEAD} == {name: there.get(name) for name in _IN_HEAD}
    assert place.server.uploads("destination") == []
    place.assert_all_done_once()


def test_every_odd_key_arrives_with_its_own_bytes(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    for key in ODD_KEYS:
        place.s3.put_object(Bucket="source", Key=key, Body=key.encode())
    report = place.carry_out()
    assert counted(report) == {"done": len(ODD_KEYS)}
    assert {key: place.body("destination", key) for key in place.keys("destination")} == {
        key: key.encode() for key in ODD_KEYS
    }


def test_the_plan_says_that_bytes_pass_through_and_why(relay_place: RelayPlace) -> None:
    place = relay_place
    place.seed("source", "one")
    place.buckets("destination")
    place.manifest()
    planned = place.command.run("plan", "job.yaml")
    assert planned.exit_code in {0, 2}, planned.output
    assert "relay: another endpoint" in planned.output


def test_no_request_asks_a_store_to_copy_what_is_elsewhere(relay_place: RelayPlace) -> None:
    place = relay_place
    place.seed("source", "small", size_bytes=10, synthetic=False)
    place.seed("source", "large", size_bytes=11 * MIB, synthetic=False)
    place.buckets("destination")
    place.carry_out(run=RUN)
    sent = {logged.operation for server in place.both for logged in server.log() if PROBE not in logged.key}
    assert sent.isdisjoint({"CopyObject", "UploadPartCopy"})
    assert {logged.operation for logged in place.origin.log()} <= {"ListObjectsV2", "GetObject", "HeadObject"} | {
        "HeadBucket",
        "GetObjectTagging",
        "GetBucketLocation",
        "GetBucketVersioning",
        "GetBucketEncryption",
    }, "the source is only read"


def test_a_mirror_replaces_and_deletes_at_the_destination_only(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    for key in ("same", "changed", "new"):
        place.s3.put_object(Bucket="source", Key=key, Body=key.encode())
    place.s3.put_object(Bucket="destination", Key="same", Body=b"same")
    place.s3.put_object(Bucket="destination", Key="changed", Body=b"other")
    place.s3.put_object(Bucket="destination", Key="extraneous", Body=b"extraneous")
    before = place.listed("source")
    report = place.carry_out(**MIRROR, guards={"max_delete": "100%"})
    assert counted(report) == {"done": 3}
    assert {key: place.body("destination", key) for key in place.keys("destination")} == {
        key: key.encode() for key in ("same", "changed", "new")
    }
    assert place.listed("source") == before


def test_what_is_moved_is_whole_there_before_it_goes_here(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    sizes = {"small": 10, "empty": 0, "large": 2 * PART + 1}
    made = {key: put(place, key, size) for key, size in sizes.items()}
    made["same"] = b"same"
    for bucket in ("source", "destination"):
        place.s3.put_object(Bucket=bucket, Key="same", Body=b"same")
    place.manifest(mode="move", run=RUN)
    place.plan()
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": 2 * len(made) - 1, "already-done": 1}), report
    assert place.keys("source") == set()
    assert {key: place.body("destination", key) for key in place.keys("destination")} == made
    place.assert_nothing_left()


# That AWS counts them is believed of its hosts; a name alone may be wrong, and a tag that nobody asks for is lost.
@pytest.mark.parametrize(("row", "asked"), [("aws", 40), ("r2", 0), ("unknown", 40)])
def test_tags_cost_a_request_only_where_the_store_may_have_some_and_does_not_count_them(
    relay_place: RelayPlace, row: str, asked: int
) -> None:
    place = relay_place
    place.seed("source", count=40, size_bytes=10, synthetic=False)
    place.buckets("destination")
    place.rows = {ORIGIN: row}
    report = place.carry_out(run={"in_flight": 1, "workers": 1})
    assert counted(report) == {"done": 40}
    assert place.origin.stats().requested("GetObjectTagging") == asked


def test_tags_that_a_job_leaves_behind_are_not_asked_for(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    for number in range(3):
        place.s3.put_object(
            Bucket="source", Key=f"{number}", Body=b"x", Tagging="a=b", Metadata={"c": "d"}, ContentType="text/css"
        )
    report = place.carry_out(preserve=["metadata", "content", "storage_class"])
    assert counted(report) == {"done": 3}
    assert place.origin.stats().requested("GetObjectTagging") == 0
    for key in sorted(place.keys("destination")):
        head = place.s3.head_object(Bucket="destination", Key=key)
        assert (head["Metadata"], head["ContentType"]) == ({"c": "d"}, "text/css")
        assert place.s3.get_object_tagging(Bucket="destination", Key=key)["TagSet"] == []


def test_a_store_that_offers_no_tags_is_asked_for_them_once(relay_place: RelayPlace) -> None:
    place = relay_place
    place.seed("source", count=40, size_bytes=10, synthetic=False)
    place.buckets("destination")
    none = Fault(kind=FaultKind.ERROR, code="NotImplemented", operation="GetObjectTagging", times=None)
    place.origin.faults([none])
    report = place.carry_out(run={"in_flight": 1, "workers": 1})
    assert counted(report) == {"done": 40}
    assert place.origin.stats().requested("GetObjectTagging") == 1
