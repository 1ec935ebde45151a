"""What may happen to an object on its way from one store to another: the rows of the design's table of faults."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

import pytest
from fakes.quirky_store import Asked, Quirk, QuirkyStore, Said, quirky_store
from fakes.relay_place import ORIGIN, STORE, RelayPlace
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, MIB, PROBE, counted
from fakes.wrong_ranges import of_another_range, whole_instead

PART = 5 * MIB
RUN = {"part_size": "5MiB", "multipart_threshold": "5MiB", "retries": {"attempts": 2, "initial": "1ms", "max": "2ms"}}
SIZES = {"small": 1000, "in pieces": 3 * MIB, "in parts": 2 * PART + 1}
Spoil = Callable[[Said, bytes], Said]

pytestmark = BY_BOTH_ENGINES


def overlong(said: Said, _: bytes) -> Said:
    return said.with_body(said.body + b"surplus")


def truncated(said: Said, _: bytes) -> Said:
    return said.with_body(said.body[:-1])


def flipped(said: Said, _: bytes) -> Said:
    return said.with_body(bytes([said.body[0] ^ 1]) + said.body[1:])


CASES = [
    *((spoil, size) for spoil in (overlong, truncated, flipped) for size in SIZES),
    *((spoil, "in parts") for spoil in (of_another_range, whole_instead)),
]
EVERY_CASE = pytest.mark.parametrize(("spoil", "size"), CASES, ids=lambda given: getattr(given, "__name__", given))


def flipped_anywhere(said: Said, _: bytes) -> Said:
    if said.status != 206:
        return said  # its tags
    at = random.randrange(len(said.body))
    return said.with_body(said.body[:at] + bytes([said.body[at] ^ 1]) + said.body[at + 1 :])


def spoiling(spoil: Spoil, whole: bytes, *, times: int) -> Quirk:
    """Rewrite the answers to so many reads of the object."""
    lock, left = Lock(), [times]

    def quirk(asked: Asked, said: Said) -> Said:
        if asked.method != "GET" or not asked.path.endswith("/film") or said.status not in {200, 206}:
            return said
        with lock:
            left[0] -= 1
            return spoil(said, whole) if left[0] >= 0 else said

    return quirk


def put(place: RelayPlace, key: str, size: int) -> bytes:
    content = os.urandom(size)
    place.s3.put_object(Bucket="source", Key=key, Body=content, ChecksumAlgorithm="CRC64NVME")
    return content


@contextmanager
def planned(place: RelayPlace, *, size: str, **sections: object) -> Iterator[tuple[QuirkyStore, bytes]]:
    """A plan to relay `film` from behind a store that may spoil its answers."""
    place.buckets()
    content = put(place, "film", SIZES[size])
    with quirky_store(place.origin.endpoint) as spoilt:
        with place.reached_at(origin=spoilt.endpoint):
            place.manifest(run=RUN, **sections)
        place.plan()
        yield spoilt, content


def assert_nothing_there(place: RelayPlace) -> None:
    assert place.keys("destination") == set()
    assert place.untold_uploads() == []
    assert place.server.uploads("destination") == []


@pytest.mark.sampled(4)
@EVERY_CASE
def test_a_truncated_overlong_or_flipped_body_or_another_range_is_retried_from_a_clean_part(
    relay_place: RelayPlace, spoil: Spoil, size: str
) -> None:
    with planned(relay_place, size=size) as (spoilt, content):
        spoilt.quirk = spoiling(spoil, content, times=1)
        report = relay_place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": 1}), report
    assert relay_place.body("destination", "film") == content
    assert relay_place.server.uploads("destination") == []


@pytest.mark.sampled(5)
@EVERY_CASE
def test_bytes_that_never_come_as_they_are_fail_and_are_never_completed(
    relay_place: RelayPlace, spoil: Spoil, size: str
) -> None:
    with planned(relay_place, size=size) as (spoilt, content):
        spoilt.quirk = spoiling(spoil, content, times=1_000)
        report = relay_place.apply()
    said = relay_place.command.run("failures", relay_place.plan_file).stdout
    assert (report.exit_code, counted(report)) == (9 if spoil is flipped else 3, {"failed": 1}), said
    assert "relay   film: " in said
    assert_nothing_there(relay_place)


@pytest.mark.parametrize("times", [1, 1_000])
def test_a_move_removes_no_source_whose_parts_come_otherwise_the_second_time(
    relay_place: RelayPlace, times: int
) -> None:
    place = relay_place
    with planned(place, size="in parts", mode="move", guards={"max_delete": "100%"}) as (spoilt, content):
        place.s3.put_object(Bucket="source", Key="film", Body=content)  # without a checksum that is compared in parts
        place.plan()
        spoilt.quirk = spoiling(flipped_anywhere, content, times=times)
        report = place.apply()
    if times == 1:
        assert (report.exit_code, place.keys("source")) == (0, set())
        assert place.body("destination", "film") == content
        return
    assert report.exit_code == 9, place.command.run("failures", place.plan_file).stdout
    assert place.body("source", "film") == content
    assert_nothing_there(place)


def test_a_source_that_is_overwritten_between_two_ranges_is_stale_and_its_upload_gone(
    relay_place: RelayPlace,
) -> None:
    place = relay_place
    place.buckets()
    put(place, "film", 20 * PART)
    place.origin.seed("other", keys=["film"], size_bytes=20 * PART)
    place.manifest(run={**RUN, "in_flight": 2, "executor": "threads", "workers": 1})
    place.plan()
    place.origin.set_mode(latency_s=0.3)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        until_s = time.monotonic() + 30
        while place.origin.stats().answered("GetObject", 206) < 3:
            assert started.is_running, started.wait().output
            assert time.monotonic() < until_s
            time.sleep(0.02)
        place.s3.copy_object(Bucket="source", Key="film", CopySource="other/film")
        ended = started.wait()
    assert ended.exit_code == 3, ended.output
    assert "relay   film: source changed: etag" in place.command.run("failures", place.plan_file).stdout
    assert_nothing_there(place)


@pytest.mark.parametrize("size", [1000, PART + 1], ids=["small", "large"])
def test_a_source_that_is_overwritten_after_the_plan_is_stale(relay_place: RelayPlace, size: int) -> None:
    place = relay_place
    place.buckets()
    put(place, "film", size)
    place.manifest(run=RUN)
    place.plan()
    put(place, "film", size)
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"stale": 1}), report
    assert_nothing_there(place)


@pytest.mark.parametrize("size", [1000, PART + 1], ids=["small", "large"])
def test_what_somebody_has_put_to_the_destination_since_the_plan_is_kept(relay_place: RelayPlace, size: int) -> None:
    place = relay_place
    place.buckets()
    for key in ("new", "over"):
        put(place, key, size)
    place.s3.put_object(Bucket="destination", Key="over", Body=b"planned")
    place.manifest(run=RUN)
    place.plan()
    for key in ("new", "over"):
        place.s3.put_object(Bucket="destination", Key=key, Body=b"theirs")
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"stale": 2}), report
    assert {key: place.body("destination", key) for key in place.keys("destination")} == dict.fromkeys(
        ("new", "over"), b"theirs"
    )
    assert place.server.uploads("destination") == []


@pytest.mark.parametrize("again", [False, True], ids=["NoSuchUpload", "answered again"])
def test_a_complete_whose_reply_is_lost_has_made_the_object_by_its_checksum(
    relay_place: RelayPlace, again: bool
) -> None:
    place = relay_place
    place.buckets()
    content = put(place, "film", 3 * PART + 1)
    place.server.set_mode(complete_again=again)
    place.manifest(run=RUN)
    place.plan(probe=True)
    place.server.faults([Fault(kind=FaultKind.REPLY_LOST, operation="CompleteMultipartUpload", key="film")])
    report = place.apply()
    assert report.exit_code == 0, report
    assert set(counted(report)) <= {"done", "already-done"}
    assert place.body("destination", "film") == content
    place.assert_all_done_once()


def test_a_put_whose_reply_is_lost_has_made_the_object_by_its_sum(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    put(place, "small", 1000)
    place.manifest(run=RUN)
    place.plan(probe=True)
    place.server.faults([Fault(kind=FaultKind.REPLY_LOST, operation="PutObject", key="small")])
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"already-done": 1}), report
    place.assert_all_done_once()


def test_an_upload_that_somebody_removes_is_begun_anew(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    content = put(place, "film", 3 * PART + 1)
    place.manifest(run=RUN)
    place.plan(probe=True)
    gone = Fault(kind=FaultKind.ERROR, code="NoSuchUpload", operation="UploadPart", key="film")
    place.server.faults([gone])
    report = place.apply()
    if report.exit_code:  # what an apply gives up the next one makes
        report = place.apply()
    assert report.exit_code == 0, report
    assert place.body("destination", "film") == content


@pytest.mark.parametrize("size", ["small", "in parts"])
def test_a_store_that_ignores_checksums_is_found_by_what_it_says_of_the_bytes(
    relay_place: RelayPlace, size: str
) -> None:
    """It takes spoilt bytes as if they were right: they are read back, or their ETag tells."""
    place = relay_place
    place.buckets()
    put(place, "film", SIZES[size])
    place.server.set_mode(ignores_checksums=True, flips_keys=["film"])
    place.manifest(run=RUN)
    place.plan()
    report = place.apply()
    assert (report.exit_code, counted(report)) == (9, {"failed": 1}), report


@pytest.mark.parametrize("side", [ORIGIN, STORE])
@pytest.mark.parametrize(
    "kind", [FaultKind.RESET, FaultKind.SLOW_DOWN, FaultKind.INTERNAL_ERROR, FaultKind.CUT_BODY, FaultKind.REPLY_LOST]
)
@pytest.mark.sampled(4)
def test_a_part_that_meets_a_fault_on_one_side_costs_no_other_part(
    relay_place: RelayPlace, kind: FaultKind, side: str
) -> None:
    place = relay_place
    place.buckets()
    content = put(place, "film", 6 * PART)
    place.manifest(run=RUN)
    place.plan(probe=True)
    for server in place.both:
        server.reset_stats()
    operation = "GetObject" if side == ORIGIN else "UploadPart"
    server = place.origin if side == ORIGIN else place.server
    server.faults([Fault(kind=kind, operation=operation, key="film", after=2)])
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": 1}), report
    assert place.body("destination", "film") == content
    fetched = sum(logged.operation == "GetObject" and logged.key == "film" for logged in place.origin.log())
    sent = sum(logged.operation == "UploadPart" and PROBE not in logged.key for logged in place.server.log())
    # A part that was not taken is sent again from its buffer. Where botocore takes half an ETag for a whole one,
    # Complete tells, and the part is fetched again.
    again = side == ORIGIN or (kind is FaultKind.CUT_BODY and fetched == 7)
    assert (fetched, sent) == (6 + again, 7 - (side == ORIGIN))
