"""The journeys of the command that end the same on every S3 server. A subclass gives the fixture `store`."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
from fakes.ended import Ended
from fakes.odd_keys import ODD_KEYS, XML_UNSAFE_KEYS
from fakes.workplace import BY_BOTH_ENGINES, MIB, MIRROR, WorkplaceOn, counted
from s3plan.app.paths import capability_cache_path
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.storage.conditions.capabilities import CapabilityCache
from servers.independent_server import IndependentServer, content

Place = WorkplaceOn[IndependentServer]

PART = 5 * MIB
IN_PARTS = {"multipart_threshold": "5MiB", "part_size": "5MiB"}
FREE_MIRROR = {**MIRROR, "guards": {"max_delete": "100%"}}


class OnServer:
    @pytest.fixture
    def place(
        self, store: IndependentServer, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Place]:
        store.renew()
        workplace = WorkplaceOn(tmp_path, store, engine)
        with workplace.at_work(monkeypatch):
            yield workplace


class ServerListings(OnServer):
    ROWS_IN_A_PAGE = 1000

    def test_listings_of_several_pages_are_complete(self, place: Place) -> None:
        objects = self.ROWS_IN_A_PAGE * 2 + 10
        place.seed("source", *names("flat", objects))
        place.seed("destination", *names("flat", 3))
        for engine in ("native", "boto3"):
            place.engine = engine
            place.manifest()
            assert place.plan().header.actions == objects - 3, engine


class Journeys:
    """Those of any way from bucket to bucket; who takes them up gives the fixture `place`."""

    PROVED_LARGE: ClassVar[Sequence[str]] = ()
    """Large objects that a move removes: no server says by itself that a copy in parts has the bytes of its source."""

    def test_every_odd_key_arrives_with_its_bytes(self, place: Place) -> None:
        place.seed("source", *ODD_KEYS)
        place.buckets("destination")
        report = place.carry_out()
        assert counted(report) == {"done": len(ODD_KEYS)}
        assert_same_content(place)

    def test_a_mirror_makes_both_sides_the_same(self, place: Place) -> None:
        same, changed, new = (names(word, 15) for word in ("same", "changed", "new"))
        extraneous = [*names("extraneous", 15), *ODD_KEYS[::4], *XML_UNSAFE_KEYS]
        place.seed("source", *same, *changed, *new)
        place.seed("destination", *same, *set(extraneous))
        place.seed("destination", *changed, size_bytes=11)
        report = place.carry_out(**FREE_MIRROR)
        assert counted(report) == {"done": len(changed) + len(new) + len(set(extraneous))}
        assert_same_content(place)

    def test_what_is_moved_is_whole_at_the_destination_and_gone_at_the_source(self, place: Place) -> None:
        new, same, changed = (names(word, 10) for word in ("new", "same", "changed"))
        odd = [*ODD_KEYS[::4], *XML_UNSAFE_KEYS]
        sizes = dict.fromkeys([*new, *same, *changed, *odd], 10) | dict.fromkeys(self.PROVED_LARGE, 2 * PART + 1)
        for size in set(sizes.values()):
            place.seed("source", *(key for key in sizes if sizes[key] == size), size_bytes=size)
        place.seed("destination", *same)
        place.seed("destination", *changed, size_bytes=11)
        place.manifest(mode="move", run=IN_PARTS)
        place.plan()
        report = place.apply()
        assert (report.exit_code, counted(report)) == (
            0,
            {"done": 2 * len(sizes) - len(same), "already-done": len(same)},
        ), report
        assert (place.keys("source"), place.keys("destination")) == (set(), set(sizes))
        assert [key for key in sizes if place.body("destination", key) != content(sizes[key])] == []
        place.assert_nothing_left()

    @pytest.mark.parametrize("size_bytes", [1000, 6 * MIB], ids=["small", "large"])
    def test_what_changed_after_the_plan_is_stale_and_kept(self, place: Place, size_bytes: int) -> None:
        overwritten = ["source changed", "source gone", "destination changed", "destination gone"]
        place.seed("source", *overwritten, "destination created", "calm", size_bytes=size_bytes)
        place.seed("destination", *overwritten, size_bytes=size_bytes - 1)
        place.manifest(run=IN_PARTS)
        place.plan()
        place.seed("source", "source changed", size_bytes=size_bytes, seed=1)
        place.s3.delete_object(Bucket="source", Key="source gone")
        place.seed("destination", "destination changed", "destination created", size_bytes=77)
        place.s3.delete_object(Bucket="destination", Key="destination gone")
        before = place.listed("destination")
        ended = place.command.run("apply", place.plan_file, "--yes", "--json")
        assert ended.exit_code == 3, ended.output
        assert ended.event("run-ended")["counts"] == {"done": 1, "stale": 5}
        told = {event["key"]: event["reason"] for event in ended.events if event["event"] == "action-ended"}
        assert {key: reason.startswith(key) for key, reason in told.items()} == dict.fromkeys(
            [*overwritten, "destination created"], True
        )
        after = place.listed("destination")
        assert after.pop("calm").size_bytes == size_bytes
        assert after == before
        assert place.server.upload_ids("destination") == []


@BY_BOTH_ENGINES
class ServerJourneys(OnServer, Journeys):
    CAPABILITIES: ClassVar[Mapping[Condition, Enforcement]]
    """What a probe must find."""

    TAGS: ClassVar[Mapping[str, str]] = {"team": "a b+c", "cost/centre": "12=3"}
    """Empty where the server has no tags."""

    LOSES_TAGS_OF_UPLOADS = False

    def test_a_large_object_is_copied_in_parts_and_keeps_what_goes_with_it(self, place: Place) -> None:
        kept = {"metadata": {"colour": "blue", "words": "two words"}, "content_type": "video/x-test"}
        place.seed("source", "big", "a//b ?+%", size_bytes=11 * MIB, tags=self.TAGS, **kept)
        place.seed("source", "small", size_bytes=10, tags=self.TAGS, **kept)
        place.seed("destination", "a//b ?+%", size_bytes=10)
        place.carry_out(run=IN_PARTS)
        assert_same_content(place)
        for key in place.keys("source"):
            head = place.s3.head_object(Bucket="destination", Key=key)
            assert (head["Metadata"], head["ContentType"]) == (kept["metadata"], "video/x-test")
            assert head["ETag"].strip('"').endswith("-3") == (key != "small")
            if self.TAGS and not (self.LOSES_TAGS_OF_UPLOADS and key != "small"):
                tags = place.s3.get_object_tagging(Bucket="destination", Key=key)["TagSet"]
                assert {tag["Key"]: tag["Value"] for tag in tags} == self.TAGS
        assert place.server.upload_ids("destination") == []

    def test_an_audit_tells_what_another_tool_has_put_from_what_was_changed_since(self, place: Place) -> None:
        for key, size in (("small", 1000), ("a//b ?+%", 10), ("large", 11 * MIB)):
            for bucket in ("source", "destination"):
                place.seed(bucket, key, size_bytes=size)
        place.manifest()
        audited = place.command.run("verify", "job.yaml", "--attributes")
        assert audited.exit_code == 0, audited.output
        place.seed("destination", "small", size_bytes=999)
        place.s3.put_object(Bucket="destination", Key="a//b ?+%", Body=b"0123456789")
        place.s3.delete_object(Bucket="destination", Key="large")
        audited = place.command.run("verify", "job.yaml", "--json")
        assert audited.exit_code == 9, audited.output
        found = {line["key"]: line["finding"] for line in map(json.loads, audited.stdout.splitlines()) if "key" in line}
        assert found == {"small": "different", "a//b ?+%": "different", "large": "missing"}

    def test_an_object_changed_after_the_plan_is_not_deleted(self, place: Place) -> None:
        place.seed("source", "kept")
        place.seed("destination", "kept", "touched", "gone", "idle", "\x01touched")
        place.manifest(**FREE_MIRROR)
        place.plan()
        place.seed("destination", "touched", "\x01touched", size_bytes=11)
        place.s3.delete_object(Bucket="destination", Key="gone")
        report = place.apply()
        deleted = counted(report).get("done", 0) + counted(report).get("already-done", 0)
        assert (report.exit_code, deleted, counted(report)["stale"]) == (3, 2, 2)
        assert place.keys("destination") == {"kept", "touched", "\x01touched"}

    def test_an_apply_that_is_killed_again_and_again_ends_as_an_undisturbed_one(self, place: Place) -> None:
        small = names("small", 90)
        place.seed("source", *small, size_bytes=100)
        place.seed("source", "big", size_bytes=21 * MIB)
        place.seed("destination", *small[:30], size_bytes=99)
        place.manifest(run={**IN_PARTS, "in_flight": 2, "workers": 2, "rate": "60/s"})
        place.plan(probe=True)
        killed = [kill_once(place, copied=copied) for copied in (1, 40)]
        ended = place.command.run("apply", place.plan_file, "--yes")
        assert ended.exit_code == 0
        assert_same_content(place)
        told = "".join(one.output for one in (*killed, ended))
        assert [left for left in place.server.upload_ids("destination") if left not in told] == []
        place.assert_nothing_left()

    def test_a_plan_whose_journal_was_lost_may_be_applied_again(self, place: Place) -> None:
        place.seed("source", "new", "changed", size_bytes=100)
        place.seed("source", "big", size_bytes=11 * MIB)
        place.seed("destination", "changed", "extraneous", size_bytes=99)
        # What is known by its time must have come to be in a later second than the attempt began.
        place.manifest(**FREE_MIRROR, run={**IN_PARTS, "rate": "2/s"})
        place.plan()
        assert place.apply().exit_code == 0
        before = place.listed("destination")
        place.journal.unlink()
        report = place.apply()
        # A server that answers 204 to the pinned delete of a missing key makes that one `done` again.
        assert (report.exit_code, counted(report).get("done", 0) <= 1) == (0, True)
        assert sum(counted(report).get(word, 0) for word in ("done", "already-done")) == 4
        assert place.listed("destination") == before

    def test_a_probe_finds_what_the_store_enforces_and_leaves_nothing_behind(self, place: Place) -> None:
        place.buckets()
        place.manifest()
        made = place.plan(probe=True)
        assert {
            record.condition: record.enforcement for record in made.header.places[0].capabilities
        } == self.CAPABILITIES
        assert place.keys("destination") == set()
        assert place.server.upload_ids("destination") == []

    def test_a_store_that_does_less_than_the_plan_states_is_refused_before_any_change(self, place: Place) -> None:
        """The plan is of a day on which this endpoint enforced everything."""
        place.seed("source", "new", "changed")
        place.seed("destination", "changed", "theirs", size_bytes=11)
        note_everything_enforced(place)
        place.manifest()
        place.plan()
        capability_cache_path().unlink()
        before = place.listed("destination")
        ended = place.command.run("apply", place.plan_file, "--yes")
        assert ended.exit_code == 4, ended.output
        assert "planned enforced, found" in ended.stderr
        assert "--allow-checked" in ended.stderr
        assert place.listed("destination") == before
        ended = place.command.run("apply", place.plan_file, "--yes", "--allow-checked")
        assert ended.exit_code == 0, ended.output
        assert place.keys("destination") == {"new", "changed", "theirs"}


def note_everything_enforced(place: Place) -> None:
    """Have a plan believe that the destination's store enforces every condition."""
    cache = CapabilityCache(capability_cache_path())
    everything = dict.fromkeys(Condition, Enforcement.ENFORCED)
    cache.keep(place.server.endpoint, "destination", everything, now=datetime.now(UTC))


def assert_same_content(place: Place) -> None:
    """The destination holds the keys of the source, each with the bytes that the source was seeded with."""
    wanted = {key: row.size_bytes for key, row in place.listed("source").items()}
    assert place.keys("destination") == wanted.keys()
    with ThreadPoolExecutor(4) as threads:
        bodies = threads.map(lambda key: place.body("destination", key), wanted)
        for key, body in zip(wanted, bodies, strict=True):
            assert body == content(wanted[key]), key


def names(word: str, count: int) -> list[str]:
    return [f"{word}/{number:04}" for number in range(count)]


def kill_once(place: Place, *, copied: int) -> Ended:
    """Apply, and pull the plug once so many objects stand at the destination as they do in the source."""
    sizes: Collection[int] = (100, 21 * MIB)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        until_s = time.monotonic() + 60
        while sum(row.size_bytes in sizes for row in place.listed("destination").values()) < copied:
            assert started.is_running
            assert time.monotonic() < until_s
            time.sleep(0.05)
        ended = started.kill()
    assert ended.exit_code == -signal.SIGKILL
    return ended
