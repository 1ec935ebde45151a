"""What somebody who may write beside a plan, or hand one over, tries with files and names instead of rows."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from fakes.planted_files import SOMEBODY_ELSE, give_away, plant_hot_journal, plant_log
from s3plan.planfile.invariants import check_invariants
from s3plan.planfile.reader import open_plan
from s3plan.planfile.rows import MAX_HEADER_BYTES
from s3plan.planfile.writer import PlanWriter
from s3plan.schemas.errors import PlanDamaged, PlanRefused, S3PlanError
from unit.planfile.plan_samples import (
    change,
    copies,
    deletes,
    everything_in,
    header,
    numbered,
    totals_of,
    write_plan,
)

EVIL = "UPDATE action SET reason = 'evil'"
Plant = Callable[[Path, Sequence[str]], None]


def sealed(path: Path) -> str:
    return write_plan(path, copied=copies(*numbered("a", 400)), deleted=deletes(*numbered("d", 9)), batch_actions=100)


def reasons_by_sqlite(path: Path) -> set[str]:
    """What SQLite reads if nobody takes care; asked of copies, for it also cleans up."""
    other = path.with_name("read-by-sqlite")
    for side in ("", "-journal", "-wal"):
        if path.with_name(path.name + side).exists():
            shutil.copyfile(f"{path}{side}", f"{other}{side}")
    with closing(sqlite3.connect(other)) as database:
        return {reason for (reason,) in database.execute("SELECT DISTINCT reason FROM action")}


@pytest.mark.parametrize("plant", [plant_hot_journal, plant_log])
def test_what_sqlite_would_read_beside_a_plan_is_not_read(tmp_path: Path, plant: Plant) -> None:
    path = tmp_path / "a.s3plan"
    sealed(path)
    with open_plan(path) as reader:
        as_written = everything_in(reader)
    plant(path, [EVIL])
    assert "evil" in reasons_by_sqlite(path), "this is no attack"
    with open_plan(path) as reader:
        assert everything_in(reader) == as_written


def test_pages_that_many_rows_share_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    """An inner page of the tree may name one leaf again and again: rows without end from a small file."""
    path = tmp_path / "a.s3plan"
    sealed(path)
    with closing(sqlite3.connect(path)) as database:
        (root,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'action'").fetchone()
    data = bytearray(path.read_bytes())
    at = (root - 1) * 4096
    assert data[at] == 5, "the root is no inner page of a table"
    (cells,) = struct.unpack_from(">H", data, at + 3)
    places = struct.unpack_from(f">{cells}H", data, at + 12)
    first_leaf = data[at + places[0] : at + places[0] + 4]
    for place in places:
        data[at + place : at + place + 4] = first_leaf
    path.write_bytes(data)
    with open_plan(path) as reader, pytest.raises(PlanDamaged):
        list(reader.iter_actions())


@pytest.mark.parametrize("size_bytes", [MAX_HEADER_BYTES + 1, 4 * MAX_HEADER_BYTES])
def test_a_header_that_is_too_long_is_refused_unread(tmp_path: Path, size_bytes: int) -> None:
    path = tmp_path / "a.s3plan"
    sealed(path)
    change(path, f"UPDATE header SET document = CAST(zeroblob({size_bytes}) AS TEXT)")
    with pytest.raises(PlanDamaged, match="too big"):
        open_plan(path)


def test_a_plan_shows_how_much_it_deletes_and_overwrites(tmp_path: Path) -> None:
    """Totals are what a person approves; a forger would call deletes and overwrites copies."""
    path = tmp_path / "a.s3plan"
    copied, deleted = copies(*numbered("a", 10)), deletes(*numbered("d", 10))
    true = totals_of(copied=copied, deleted=deleted)
    all_copies = header(actions=20, size_bytes=70).jobs[0].totals
    no_overwrites = totals_of(copied=copies(*numbered("a", 1)) * 10, deleted=deleted)
    for totals, message in ((all_copies, "say 20 objects"), (no_overwrites, "overwrites 5 objects")):
        write_plan(path, copied=copied, deleted=deleted)
        text = header(actions=20, size_bytes=70, totals=totals).model_dump_json(exclude_none=True)
        change(path, f"UPDATE header SET document = '{text}'", reseal=True)
        with pytest.raises(PlanRefused, match=message), open_plan(path) as reader:
            check_invariants(reader)
    text = header(actions=20, size_bytes=70, totals=true).model_dump_json(exclude_none=True)
    change(path, f"UPDATE header SET document = '{text}'", reseal=True)
    with open_plan(path) as reader:
        check_invariants(reader)


@pytest.mark.parametrize(
    "name",
    [
        "a?mode=memory&cache=shared.s3plan",
        "a%2e%00.s3plan",
        "a#b.s3plan",
        "file:a?mode=memory.s3plan",
        ":memory:.s3plan",
        "new\nline.s3plan",
        "esc\x1b[2Jape.s3plan",
        "not-utf8-\udcff.s3plan",
        "-rf.s3plan",
    ],
)
def test_a_name_means_nothing_to_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(name)
    digest = sealed(path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with open_plan(path) as reader:
        assert reader.digest == digest
    path.write_bytes(path.read_bytes()[:-4096])
    with pytest.raises(PlanDamaged) as caught:
        open_plan(path)
    assert str(caught.value).isprintable()


def test_a_plan_replaces_a_link_and_not_what_it_leads_to(tmp_path: Path) -> None:
    path, target = tmp_path / "a.s3plan", tmp_path / "precious"
    target.write_text("precious")
    path.symlink_to(target)
    digest = sealed(path)
    assert target.read_text() == "precious"
    assert not path.is_symlink()
    with open_plan(path) as reader:
        assert reader.digest == digest


def test_a_plan_of_another_user_and_through_a_link_is_read_its_digest_is_what_counts(tmp_path: Path) -> None:
    path, link = tmp_path / "a.s3plan", tmp_path / "link.s3plan"
    digest = sealed(path)
    path.chmod(0o666)
    give_away(path)
    link.symlink_to(path)
    with open_plan(link) as reader:
        assert reader.digest == digest


def test_a_folder_that_somebody_else_has_made_gets_no_plan(tmp_path: Path) -> None:
    folder = tmp_path / ".s3plan"
    folder.mkdir(mode=0o777)
    give_away(folder)
    with pytest.raises(S3PlanError, match=rf"\.s3plan belongs to another user \({SOMEBODY_ELSE}\).* -o"):
        sealed(folder / "a.s3plan")
    assert list(folder.iterdir()) == []


def test_a_folder_by_the_link_of_somebody_else_gets_no_plan(tmp_path: Path) -> None:
    mine, folder = tmp_path / "mine", tmp_path / ".s3plan"
    mine.mkdir()
    folder.symlink_to(mine)
    sealed(folder / "a.s3plan")  # a link of one's own is fine
    give_away(folder)
    with pytest.raises(S3PlanError, match="belongs to another user"):
        sealed(folder / "b.s3plan")
    assert [path.name for path in mine.iterdir()] == ["a.s3plan"]


def test_a_folder_that_everybody_may_write_to_gets_no_plan(tmp_path: Path) -> None:
    folder = tmp_path / ".s3plan"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(S3PlanError, match="may be written by everybody"):
        sealed(folder / "a.s3plan")
    folder.chmod(0o1777)
    sealed(folder / "a.s3plan")


@pytest.mark.parametrize("umask", [0, 0o077])
def test_a_plan_is_its_owners_alone_from_the_first_moment(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        folder = tmp_path / ".s3plan"
        with PlanWriter(folder / "a.s3plan"):
            (temporary,) = folder.iterdir()
            assert temporary.stat().st_mode & 0o777 == 0o600
        sealed(folder / "a.s3plan")
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "a.s3plan").stat().st_mode & 0o777 == 0o600
