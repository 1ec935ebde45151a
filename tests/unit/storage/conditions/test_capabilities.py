"""What is known of stores, and for how long a finding is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.stores.names import StoreName
from s3plan.storage.conditions.capabilities import CapabilityCache, known_capabilities
from s3plan.storage.probe_keys import new_probe_stem

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FOUND = {**dict.fromkeys(Condition, Enforcement.ENFORCED), Condition.DELETE_MATCH: Enforcement.NOT_ATOMIC}


def test_aws_enforces_everything() -> None:
    assert set(known_capabilities(StoreName.AWS).values()) == {Enforcement.ENFORCED}


def test_a_directory_bucket_is_another_matter() -> None:
    assert set(known_capabilities(StoreName.AWS, bucket="name--use1-az4--x-s3").values()) == {Enforcement.UNKNOWN}


def test_r2_enforces_the_end_of_uploads_and_puts() -> None:
    known = known_capabilities(StoreName.R2)
    assert {condition for condition in Condition if known[condition] is Enforcement.ENFORCED} == {
        Condition.COMPLETE_ABSENT,
        Condition.COMPLETE_MATCH,
        Condition.PUT_ABSENT,
        Condition.PUT_MATCH,
    }


def test_nothing_is_known_of_other_stores() -> None:
    known = known_capabilities(StoreName.UNKNOWN)
    assert set(known) == set(Condition)
    assert set(known.values()) == {Enforcement.UNKNOWN}


def test_a_finding_is_kept_for_a_day_for_its_endpoint_and_bucket(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "capabilities.json"
    CapabilityCache(path).keep("https://store", "bucket", FOUND, now=NOW)
    cache = CapabilityCache(path)
    assert cache.find("https://store", "bucket", now=NOW + timedelta(hours=23)) == FOUND
    assert cache.find("https://store", "bucket", now=NOW + timedelta(hours=24)) is None
    assert cache.find("https://store", "bucket", now=NOW - timedelta(minutes=1)) is None
    assert cache.find("https://store", "other", now=NOW) is None
    assert cache.find(None, "bucket", now=NOW) is None


def test_findings_stand_beside_one_another_in_a_file_of_the_owners(tmp_path: Path) -> None:
    cache = CapabilityCache(tmp_path / "c.json")
    cache.keep(None, "one", FOUND, now=NOW)
    cache.keep(None, "two", FOUND, now=NOW)
    assert cache.find(None, "one", now=NOW) == cache.find(None, "two", now=NOW) == FOUND
    assert (tmp_path / "c.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["c.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 2}',
        '{"version": 1, "entries": []}',
        '{"version": 1, "entries": {"aws bucket": 1}}',
        '{"version": 1, "entries": {"aws bucket": {"probed_at": "2026-11-20T12:00:00", "found": {}}}}',
        '{"version": 1, "entries": {"aws bucket": {"probed_at": "2026-11-20T12:00:00+00:00", "found": {"x": "y"}}}}',
        "\x00" * 10,
    ],
)
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    cache = CapabilityCache(path)
    assert cache.find(None, "bucket", now=NOW) is None
    cache.keep(None, "bucket", FOUND, now=NOW)
    assert cache.find(None, "bucket", now=NOW) == FOUND


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = CapabilityCache(tmp_path / "file" / "c.json")
    cache.keep(None, "bucket", FOUND, now=NOW)
    assert cache.find(None, "bucket", now=NOW) is None


def test_a_probe_whose_process_has_gone_is_remembered_until_another_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "capabilities.json"
    stem = new_probe_stem("raw/pre")
    code = f"""
from pathlib import Path
from s3plan.storage.conditions.capabilities import CapabilityCache
CapabilityCache(Path({str(path)!r})).note_probe("https://store", "bucket", stem={stem!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    cache = CapabilityCache(path)
    assert cache.find("https://store", "bucket", now=NOW) is None
    assert cache.broken_probes("https://store", "other") == []
    assert cache.broken_probes("https://store", "bucket") == [stem]
    cache.keep("https://store", "bucket", FOUND, now=NOW)
    assert cache.broken_probes("https://store", "bucket") == []


def test_what_could_not_be_removed_is_kept_in_mind_whatever_comes_after_it(tmp_path: Path) -> None:
    cache = CapabilityCache(tmp_path / "capabilities.json")
    store = ("https://store", "bucket")
    stems = [new_probe_stem("") for _ in range(12)]
    cache.keep(*store, FOUND, now=NOW)
    cache.note_confirmation(*store, stem=stems[0])
    cache.note_failed_probe(*store)
    cache.note_left(*store, stems=cache.broken_probes(*store))
    cache.note_confirmation(*store, stem=stems[1])
    assert cache.broken_probes(*store) == stems[:1], "the second one is under way"
    cache.note_clean(*store)
    assert cache.broken_probes(*store) == stems[:1]
    cache.note_probe(*store, stem=stems[1])
    cache.note_failed_probe(*store)
    assert cache.broken_probes(*store) == stems[:2]
    cache.keep(*store, FOUND, now=NOW)
    assert cache.broken_probes(*store) == stems[:1]
    cache.note_left(*store, stems=stems)
    assert cache.broken_probes(*store) == stems[-8:]
    cache.note_left(*store, stems=[])
    assert cache.broken_probes(*store) == []
    assert cache.find(*store, now=NOW) == FOUND


@pytest.mark.parametrize("note", [CapabilityCache.note_confirmation, CapabilityCache.note_probe])
def test_what_a_failed_one_has_left_is_kept_in_mind_while_others_come_and_go(
    tmp_path: Path, note: Callable[..., None]
) -> None:
    cache = CapabilityCache(tmp_path / "capabilities.json")
    store = ("https://store", "bucket")
    stems = [new_probe_stem("") for _ in range(3)]
    for number, stem in enumerate(stems):
        note(cache, *store, stem=stem)
        assert cache.broken_probes(*store) == stems[:number]
        cache.note_failed_probe(*store)
        assert cache.broken_probes(*store) == stems[: number + 1]
    note(cache, *store, stem=new_probe_stem(""))
    cache.note_clean(*store)
    assert cache.broken_probes(*store) == stems


@pytest.mark.parametrize(
    "changed", [{"pid": os.getpid()}, {"host": "elsewhere"}, {"stem": "a-user's-key"}, {"stem": 1}, {"pid": "x"}]
)
def test_what_is_no_broken_probe_of_this_host_is_left_alone(tmp_path: Path, changed: dict[str, object]) -> None:
    path = tmp_path / "capabilities.json"
    cache = CapabilityCache(path)
    cache.note_probe(None, "bucket", stem=new_probe_stem(""))
    kept = json.loads(path.read_text())
    kept["entries"]["aws bucket"] |= {"pid": 2**22 + 1, **changed}  # no process has that
    path.write_text(json.dumps(kept))
    assert cache.broken_probes(None, "bucket") == []
