"""Relays between servers that are not of one making: MiniStack, OpenStack Swift, the compiled one of the benchmarks.

How they end when they are killed is in tests/crash/test_relays_killed_between_servers.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pytest
from fakes.workplace import BY_BOTH_ENGINES
from functional.server_journeys import IN_PARTS, PART, Journeys, assert_same_content
from servers.compiled import Compiled
from servers.ministack import MiniStack
from servers.pairs import BetweenServers, Place, started
from servers.swift import Swift

__all__ = ["started"]


@BY_BOTH_ENGINES
class RelayJourneys(BetweenServers, Journeys):
    PROVED_LARGE: ClassVar[Sequence[str]] = ("large",)

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
            found = {name.lower(): value for name, value in head["Metadata"].items()}  # Go writes them large
            assert (found, head["ContentType"]) == (carried["metadata"], "video/x-test"), key
        assert place.server.upload_ids("destination") == []


class TestMiniStackToSwift(RelayJourneys):
    FROM, TO = MiniStack, Swift

    def test_a_plan_that_states_more_than_swift_holds_needs_to_be_told_so(self, place: Place) -> None:
        place.seed("source", "new", "changed")
        place.seed("destination", "changed", size_bytes=11)
        place.manifest()
        place.plan(probe=True)
        ended = place.command.run("apply", place.plan_file, "--yes", "--allow-checked")
        assert ended.exit_code == 0, ended.output
        assert_same_content(place)


class TestSwiftToMiniStack(RelayJourneys):
    FROM, TO = Swift, MiniStack


class TestSwiftToCompiled(RelayJourneys):
    FROM, TO = Swift, Compiled


class TestCompiledToMiniStack(RelayJourneys):
    FROM, TO = Compiled, MiniStack
