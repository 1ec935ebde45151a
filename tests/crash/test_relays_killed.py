"""SIGKILL in the middle of a relay: the end of an undisturbed run, nothing written twice, no upload left open."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from fakes.relay_place import RelayPlace
from fakes.torture import TORTURE
from fakes.workplace import BY_BOTH_ENGINES, MIB, PROBE

PART = 5 * MIB
PARTS = 205 if TORTURE else 20  # a gibibyte in the long version
IN_FLIGHT = 4
LARGE_RUN = {"part_size": "5MiB", "multipart_threshold": "5MiB", "in_flight": IN_FLIGHT, "workers": 1}


def killed(place: RelayPlace, *words: str, after_s: float) -> None:
    """Apply, and pull the plug so long after the first object was read."""
    seen = place.origin.stats().requested("GetObject")
    with place.command.start("apply", place.plan_file, "--yes", *words) as started:
        until_s = time.monotonic() + 30
        while place.origin.stats().requested("GetObject") == seen and started.is_running:
            assert time.monotonic() < until_s
            time.sleep(0.01)
        time.sleep(after_s)
        ended = started.kill()
    assert ended.exit_code == -signal.SIGKILL, "the run must not be over before its last kill"
    place.told.append(ended.output)


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["threads", "processes"])
@pytest.mark.sampled(1)
def test_ten_kills_in_many_objects(relay_place: RelayPlace, executor: str) -> None:
    place = relay_place
    objects, in_flight = (20_000, 64) if TORTURE else (2_000, 16)
    moments = random.Random(20_000)
    place.seed("source", count=objects, size_bytes=100, synthetic=False)
    place.seed("destination", count=objects // 10, size_bytes=99, modified_s=1)
    rate = objects // 5 if TORTURE else 350  # so slow that no run is done before the last kill
    place.manifest(run={"in_flight": in_flight, "workers": 2, "executor": executor, "rate": f"{rate}/s"})
    place.plan(probe=True)
    place.server.reset_stats()
    first_success: dict[str, float] = {}
    for _ in range(10):
        killed(place, after_s=moments.uniform(0.02, 0.5))
        for key, row in place.listed("destination").items():
            if row.size_bytes == 100:
                assert first_success.setdefault(key, row.modified_s) == row.modified_s, "it was written again"
    assert 0 < len(first_success) < objects
    ended = place.command.run("apply", place.plan_file, "--yes", "--rate", "9000/s", timeout_s=120)
    assert ended.exit_code == 0, ended.output
    source, destination = place.listed("source"), place.listed("destination")
    assert {key: (row.etag, row.size_bytes) for key, row in destination.items()} == {
        key: (row.etag, row.size_bytes) for key, row in source.items()
    }
    assert all(destination[key].modified_s == at_s for key, at_s in first_success.items())
    assert place.server.stats().answered("PutObject") <= objects + 10 * in_flight
    place.assert_all_done_once()


@BY_BOTH_ENGINES
def test_a_large_relay_that_is_killed_sends_only_the_missing_parts(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    content = os.urandom(PARTS * PART)
    place.s3.put_object(Bucket="source", Key="film", Body=content, ChecksumAlgorithm="CRC64NVME")
    place.manifest(run=LARGE_RUN)
    place.plan(probe=True)
    for server in place.both:
        server.reset_stats()
    for share in (4, 2):
        interrupted(place, parts=PARTS // share)
        assert place.keys("destination") == set()
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    assert place.body("destination", "film") == content
    assert PARTS <= sent(place) <= PARTS + 2 * 2 * IN_FLIGHT
    ranges = sum(logged.key == "film" and logged.status == "206" for logged in place.origin.log())
    assert PARTS <= ranges <= PARTS + 2 * 3 * IN_FLIGHT
    assert sum(logged.key == "film" for logged in place.server.log() if is_create(logged.operation)) == 1
    place.assert_all_done_once()


def is_create(operation: str) -> bool:
    return operation == "CreateMultipartUpload"


def sent(place: RelayPlace) -> int:
    """Return how many parts the destination has taken."""
    return sum(
        logged.operation == "UploadPart" and logged.status == "200" and PROBE not in logged.key
        for logged in place.server.log()
    )


def interrupted(place: RelayPlace, *, parts: int) -> None:
    """Kill an apply once so many parts have arrived, and were noted."""
    place.server.set_mode(latency_s=0.3)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        until_s = time.monotonic() + 60
        while sent(place) < parts:
            assert started.is_running, started.wait().output
            assert time.monotonic() < until_s
            time.sleep(0.02)
        time.sleep(0.6)  # a report is due every quarter of a second
        place.told.append(started.kill().output)
    place.server.set_mode(latency_s=0)
