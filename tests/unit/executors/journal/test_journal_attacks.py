"""A journal says that work is done: only this user's own is believed, however somebody else has laid another there."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from fakes.planted_files import SOMEBODY_ELSE, give_away, plant_hot_journal, plant_log
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.lock import JournalLock, read_holder
from s3plan.executors.journal.records import BatchRecord, OutcomeRecord
from s3plan.executors.journal.schema import check_of
from s3plan.planfile import own_file
from s3plan.schemas.errors import JournalRefused, S3PlanError
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.tasks import KnownUpload

PLAN = "a" * 64
DONE = BatchRecord(1, 1, 5, is_open=False, actions=8, done=b"\x07")
STALE = OutcomeRecord(1, 7, OutcomeKind.STALE, "source gone", "", None, 1, 6)
FORGED_DONE = "UPDATE batch SET done = x'ff'"


def fill(path: Path) -> None:
    with Journal.open(path, plan_digest=PLAN, now_ms=1) as journal:
        journal.begin_run(now_ms=5, host="here", pid=1, executor="threads", tool_version="1", engines=())
        journal.write(
            batches=[DONE],
            outcomes=[STALE],
            uploads=[(1, KnownUpload(3, "id", 5 << 20, ()))],
            parts=[(1, 3, "id", 1, "etag")],
        )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with something in it."""
    path = tmp_path / "job.s3run"
    fill(path)
    return path


def refused(path: Path, message: str) -> None:
    """Neither apply nor status takes it."""
    with pytest.raises(JournalRefused, match=message):
        Journal.open(path, plan_digest=PLAN, now_ms=1)
    with pytest.raises(JournalRefused, match=message):
        Journal.read(path, plan_digest=PLAN)


def batches(path: Path) -> list[BatchRecord]:
    with Journal.read(path, plan_digest=PLAN) as journal:
        return list(journal.batches())


def test_a_journal_of_somebody_else_is_refused(path: Path) -> None:
    give_away(path)
    refused(
        path, rf"job\.s3run belongs to another user \({SOMEBODY_ELSE}\): it might say that work is done that is not"
    )


@pytest.mark.parametrize("mode", [0o602, 0o620, 0o666, 0o660])
def test_a_journal_that_others_may_write_is_refused_and_says_what_helps(path: Path, mode: int) -> None:
    path.chmod(mode)
    refused(path, rf"may be written by others \(its mode is 0{mode:o}; chmod 600 it if you trust it\)")
    path.chmod(0o640)
    assert batches(path) == [DONE]


def test_a_journal_is_no_link(path: Path) -> None:
    link = path.with_name("link.s3run")
    link.symlink_to(path)
    refused(link, "is a symbolic link")


@pytest.mark.parametrize("exists", [True, False])
def test_nothing_is_written_through_a_link(tmp_path: Path, *, exists: bool) -> None:
    target, link = tmp_path / "target", tmp_path / "job.s3run"
    if exists:
        target.touch()
    link.symlink_to(target)
    with pytest.raises(JournalRefused, match="is a symbolic link"):
        Journal.open(link, plan_digest=PLAN, now_ms=1)
    assert target.exists() is exists
    assert not exists or target.read_bytes() == b""


def test_a_journal_is_no_pipe_that_would_never_end(tmp_path: Path) -> None:
    pipe, folder = tmp_path / "pipe.s3run", tmp_path / "folder.s3run"
    os.mkfifo(pipe, 0o600)
    folder.mkdir()
    refused(pipe, "is not a file")
    refused(folder, "is not a file")


def by_sqlite(path: Path) -> bytes:
    """What SQLite reads if nobody takes care; asked of copies, for it also cleans up."""
    other = path.with_name("read-by-sqlite")
    for side in ("", "-journal", "-wal"):
        if path.with_name(path.name + side).exists():
            shutil.copyfile(f"{path}{side}", f"{other}{side}")
    with closing(sqlite3.connect(other)) as database:
        (done,) = database.execute("SELECT done FROM batch").fetchone()
    return bytes(done)


