"""SIGKILL at random moments, `apply` again each time: the end state of an undisturbed run, and no work done twice."""

from __future__ import annotations

import random
import signal
import time

import pytest
from fakes.command import Ended
from fakes.torture import TORTURE
from fakes.workplace import MIB, PROBE, Workplace

IN_FLIGHT = 64
SLOTS = 4
BATCH = 1000


def killed(place: Workplace, *words: str, after_s: float) -> Ended:
    """Apply, and pull the plug so long after the first request of this run."""
    seen = sum(place.server.stats().requests.values())
    with place.command.start("apply", place.plan_file, "--yes", *words) as started:
        until_s = time.monotonic() + 30
        while sum(place.server.stats().requests.values()) == seen and started.is_running:
            assert time.monotonic() < until_s
            time.sleep(0.01)
        time.sleep(after_s)
        ended = started.kill()
        place.told.append(ended.output)
        return ended


@pytest.mark.slow
def test_many_objects_and_many_kills(place: Workplace) -> None:
    objects, kills = (20_000, 10) if TORTURE else (4_000, 3)
    moments = random.Random(20_000)
    place.seed("source", count=objects, size_bytes=100)
    place.seed("destination", count=2_000, size_bytes=99, modified_s=1)
    # So slow that even the faster engine on a fast machine is not done before the last kill.
    place.manifest(run={"in_flight": IN_FLIGHT, "workers": SLOTS, "rate": "1500/s"})
    place.plan(probe=True)
    place.server.reset_stats()
    first_success: dict[str, float] = {}
    for _ in range(kills):
        ended = killed(place, after_s=moments.uniform(0.05, 1.6))
        assert ended.exit_code == -signal.SIGKILL, "the run must not be over before its last kill"
        for key, row in place.listed("destination").items():
            if row.size_bytes == 100:
                assert first_success.setdefault(key, row.modified_s) == row.modified_s
    assert 0 < len(first_success) < objects
    ended = place.command.run("apply", place.plan_file, "--yes", "--json", timeout_s=120)
    assert ended.exit_code == 0, ended.output
    source, destination = place.listed("source"), place.listed("destination")
    assert {key: (row.etag, row.size_bytes) for key, row in destination.items()} == {
        key: (row.etag, row.size_bytes) for key, row in source.items()
    }
    assert all(destination[key].modified_s == at_s for key, at_s in first_success.items())
    assert set(place.writes().values()) == {1}
    stats = place.server.stats()
    copied, sent = stats.answered("CopyObject"), stats.requested("CopyObject")
    assert copied <= objects + kills * IN_FLIGHT
    assert sent <= objects + kills * (IN_FLIGHT + BATCH * SLOTS)
    assert place.server.uploads("destination") == []
    place.assert_nothing_left()


def test_small_and_large_objects_killed_in_the_middle(place: Workplace) -> None:
    """Parts that are stored are not copied again, and no upload stays open unnamed."""
    large, parts, kills = 4, 9, 5
    moments = random.Random(6)
    place.seed("source", count=150, size_bytes=10)
    place.seed("source", *(f"big-{number}" for number in range(large)), size_bytes=41 * MIB, parts=3)
    place.buckets("destination")
    run = {"multipart_threshold": "5MiB", "part_size": "5MiB", "in_flight": 4, "workers": 2}
    place.manifest(run=run)
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.05)
    for _ in range(kills):
        ended = killed(place, after_s=moments.uniform(0.1, 0.6))
        assert ended.exit_code == -signal.SIGKILL, ended.output
    place.server.set_mode(latency_s=0)
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    place.told.append(ended.output)
    assert place.untold_uploads() == []
    assert set(place.writes().values()) == {1}
    stats = place.server.stats()
    assert stats.answered("UploadPartCopy") <= large * parts + kills * 4
    assert stats.answered("CreateMultipartUpload") <= large + kills * 2
    source, destination = place.listed("source"), place.listed("destination")
    assert {key: row.size_bytes for key, row in destination.items()} == {
        key: row.size_bytes for key, row in source.items()
    }
    place.assert_nothing_left()


@pytest.mark.parametrize("conditions", ["all", "none"])
def test_a_mirror_killed_while_it_deletes(place: Workplace, conditions: str) -> None:
    place.server.set_mode(conditions=conditions)
    place.seed("source", count=50, size_bytes=10)
    place.seed("destination", count=1500, start=25, size_bytes=10)
    deletion = {"extraneous": True, "unpinned": "allow" if conditions == "none" else "refuse"}
    place.manifest(mode="mirror", delete=deletion, guards={"max_delete": "100%"}, run={"in_flight": 4})
    place.plan(probe=True)
    place.server.set_mode(latency_s=0.1)
    for after_s in (0.3, 0.7, 1.1):
        killed(place, after_s=after_s)
    place.server.set_mode(latency_s=0)
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert place.keys("destination") == place.keys("source")
    place.assert_nothing_left()


def test_what_a_probe_left_that_was_killed_is_removed_by_the_next(place: Workplace) -> None:
    place.seed("source", count=5, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan()
    place.server.set_mode(latency_s=0.05)
    for after_s in (0.9, 1.2):
        killed(place, after_s=after_s)
    left = place.keys("destination") | {upload.key for upload in place.server.uploads("destination")}
    assert any(PROBE in key for key in left)
    place.server.set_mode(latency_s=0)
    assert place.command.run("apply", place.plan_file, "--yes").exit_code == 0
    assert place.keys("destination") == place.keys("source")
    assert place.server.uploads("destination") == []
