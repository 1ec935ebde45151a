from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from fakes.torture import TORTURE, in_short
from s3plan.planfile.reader import open_plan
from s3plan.schemas.errors import PlanDamaged, PlanRefused
from unit.planfile.plan_samples import (
    Content,
    change,
    copies,
    deletes,
    everything_in,
    numbered,
    skips,
    write_plan,
)

_FLIPS = 2_500 if TORTURE else 1_000


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "a.s3plan"
    write_plan(
        path, copied=copies(*numbered("a", 200)), deleted=deletes(*numbered("d", 90)), aside=skips(*numbered("s", 60))
    )
    return path


def _read(path: Path) -> Content | None:
    """Return all that the plan says, or None if it is refused."""
    try:
        with open_plan(path) as reader:
            return everything_in(reader)
    except PlanRefused:
        return None


def test_a_plan_with_one_changed_byte_is_refused_or_says_exactly_the_same(plan: Path) -> None:
    whole = plan.read_bytes()
    as_written = _read(plan)
    assert as_written is not None
    choice = random.Random(20_240_102)
    positions = [*range(100), *(choice.randrange(100, len(whole)) for _ in range(_FLIPS))]
    refused = 0
    for position in positions:
        changed = bytearray(whole)
        changed[position] ^= choice.randrange(1, 256)
        plan.write_bytes(changed)
        found = _read(plan)
        refused += found is None
        assert found in (None, as_written), f"byte {position} changed what the plan says"
    assert refused > _FLIPS // 3


def test_every_bit_of_the_database_header_may_flip(plan: Path) -> None:
    whole = plan.read_bytes()
    as_written = _read(plan)
    for bit in in_short(range(800), at_most=200):
        changed = bytearray(whole)
        changed[bit >> 3] ^= 1 << (bit & 7)
        plan.write_bytes(changed)
        assert _read(plan) in (None, as_written)


def test_a_plan_cut_short_or_made_longer_is_refused(plan: Path) -> None:
    whole = plan.read_bytes()
    lengths = [*range(0, len(whole), 499), *range(0, len(whole), 4096), len(whole) - 1]
    for length in lengths:
        plan.write_bytes(whole[:length])
        assert _read(plan) is None, f"cut to {length} bytes"
    plan.write_bytes(whole + b"\0")
    assert _read(plan) is None
    plan.write_bytes(whole + b"\0" * 4096)
    assert _read(plan) is None


def test_a_plan_that_was_cut_says_that_it_is_damaged(plan: Path) -> None:
    plan.write_bytes(plan.read_bytes()[:-4096])
    with pytest.raises(PlanDamaged, match=r"a\.s3plan is damaged: .* make a new plan"):
        open_plan(plan)


def test_a_changed_action_is_found_when_its_batch_is_read_and_others_are_still_read(plan: Path) -> None:
    change(plan, "UPDATE action SET reason = 'because' WHERE id = 60")
    with open_plan(plan) as reader:
        assert len(reader.actions(reader.batches[0])) == 50
        with pytest.raises(PlanDamaged, match="batch 2: its actions are not the ones that were planned"):
            reader.actions(reader.batches[1])


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE header SET document = replace(document, 'mirror', 'copy')", "header is not the one"),
        ("UPDATE header SET plan_digest = zeroblob(32)", "header is not the one"),
        ("UPDATE header SET content_digest = zeroblob(32)", "header is not the one"),
        ("UPDATE header SET document = CAST(document AS BLOB)", "document holds a value of type bytes"),
        ("DELETE FROM header", "0 headers"),
        ("INSERT INTO header SELECT 2, document, content_digest, plan_digest FROM header", "2 headers"),
        ("UPDATE location SET region = 'eu-west-1' WHERE id = 2", "graph is not the one"),
        ("UPDATE phase SET job = 'other'", "graph is not the one"),
        ("DELETE FROM edge WHERE before_phase = 1", "graph is not the one"),
        ("UPDATE batch SET digest = randomblob(32)", "graph is not the one"),
        ("UPDATE batch SET size_bytes = size_bytes + 1 WHERE id = 1", "graph is not the one"),
        ("DELETE FROM batch WHERE id = 1", "does not begin where"),
        ("DELETE FROM action WHERE id = 1", "do not cover its actions"),
        ("DELETE FROM action WHERE id = 350", "do not cover its actions"),
        ("UPDATE action SET id = 351 WHERE id = 350", "do not cover its actions"),
    ],
)
def test_a_change_that_forgets_the_digests_is_damage(plan: Path, statement: str, message: str) -> None:
    change(plan, statement)
    with pytest.raises(PlanDamaged, match=message):
        open_plan(plan)


