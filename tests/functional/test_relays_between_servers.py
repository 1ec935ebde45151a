"""Relays between MiniStack and OpenStack Swift, two servers that are not of our making and have little in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from fakes.odd_keys import ODD_KEYS, XML_UNSAFE_KEYS
from fakes.relay_place import RelayPlaceOn
from fakes.workplace import BY_BOTH_ENGINES, MIB, counted
from functional.server_journeys import FREE_MIRROR, IN_PARTS, assert_same_content, kill_once, names
from servers.independent_server import IndependentServer, content
from servers.ministack import MiniStack
from servers.ready import ready
from servers.swift import Swift

Place = RelayPlaceOn[IndependentServer]
PART = 5 * MIB


@pytest.fixture(scope="module")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    with ready(MiniStack(tmp_path_factory.mktemp("ministack"))) as server:
        yield server


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    with ready(Swift(tmp_path_factory.mktemp("swift"))) as server:
        yield server


@BY_BOTH_ENGINES
class RelayJourneys:
    """A subclass names the two servers."""

    FROM: ClassVar[str]
    TO: ClassVar[str]

    @pytest.fixture
    def place(
        self,
        ministack: MiniStack,
        swift: Swift,
        engine: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[Place]:
        servers: Mapping[str, IndependentServer] = {"ministack": ministack, "swift": swift}
        for server in servers.values():
            server.renew()
        workplace: Place = RelayPlaceOn(tmp_path, servers[self.TO], engine, origin=servers[self.FROM])
        with workplace.at_work(monkeypatch):
            yield workplace

    def test_every_odd_key_arrives_with_its_bytes(self, place: Place) -> None:
        place.seed("source", *ODD_KEYS)
        place.buckets("destination")
        report = place.carry_out()
        assert counted(report) == {"done": len(ODD_KEYS)}
        assert_same_content(place)

    @pytest.mark.parametrize("executor", ["threads", "processes"])
    @pytest.mark.sampled(1)
    def test_objects_of_all_sizes_arrive_whole_with_what_they_carry(self, place: Place, executor: str) -> None:
        carried = {"metadata": {"colour": "blue", "words": "two words"}, "content_type": "video/x-test"}
        for size in (0, 1, PART - 1, PART, PART + 1, 3 * PART + 7):
            place.seed("source", f"{size}", f"odd ?+%//{size}", size_bytes=size, **carried)
        place.buckets("destination")
        place.carry_out(run={**IN_PARTS, "executor": executor, "workers": 2})
        assert_same_content(place)
        for key in place.keys("source"):
            head = place.s3.head_object(Bucket="destination", Key=key)
            assert (head["Metadata"], head["ContentType"]) == (carried["metadata"], "video/x-test"), key
        assert place.server.upload_ids("destination") == []

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
        place.seed("source", *new, *same, *changed, *odd)
        place.seed("source", "large", size_bytes=2 * PART + 1)
        place.seed("destination", *same)
        place.seed("destination", *changed, size_bytes=11)
        keys = {*new, *same, *changed, *odd, "large"}
        place.manifest(mode="move", run=IN_PARTS)
        place.plan()
        report = place.apply()
        assert (report.exit_code, counted(report)) == (
            0,
            {"done": 2 * len(keys) - len(same), "already-done": len(same)},
        ), report
        assert (place.keys("source"), place.keys("destination")) == (set(), keys)
        assert {place.body("destination", key) for key in keys} == {content(10), content(2 * PART + 1)}
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
        after = place.listed("destination")
        assert after.pop("calm").size_bytes == size_bytes
        assert after == before
        assert place.server.upload_ids("destination") == []

    def test_an_apply_that_is_killed_again_and_again_ends_as_an_undisturbed_one(self, place: Place) -> None:
        small = names("small", 90)
        place.seed("source", *small, size_bytes=100)
        place.seed("source", "big", size_bytes=21 * MIB)
        place.seed("destination", *small[:30], size_bytes=99)
        place.manifest(run={**IN_PARTS, "in_flight": 2, "workers": 2, "rate": "60/s"})
        place.plan(probe=True)
        killed = [kill_once(place, copied=copied) for copied in (1, 40)]
        ended = place.command.run("apply", place.plan_file, "--yes")
        assert ended.exit_code == 0, ended.output
        assert_same_content(place)
        told = "".join(one.output for one in (*killed, ended))
        left = place.server.upload_ids("destination")
        assert [each for each in left if each not in told] == []
        place.assert_nothing_left()


class TestMiniStackToSwift(RelayJourneys):
    FROM, TO = "ministack", "swift"

    def test_a_plan_that_states_more_than_swift_holds_needs_to_be_told_so(self, place: Place) -> None:
        place.seed("source", "new", "changed")
        place.seed("destination", "changed", size_bytes=11)
        place.manifest()
        place.plan(probe=True)
        ended = place.command.run("apply", place.plan_file, "--yes", "--allow-checked")
        assert ended.exit_code == 0, ended.output
        assert_same_content(place)


class TestSwiftToMiniStack(RelayJourneys):
    FROM, TO = "swift", "ministack"
