"""Facts about files and objects are kept, and a database that is broken, locked or foreign costs time only."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from s3plan.storage.folder.known_files import KnownFile, KnownFiles

KEYS = [b"", b"a", b"a/b", b"z", b"\xff"]
FACTS = [KnownFile(key, f"{at}:1:1:1", f"etag{at}", at % 2) for at, key in enumerate(KEYS)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "known-files" / "x.sqlite"


def keep(path: Path, *facts: KnownFile) -> None:
    known = KnownFiles(path)
    for fact in facts:
        known.note(fact)
    known.close()


def known_of(path: Path, facts: list[KnownFile]) -> list[KnownFile]:
    known = KnownFiles(path)
    found = [fact for fact in facts if known.at(fact.key) == fact]
    known.close()
    return found


def test_what_was_noted_is_known_the_next_time_to_its_owner_only(path: Path) -> None:
    keep(path, *reversed(FACTS))
    assert known_of(path, FACTS) == FACTS
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    changed = [fact._replace(etag="other") for fact in FACTS]
    assert known_of(path, changed) == []
    keep(path, *changed)
    assert known_of(path, changed) == changed
    assert known_of(path, FACTS) == []


def test_it_is_gone_through_again_from_the_first_key_on(path: Path) -> None:
    keep(path, *FACTS[1:])
    known = KnownFiles(path)
    for _ in range(2):
        assert [known.at(fact.key) for fact in FACTS[1:]] == FACTS[1:]
        known.note(FACTS[0])
        known.rewind()
    assert known.at(FACTS[0].key) == FACTS[0]
    known.close()


def test_keys_that_were_asked_for_are_not_passed_over(path: Path) -> None:
    keep(path, *FACTS)
    known = KnownFiles(path)
    passed: list[bytes] = []
    for fact in (FACTS[0], FACTS[0], FACTS[2], FACTS[-1]):
        assert known.at(fact.key, passed=passed) == fact
    assert known.at(FACTS[-1].key + b"x", passed=passed) is None
    assert passed == [fact.key for fact in FACTS if fact not in (FACTS[0], FACTS[2], FACTS[-1])]
    known.close()


def test_keys_that_were_passed_over_can_be_forgotten(path: Path) -> None:
    keep(path, *FACTS)
    known = KnownFiles(path)
    passed: list[bytes] = []
    assert known.at(FACTS[-1].key, passed=passed) == FACTS[-1]
    assert passed == [fact.key for fact in FACTS[:-1]]
    known.forget(passed)
    known.close()
    assert known_of(path, FACTS) == FACTS[-1:]


@settings(max_examples=20, deadline=None)
@given(noted=st.sets(st.binary(max_size=2), max_size=60), asked=st.sets(st.binary(max_size=2), max_size=60))
def test_any_keys_can_be_asked_for_in_order(
    tmp_path_factory: pytest.TempPathFactory, noted: set[bytes], asked: set[bytes]
) -> None:
    path = tmp_path_factory.mktemp("known") / "x.sqlite"
    keep(path, *(KnownFile(key, "1:1", "e") for key in noted))
    facts = [KnownFile(key, "1:1", "e") for key in sorted(asked)]
    assert known_of(path, facts) == [fact for fact in facts if fact.key in noted]


def test_more_facts_than_are_read_at_once_are_all_known(path: Path) -> None:
    facts = [KnownFile(b"%06d" % at, "1:1", "e") for at in range(2500)]
    keep(path, *facts)
    assert known_of(path, facts) == facts


def broken(path: Path) -> None:
    path.write_bytes(b"no database " * 1000)


def of_another_format(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


def truncated(path: Path) -> None:
    os.truncate(path, 5000)


@pytest.mark.parametrize("spoil", [broken, of_another_format, truncated])
def test_a_database_that_is_not_ours_is_made_anew(path: Path, spoil: object) -> None:
    keep(path, *(KnownFile(b"%06d" % at, "1:1", "e") for at in range(2500)))
    spoil(path)  # type: ignore[operator]
    keep(path, *FACTS)
    keep(path, *FACTS)
    assert known_of(path, FACTS) == FACTS


def test_a_database_that_somebody_else_writes_is_left_to_him(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3plan.storage.folder.known_files._BUSY_S", 0.01)
    keep(path, *FACTS)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert known_of(path, FACTS) == []
    keep(path, FACTS[0]._replace(etag="new"))
    other.execute("COMMIT")
    other.close()
    assert known_of(path, FACTS) == FACTS


def test_where_nothing_can_be_kept_nothing_is_known_and_nothing_is_raised(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file" / "known" / "x.sqlite", tmp_path / "link.sqlite"):
        if path.name == "link.sqlite":
            path.symlink_to(tmp_path / "file")
        keep(path, *FACTS)
        assert known_of(path, FACTS) == []
    assert (tmp_path / "file").read_bytes() == b""