def test_a_log_beside_it_is_refused(path: Path) -> None:
    plant_log(path, [FORGED_DONE])
    assert by_sqlite(path) == b"\xff", "this is no attack"
    refused(path, r"job\.s3run-wal is not from s3plan, and SQLite would read it")


def test_a_log_beside_it_that_leads_elsewhere_is_refused(path: Path) -> None:
    Path(f"{path}-wal").symlink_to(path.with_name("nowhere"))
    refused(path, "job.s3run-wal is not from s3plan")


def test_what_would_undo_its_last_change_is_refused_unless_it_is_its_own(path: Path) -> None:
    plant_hot_journal(path, [FORGED_DONE])
    assert by_sqlite(path) == b"\xff", "this is no attack"
    side = Path(f"{path}-journal")
    side.chmod(0o666)
    refused(path, r"job\.s3run-journal may be written by others")
    side.chmod(0o600)
    give_away(side)
    refused(path, rf"job\.s3run-journal belongs to another user \({SOMEBODY_ELSE}\)")
    side.unlink()
    assert batches(path) == [DONE]


def test_where_the_file_system_keeps_no_owners_a_file_is_taken_for_our_own(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.chmod(0o666)
    give_away(path)
    monkeypatch.setattr(own_file, "_look_of_a_new_file", lambda folder: (SOMEBODY_ELSE, 0o022))
    assert batches(path) == [DONE]
    monkeypatch.setattr(own_file, "_look_of_a_new_file", lambda folder: (SOMEBODY_ELSE, 0))
    refused(path, "belongs to another user")


@pytest.mark.parametrize(
    "name",
    [":memory:", "file:a.s3run?mode=memory", "a?mode=memory.s3run", "a%00#b.s3run", "new\nline", "\udcff\x1b[2J"],
)
def test_a_name_means_nothing_to_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    fill(Path(name))
    assert [found.name for found in tmp_path.iterdir()] == [name]
    assert batches(Path(name)) == [DONE]
    Path(name).chmod(0o666)
    with pytest.raises(JournalRefused) as caught:
        batches(Path(name))
    assert str(caught.value).isprintable()


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


RENAMED = (
    "PRAGMA writable_schema = ON",
    "UPDATE sqlite_master SET tbl_name = 'part' WHERE name = 'upload'",
    "PRAGMA writable_schema = OFF",
)


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE extra (a)",),
        ("CREATE VIEW extra AS SELECT * FROM batch",),
        ("CREATE TRIGGER extra AFTER INSERT ON batch BEGIN UPDATE batch SET done = x'ff'; END",),
        ("CREATE INDEX extra ON batch (done)",),
        ("ANALYZE",),
        ("DROP TABLE upload",),
        ("ALTER TABLE batch RENAME TO hidden", "CREATE VIEW batch AS SELECT * FROM hidden"),
        RENAMED,
    ],
    ids=lambda statements: statements[0][:30],
)
def test_other_tables_views_triggers_or_indices_are_refused(path: Path, statements: tuple[str, ...]) -> None:
    change(path, *statements)
    with pytest.raises(S3PlanError, match=r"damaged|malformed"):
        Journal.open(path, plan_digest=PLAN, now_ms=1)