def test_a_missing_action_is_found_when_its_batch_is_read(plan: Path) -> None:
    change(plan, "DELETE FROM action WHERE id = 3")
    with open_plan(plan) as reader, pytest.raises(PlanDamaged, match="49 of 50 actions"):
        reader.actions(reader.batches[0])


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE extra (a)",
        "CREATE VIEW extra AS SELECT * FROM action",
        "CREATE TRIGGER extra AFTER INSERT ON action BEGIN SELECT 1; END",
        "CREATE INDEX extra ON action (key)",
        "ALTER TABLE action ADD COLUMN extra TEXT",
        "ALTER TABLE action RENAME COLUMN reason TO why",
        "DROP TABLE edge",
        "ANALYZE",
    ],
)
def test_a_plan_with_other_tables_views_triggers_or_indices_is_refused(plan: Path, statement: str) -> None:
    change(plan, statement)
    with pytest.raises(PlanRefused, match="its tables are not those of a plan"):
        open_plan(plan)


def test_a_table_that_was_replaced_by_a_view_is_refused(plan: Path) -> None:
    change(plan, "ALTER TABLE action RENAME TO hidden", "CREATE VIEW action AS SELECT * FROM hidden")
    with pytest.raises(PlanRefused, match="its tables are not those of a plan"):
        open_plan(plan)


@pytest.mark.parametrize(
    ("pragma", "message"),
    [
        ("PRAGMA user_version = 3", "made by a newer s3plan: its format is 3, this one reads 2"),
        ("PRAGMA user_version = 1", "made by an older s3plan: its format is 1, this one reads 2; make a new plan"),
        ("PRAGMA application_id = 1", "is no plan of s3plan"),
    ],
)
def test_another_format_is_refused_by_name(plan: Path, pragma: str, message: str) -> None:
    change(plan, pragma)
    with pytest.raises(PlanRefused, match=message):
        open_plan(plan)


def test_what_is_no_plan_is_refused_by_name(tmp_path: Path) -> None:
    text, empty, other = tmp_path / "text", tmp_path / "empty", tmp_path / "other"
    text.write_text("version: 1\n" * 100)
    empty.touch()
    cut, pipe = tmp_path / "cut.s3plan", tmp_path / "pipe"
    cut.touch()
    os.mkfifo(pipe)
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE a (b)")
    for path, message in (
        (text, r"text is no plan of s3plan; if it is a manifest, `s3plan plan .*text` makes a plan of it$"),
        (empty, "empty file"),
        (other, "no plan of s3plan"),
        (cut, "cut.s3plan is an empty file; make the plan again with `s3plan plan`$"),
        (tmp_path, "is a folder; name a plan, which is a file such as NAME.s3plan$"),
        (pipe, "is no regular file"),
        (tmp_path / "missing.s3plan", "there is no plan at"),
        (text / "below", "cannot be read"),
    ):
        with pytest.raises(PlanRefused, match=message):
            open_plan(path)


def test_a_journal_beside_a_plan_cannot_change_what_it_says(plan: Path) -> None:
    as_written = _read(plan)
    plan.with_name(plan.name + "-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\0" * 504)
    plan.with_name(plan.name + "-wal").write_bytes(b"\x37\x7f\x06\x82" + b"\0" * 28)
    assert _read(plan) == as_written
