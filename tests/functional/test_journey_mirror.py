"""`mode: mirror`: what the source lacks is deleted, last, and only when nothing speaks against it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fakes.odd_keys import ODD_KEYS, XML_UNSAFE_KEYS
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, MIRROR, Workplace, counted

pytestmark = BY_BOTH_ENGINES

NO_LIMIT = {"guards": {"max_delete": "100%"}}
FREE_MIRROR = {**MIRROR, **NO_LIMIT}


def test_a_mirror_makes_both_sides_the_same(place: Workplace) -> None:
    place.seed("source", count=60, size_bytes=10)
    place.seed("destination", count=80, start=20, size_bytes=10, changed_every=7, modified_s=1)
    place.carry_out(**FREE_MIRROR)
    source, destination = place.listed("source"), place.listed("destination")
    assert {key: row.etag for key, row in destination.items()} == {key: row.etag for key, row in source.items()}


@pytest.mark.parametrize("conditions", ["all", "none"])
def test_every_odd_key_can_be_deleted(place: Workplace, conditions: str) -> None:
    place.server.set_mode(conditions=conditions)
    place.seed("source", "kept", body="bytes")
    place.seed("destination", "kept", *ODD_KEYS, body="bytes")
    deletion = {"extraneous": True, "unpinned": "allow" if conditions == "none" else "refuse"}
    report = place.carry_out(**{**FREE_MIRROR, "delete": deletion})
    assert place.keys("destination") == {"kept"}
    assert counted(report) == {"done": len(ODD_KEYS)}


def test_keys_that_xml_cannot_carry_are_deleted_one_by_one(place: Workplace) -> None:
    place.seed("source", "kept", body="bytes")
    place.seed("destination", "kept", *XML_UNSAFE_KEYS, "plain", body="bytes")
    place.manifest(**FREE_MIRROR)
    place.plan(probe=True)
    place.server.reset_stats()
    place.apply()
    stats = place.server.stats()
    # One more of each is of the apply's look whether the store still refuses wrong conditions.
    assert stats.answered("DeleteObject", 204) == len(XML_UNSAFE_KEYS) + 1
    assert stats.answered("DeleteObjects") == 1 + 1
    assert place.keys("destination") == {"kept"}


def test_what_a_key_filter_leaves_out_is_not_deleted(place: Workplace) -> None:
    place.seed("source", "a.jpg", body="bytes")
    place.seed("destination", "a.jpg", "old.jpg", "notes.txt", "tmp/x.jpg", body="bytes")
    place.carry_out(**FREE_MIRROR, filters={"include": ["*.jpg"], "exclude": ["tmp/"]})
    assert place.keys("destination") == {"a.jpg", "notes.txt", "tmp/x.jpg"}


ATTRIBUTE_FILTERS = {
    "size.max": {"size": {"max": "100B"}},
    "size.min": {"size": {"min": "5000B"}},
    "newer_than": {"modified": {"newer_than": "1d"}},
    "older_than": {"modified": {"older_than": "100d"}},
    "after": {"modified": {"after": "2026-01-01"}},
    "before": {"modified": {"before": "1999-01-01"}},
    "storage_class": {"storage_class": ["GLACIER_IR"]},
}


PASSING: dict[str, dict[str, Any]] = {
    "size.max": {"size_bytes": 100},
    "size.min": {"size_bytes": 5000},
    "newer_than": {"modified_s": time.time() - 60},
    "older_than": {"modified_s": time.time() - 101 * 86_400},
    "after": {"modified_s": time.time() - 60},
    "before": {"modified_s": 1},
    "storage_class": {"storage_class": "GLACIER_IR"},
}


@pytest.mark.parametrize("name", ATTRIBUTE_FILTERS)
def test_what_an_attribute_filter_leaves_out_keeps_its_copy(place: Workplace, name: str) -> None:
    """The source object is 1,000 bytes, ten days old by the store's clock, STANDARD: each filter leaves it out.

    So does it one that only the destination has: that is not deleted, and one that passes is.
    """
    ten_days_ago_s = time.time() - 10 * 86_400
    modified_s = {"after": 946_684_800.0}.get(name, ten_days_ago_s)
    place.seed("source", "left-out", size_bytes=1000, modified_s=modified_s)
    place.seed("destination", "left-out", size_bytes=999, modified_s=1)
    place.seed("destination", "none-of-its-business", size_bytes=1000, modified_s=modified_s)
    passes = {"size_bytes": 1000, "modified_s": modified_s} | PASSING[name]
    place.seed("destination", "extraneous", **passes)
    place.carry_out(**FREE_MIRROR, filters=ATTRIBUTE_FILTERS[name])
    assert place.keys("destination") == {"left-out", "none-of-its-business"}
    assert place.listed("destination")["left-out"].size_bytes == 999


@pytest.mark.parametrize("kind", [FaultKind.ACCESS_DENIED, FaultKind.INTERNAL_ERROR, FaultKind.RESET])
def test_one_copy_that_fails_withholds_every_delete_and_is_named(place: Workplace, kind: FaultKind) -> None:
    place.seed("source", "bad", "good", body="bytes")
    place.seed("destination", "old-1", "old-2", body="bytes")
    place.manifest(**FREE_MIRROR, run={"retries": 1})
    place.plan(probe=True)
    place.server.faults([Fault(kind=kind, operation="CopyObject", key="bad", times=None)])
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 1, "failed": 1, "skipped": 2})
    assert any("bad" in message and "withheld" in message for message in report.messages), report.messages
    assert place.keys("destination") == {"good", "old-1", "old-2"}
    place.server.clear_faults()
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": 4})
    assert place.keys("destination") == {"good", "bad"}
    place.assert_nothing_left()


def test_one_stale_copy_withholds_every_delete_and_is_named(place: Workplace) -> None:
    place.seed("source", "moved", "good", body="bytes")
    place.seed("destination", "old", body="bytes")
    place.manifest(**FREE_MIRROR)
    place.plan()
    place.seed("source", "moved", body="other bytes")
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 1, "stale": 1, "skipped": 1})
    assert any("moved" in message for message in report.messages), report.messages
    assert place.keys("destination") == {"good", "old"}
    place.plan()  # a run that ended with stale actions is no unfinished one
    assert place.apply().exit_code == 0
    assert place.keys("destination") == {"good", "moved"}


def test_stale_copies_withhold_nothing_if_the_manifest_says_so_but_failed_ones_do(place: Workplace) -> None:
    place.seed("source", "moved", "good", body="bytes")
    place.seed("destination", "old", body="bytes")
    place.manifest(**{**FREE_MIRROR, "delete": {"extraneous": True, "when": "no-failures"}}, run={"retries": 0})
    place.plan(probe=True)
    place.seed("source", "moved", body="other bytes")
    place.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="CopyObject", key="good", times=None)])
    assert counted(place.apply()) == {"failed": 1, "stale": 1, "skipped": 1}
    assert place.keys("destination") == {"old"}
    place.server.clear_faults()
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 2, "stale": 1})
    assert place.keys("destination") == {"good"}


def test_a_conflict_withholds_every_delete(place: Workplace) -> None:
    place.seed("source", "k" * 1020, "good", body="bytes")
    place.seed("destination", "prefix/old", body="bytes")
    place.manifest(**FREE_MIRROR, destination="s3://destination/prefix/")
    place.plan()
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 1, "skipped": 1})
    assert place.keys("destination") == {"prefix/good", "prefix/old"}


def test_a_key_that_is_an_object_here_and_a_folder_there_is_never_lost(place: Workplace) -> None:
    """The classic: `a/b.` against `a/b/`, `test/` next to `test.txt`, `dir/` next to `dir-2/`."""
    place.seed("source", "a/b.", "a/b/", "test/", "test.txt", "dir/", "dir-2/x", "fd", "fd/x", body="bytes")
    place.seed("destination", "a/b/", "test.txt", "dir-2/x", "fd", "extraneous", body="bytes")
    place.carry_out(**FREE_MIRROR)
    assert place.keys("destination") == place.keys("source")