def forge(path: Path, table: str, **columns: object) -> None:
    """Change a row and make its checksum agree."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in columns)}", tuple(columns.values()))
        row = database.execute(f"SELECT * FROM {table}").fetchone()
        if table != "run":
            database.execute(f"UPDATE {table} SET crc = ?", (check_of(row[:-1]),))


def read_all(path: Path) -> None:
    with Journal.read(path, plan_digest=PLAN) as journal:
        journal.runs()
        list(journal.batches())
        list(journal.outcomes())
        journal.uploads(1)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("run", "state", "\x1b[2Jfine"),
        ("run", "state", b"running"),
        ("run", "reason", "no reason"),
        ("run", "began_at_ms", "soon"),
        ("run", "began_at_ms", 1 << 62),
        ("run", "ended_at_ms", -1),
        ("run", "host", b"\x00"),
        ("batch", "generation", "many"),
        ("batch", "generation", -1),
        ("batch", "begun_at_ms", 1 << 62),
        ("batch", "begun_at_ms", 0.5),
        ("batch", "is_open", 2),
        ("batch", "done", "text"),
        ("batch", "withheld", b"\xff"),
        ("outcome", "at_ms", 1 << 62),
        ("outcome", "at_ms", "now"),
        ("outcome", "position", -1),
        ("outcome", "reason", b"\xff"),
        ("batch", "generation", (1 << 63) - 1),
        ("outcome", "attempts", -1),
        ("upload", "part_size_bytes", 0),
        ("upload", "upload_id", b"id"),
        ("part", "number", 10_001),
        ("part", "etag", b"e"),
    ],
)
def test_a_forged_row_is_refused_by_its_types_and_ranges(path: Path, table: str, column: str, value: object) -> None:
    read_all(path)
    forge(path, table, **{column: value})
    with pytest.raises(JournalRefused, match=f"a row of {table} holds what no journal does"):
        read_all(path)


def test_a_value_of_many_megabytes_is_refused_unread(path: Path) -> None:
    change(path, "UPDATE outcome SET reason = CAST(zeroblob(17000000) AS TEXT)")
    with pytest.raises(S3PlanError, match="too big"):
        read_all(path)


def a_lock(path: Path) -> JournalLock:
    return JournalLock(path, plan_digest=PLAN, now_ms=1)


def by_somebody_else(path: Path) -> None:
    path.touch(0o600)
    give_away(path)


def open_to_all(path: Path) -> None:
    path.touch(0o600)
    path.chmod(0o666)


@pytest.mark.parametrize(
    ("plant", "message"),
    [
        (by_somebody_else, "belongs to another user"),
        (open_to_all, "may be written by others"),
        (lambda path: os.mkfifo(path, 0o600), "is not a file"),
    ],
)
def test_a_lock_that_somebody_else_has_laid_there_is_refused(
    tmp_path: Path, plant: Callable[[Path], None], message: str
) -> None:
    path = tmp_path / "job.s3run.lock"
    plant(path)
    with pytest.raises(JournalRefused, match=rf"job\.s3run\.lock {message}"), a_lock(path):
        pass


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"pid": 1, "host": "h", "since_ms": 1e400, "plan_digest": "", "first_begun_at_ms": 0}',
        '{"pid": 1, "host": "h", "since_ms": 9999999999999999, "plan_digest": "", "first_begun_at_ms": 0}',
        f'{{"pid": 1, "host": "h", "since_ms": 0, "plan_digest": "", "first_begun_at_ms": {10**30}}}',
    ],
    ids=lambda text: text[:60],
)
def test_what_no_lock_says_is_not_believed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "job.s3run.lock"
    path.write_text(text)
    assert read_holder(path) is None
    with a_lock(path) as held:
        assert not held.was_begun_before


def test_nobody_waits_for_a_pipe_to_name_the_holder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert read_holder(tmp_path / "pipe") is None
    assert read_holder(tmp_path / "link") is None


@pytest.mark.parametrize("umask", [0, 0o077])
def test_a_journal_is_its_owners_alone_from_the_first_moment(tmp_path: Path, umask: int) -> None:
    path, lock_path = tmp_path / "job.s3run", tmp_path / "job.s3run.lock"
    before = os.umask(umask)
    try:
        with a_lock(lock_path), Journal.open(path, plan_digest=PLAN, now_ms=1) as journal:
            journal._connection.execute("BEGIN IMMEDIATE")
            journal._connection.execute("DELETE FROM run")
            modes = {found.name: found.stat().st_mode & 0o777 for found in tmp_path.iterdir()}
            journal._connection.execute("ROLLBACK")
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("job.s3run", "job.s3run-journal", "job.s3run.lock"), 0o600)
