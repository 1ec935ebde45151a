"""Objects that go from one store to another: plan, apply, plan again. The bytes pass through s3plan."""

from __future__ import annotations

import json
import time

import pytest
from fakes.odd_keys import ODD_KEYS
from fakes.relay_place import RelayPlace
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, MIB, counted

pytestmark = BY_BOTH_ENGINES


def test_every_odd_key_arrives_with_its_bytes_and_a_second_plan_is_empty(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    place.seed("source", *ODD_KEYS, size_bytes=40, synthetic=False)
    place.seed("source", "empty", "a directory/", body="")
    place.seed("source", "a directory with bytes/", "larger", size_bytes=100_000, synthetic=False)
    report = place.carry_out()
    assert counted(report) == {"done": len(ODD_KEYS) + 4}
    place.assert_same_content()
    assert set(place.writes().values()) == {1}
    assert report.verified == {"MD5": len(ODD_KEYS) + 2, "being empty": 2}


def test_what_goes_with_an_object_is_kept(relay_place: RelayPlace) -> None:
    place = relay_place
    kept = {
        "metadata": {"colour": "blue", "Shade": "dark"},
        "headers": {"content-type": "text/x-test", "cache-control": "no-cache", "content-encoding": "identity"},
        "tags": {"team": "a b+c", "cost/centre": "12=3"},
    }
    place.buckets()
    place.seed("source", "object", body="bytes", storage_class="STANDARD_IA", **kept)
    place.carry_out(allow_loss="storage_class")
    head = place.s3.head_object(Bucket="destination", Key="object")
    assert head["Metadata"] == {"colour": "blue", "shade": "dark"}
    assert (head["ContentType"], head["CacheControl"]) == ("text/x-test", "no-cache")
    assert "StorageClass" not in head  # whether another store has that class nobody knows
    tags = place.s3.get_object_tagging(Bucket="destination", Key="object")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == kept["tags"]


def test_the_plan_says_how_its_objects_come_across(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    place.seed("source", "object", body="bytes")
    place.manifest()
    shown = place.command.run("plan", "job.yaml")
    assert "relay: another endpoint" in shown.stdout
    assert "by the MD5 sums that the store answers; else the bytes are read back" in shown.stdout
    document = json.loads(place.command.run("show", "--json", ".s3plan/job.s3plan").stdout)
    (job,) = document["header"]["jobs"]
    assert job["transfer"] == {"way": "relay", "why": "another endpoint"}
    assert [action["kind"] for action in document["actions"]] == ["relay"]
    assert place.command.run("apply", ".s3plan/job.s3plan", "--yes", "--executor", "processes").exit_code == 0
    place.assert_same_content()


def test_what_changed_after_the_plan_is_stale_and_kept(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    place.seed("source", "changed", "gone", "taken", "fine", body="as planned")
    place.manifest()
    place.plan()
    place.seed("source", "changed", body="by somebody")
    place.s3.delete_object(Bucket="source", Key="gone")
    place.server.seed("destination", keys=["taken"], body="by somebody")
    report = place.apply()
    assert (counted(report), report.exit_code) == ({"done": 1, "stale": 3}, 3)
    assert place.keys("destination") == {"taken", "fine"}
    assert place.body("destination", "taken") == b"by somebody"


def test_an_object_that_suffers_on_the_way_is_fetched_again(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    place.seed("source", *(f"{number}" for number in range(8)), size_bytes=50_000, synthetic=False)
    place.manifest()
    place.plan()
    for at, kind in enumerate((FaultKind.FLIPPED_BIT, FaultKind.CUT_BODY, FaultKind.RESET_MID_BODY, FaultKind.RESET)):
        place.origin.faults([Fault(kind=kind, operation="GetObject", key=f"{at}")])
    place.server.faults([Fault(kind=FaultKind.REPLY_LOST, operation="PutObject", key="6", after_commit=True)])
    report = place.apply()
    assert report.exit_code == 0
    place.assert_same_content()
    assert counted(report) == {"done": 7, "already-done": 1}


def test_large_objects_come_across_in_parts_within_the_memory_that_they_may_have(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    kept = {"metadata": {"colour": "blue"}, "headers": {"content-type": "text/x-test"}, "tags": {"team": "a b+c"}}
    place.seed("source", "large", size_bytes=41 * MIB + 7, synthetic=False, **kept)
    place.seed("source", "just", size_bytes=16 * MIB, synthetic=False)
    run = {"part_size": "5MiB", "memory": "20MiB"}
    report = place.carry_out(run=run)
    assert counted(report) == {"done": 2}
    place.assert_same_content()
    found = place.listed("destination")
    assert (found["large"].etag[-2:], found["just"].etag[-2:]) == ("-9", "-4")
    head = place.s3.head_object(Bucket="destination", Key="large")
    assert (head["Metadata"], head["ContentType"]) == ({"colour": "blue"}, "text/x-test")
    tags = place.s3.get_object_tagging(Bucket="destination", Key="large")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == kept["tags"]
    assert place.server.uploads("destination") == []


def test_parts_that_are_large_for_the_memory_pass_through_a_temporary_file(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    place.seed("source", "large", size_bytes=41 * MIB + 7, synthetic=False)
    report = place.carry_out(run={"part_size": "12MiB", "memory": "16MiB"})
    assert counted(report) == {"done": 1}
    place.assert_same_content()


def test_parts_that_suffer_or_are_refused_for_a_moment_are_asked_for_again_and_nothing_else(
    relay_place: RelayPlace,
) -> None:
    place = relay_place
    place.buckets()
    place.seed("source", "large", size_bytes=40 * MIB, synthetic=False)
    place.manifest(run={"part_size": "5MiB"})
    place.plan()
    place.origin.faults(
        [Fault(kind=kind, operation="GetObject") for kind in (FaultKind.CUT_BODY, FaultKind.RESET, FaultKind.SLOW_DOWN)]
    )
    place.server.faults([Fault(kind=kind, operation="UploadPart") for kind in (FaultKind.SLOW_DOWN, FaultKind.RESET)])
    report = place.apply()
    assert report.exit_code == 0
    place.assert_same_content()
    assert place.origin.stats().requested("GetObject") - 1 <= 8 + 3  # the last one is the test's own
    assert place.server.stats().requested("UploadPart") <= 8 + 2


def test_an_object_that_is_overwritten_between_two_parts_is_stale_and_its_upload_is_gone(
    relay_place: RelayPlace,
) -> None:
    place = relay_place
    place.buckets()
    place.seed("source", "large", size_bytes=40 * MIB, synthetic=False)
    place.manifest(run={"part_size": "5MiB", "in_flight": 1, "workers": 1})
    place.plan()
    place.origin.faults([Fault(kind=FaultKind.DELAY, operation="GetObject", delay_s=1.0, after=2, times=None)])
    with place.command.start("apply", ".s3plan/job.s3plan", "--yes") as started:
        until_s = time.monotonic() + 30
        while place.server.stats().answered("UploadPart") < 2:
            assert time.monotonic() < until_s
            time.sleep(0.02)
        place.seed("source", "large", body="by somebody")
        ended = started.wait()
    assert ended.exit_code == 3, ended.output
    assert "source changed" in ended.output
    assert (place.keys("destination"), place.server.uploads("destination")) == (set(), [])


@pytest.mark.parametrize("side", ["source", "destination"])
def test_credentials_that_end_on_one_side_end_the_run_and_their_connection_is_named(
    relay_place: RelayPlace, side: str
) -> None:
    place = relay_place
    place.buckets()
    place.seed("source", count=20, size_bytes=10, synthetic=False)
    place.manifest()
    place.plan()
    server, operation = (place.origin, "GetObject") if side == "source" else (place.server, "PutObject")
    server.faults([Fault(kind=FaultKind.EXPIRED_TOKEN, operation=operation, times=None, after=5)])
    ended = place.command.run("apply", ".s3plan/job.s3plan", "--yes")
    assert ended.exit_code == 10
    assert ("connection origin" if side == "source" else "connection store") in ended.output
    server.clear_faults()
    assert place.apply().exit_code == 0
    place.assert_same_content()
