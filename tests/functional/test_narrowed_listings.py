"""Where all patterns of `include` begin alike, only keys that begin so are listed, and the plan is the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from fakes.both_ends import listed_at_source
from fakes.s3server import Fault, FaultKind
from fakes.workplace import MIRROR, Workplace
from s3plan.planfile.reader import open_plan
from s3plan.schemas.errors import StoreRefused

NARROW = {"include": ["/photos/2024/", "/photos/2025/*.jpg"]}
SHARED = "photos/202"
WIDE = {"include": [*NARROW["include"], "/no-such-folder/"]}  # the same objects, and no common beginning
IN, OUT = {"url": "s3://source/in/"}, {"url": "s3://destination/out/"}


@pytest.fixture
def filled(place: Workplace) -> Workplace:
    """2,500 objects in scope on each side, of which 100 are new and 100 extraneous; as many around them."""
    names = ("photos/2024/", "photos/2023/", "photos/", "photo", "zoo/photos/2024/")
    for name in names:
        place.seed("source", count=2500, key_format=f"in/{name}{{:06d}}.jpg", size_bytes=10)
        place.seed("destination", count=2500, start=100, key_format=f"out/{name}{{:06d}}.jpg", size_bytes=10)
    for side, prefix in (("source", "in/"), ("destination", "out/")):
        odd = ["", "photos/2025/a.jpg", "photos/2025/a.txt", "photos/2025", "photos/202"]
        place.seed(side, *(prefix + key for key in odd), f"{prefix[:-1]}photos/2024/a", body="bytes")
    return place


def test_only_what_the_patterns_can_match_is_listed_and_the_plan_is_the_same(filled: Workplace) -> None:
    narrow, narrow_prefixes = planned(filled, NARROW, "narrow")
    wide, wide_prefixes = planned(filled, WIDE, "wide")
    assert narrow_prefixes == {f"in/{SHARED}", f"out/{SHARED}"}
    assert wide_prefixes == {"in/", "out/"}
    assert content_of(narrow) == content_of(wide)
    with open_plan(narrow) as one, open_plan(wide) as other:
        for name in ("totals", "prefixes", "guards"):
            assert getattr(one.header.jobs[0], name) == getattr(other.header.jobs[0], name), name
        assert (one.header.actions, one.header.bytes) == (other.header.actions, other.header.bytes)
        assert one.header.warnings == ()
        (unmatched,) = other.header.warnings  # of the pattern that is there to begin like no other
        assert "filters.include[2]: matches no key on either side" in unmatched
        assert (one.header.actions, one.header.jobs[0].guards[0].found) == (200, 100)
        assert (listed_at_source(one.header.jobs[0]).objects, one.header.jobs[0].destination.objects) == (2501, 2501)
        assert (listed_at_source(one.header.jobs[0]).left_out, listed_at_source(other.header.jobs[0]).left_out) == (
            2503,
            10_004,
        )
        assert listed_at_source(one.header.jobs[0]).note == f"only keys that begin with {SHARED} were listed"
        assert listed_at_source(other.header.jobs[0]).note is None


def test_the_plan_says_what_was_listed_and_a_mirror_touches_nothing_else(filled: Workplace) -> None:
    before = filled.keys("destination")
    path = filled.manifest(**MIRROR, source=IN, destination=OUT, filters=NARROW)
    ended = filled.command.run("plan", path)
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout.count(f"2,503 left out by filters; only keys that begin with {SHARED} were listed") == 2
    assert filled.command.run("apply", filled.plan_file, "--yes").exit_code == 0
    after = filled.keys("destination")
    changed = before ^ after
    assert len(changed) == 200
    assert all(key.startswith("out/photos/2024/") for key in changed)
    filled.assert_nothing_left()


@pytest.mark.parametrize("filters", [NARROW, WIDE], ids=["narrow", "wide"])
def test_guards_look_at_the_objects_in_scope_either_way(place: Workplace, filters: Mapping[str, object]) -> None:
    place.seed("source", *(f"in/photos/2024/{number}" for number in range(3)), "in/zoo/a", body="bytes")
    place.seed("destination", *(f"out/photos/2024/{number}" for number in range(5)), body="bytes")
    place.seed("destination", count=50, key_format="out/zoo/{}", size_bytes=10)
    place.manifest(**MIRROR, source=IN, destination=OUT, filters=filters)
    (max_delete, empty_source) = place.plan().header.jobs[0].guards
    assert (max_delete.found, max_delete.allowed, max_delete.held) == (2, 2, False)  # 25% of 5, rounded up
    assert not empty_source.held
    place.server.wipe("source")
    place.seed("source", "in/zoo/a", body="bytes")
    (max_delete, empty_source) = place.plan().header.jobs[0].guards
    assert (max_delete.found, max_delete.allowed, max_delete.held) == (5, 2, True)
    assert empty_source.held


def test_a_store_that_lists_out_of_order_is_narrowed_too(filled: Workplace) -> None:
    wide, _ = planned(filled, WIDE, "wide")
    filled.server.set_mode(order="unsorted")
    narrow, prefixes = planned(filled, NARROW, "narrow")
    assert prefixes == {f"in/{SHARED}", f"out/{SHARED}"}
    assert content_of(narrow) == content_of(wide)
    with open_plan(narrow) as plan:
        sorted_by_us = "the store lists out of order: sorted on disk first"
        assert (
            listed_at_source(plan.header.jobs[0]).note
            == f"only keys that begin with {SHARED} were listed; {sorted_by_us}"
        )


def test_a_refused_listing_names_what_was_asked_for(place: Workplace) -> None:
    place.buckets()
    denied = FaultKind.ACCESS_DENIED
    place.server.faults([Fault(kind=denied, operation="ListObjectsV2", key=f"in/{SHARED}", times=None)])
    place.manifest(source=IN, destination=OUT, filters=NARROW)
    with pytest.raises(StoreRefused, match=rf"listing s3://source/in/{SHARED} \(page 1\)"):
        place.plan()


def planned(place: Workplace, filters: Mapping[str, object], name: str) -> tuple[Path, set[str]]:
    """Plan the mirror by the command; return the plan and the widest prefixes that the server was asked to list."""
    manifest = place.manifest(**MIRROR, source=IN, destination=OUT, filters=filters)
    place.server.reset_stats()
    ended = place.command.run("plan", manifest, "-o", f"{name}.s3plan")
    assert ended.exit_code == 0, ended.stderr
    asked = [request.query for request in place.server.log() if request.operation == "ListObjectsV2"]
    assert len(asked) == place.server.stats().requested("ListObjectsV2") > 0
    prefixes = {query.get("prefix", "") for query in asked}
    widest = {prefix for prefix in prefixes if not any(prefix.startswith(wider) for wider in prefixes - {prefix})}
    return place.folder / f"{name}.s3plan", widest


def content_of(plan: Path) -> str:
    """The digest over all that the plan holds but its header."""
    with closing(sqlite3.connect(plan)) as database:
        ((digest,),) = database.execute("SELECT hex(content_digest) FROM header")
        return str(digest)
