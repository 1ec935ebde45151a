"""The journal: what was written comes back, what was damaged is refused, another plan's is refused."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.records import BatchRecord, OutcomeRecord, RootRecord
from s3plan.schemas.engines import EngineUsed
from s3plan.schemas.errors import JournalRefused, S3PlanError
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.tasks import KnownUpload

PLAN, OTHER_PLAN = "a" * 64, "b" * 64
BATCHES = [
    BatchRecord(1, 2, 1_700_000_000_000, is_open=False, actions=1000, done=bytes(range(125))),
    BatchRecord(2, 1, 1_700_000_000_500, is_open=True, actions=9, done=b"\xff\x00"),
    BatchRecord(7, 0, 0, is_open=False, actions=3, done=b"\x00", withheld="withheld: the copy of a is failed"),
]
OUTCOMES = [
    OutcomeRecord(1, 5, OutcomeKind.ALREADY_DONE, "", "by etag", None, 2, 1_700_000_000_001),
    OutcomeRecord(
        1, 6, OutcomeKind.FAILED, "denied \x00 \u202e \U0001f600", "", FailureKind.DENIED, 1, 5, side=Side.SOURCE
    ),
    OutcomeRecord(2, 0, OutcomeKind.STALE, "source gone", "", None, 1, 6),
]
ENGINES = (
    EngineUsed("", "native"),
    EngineUsed("r2", "boto3", 'a proxy is set in the environment ("http_proxy"), \U0001f600'),
)
UPLOAD = KnownUpload(0, "up/load+id==", 64 << 20, ((1, "e1"), (2, "e2"), (10, "e10")))
Content = tuple[list[BatchRecord], list[OutcomeRecord], tuple[KnownUpload, ...]]


def open_journal(path: Path, *, plan: str = PLAN, doubtful_since_ms: int | None = None) -> Journal:
    return Journal.open(path, plan_digest=plan, now_ms=1_000, doubtful_since_ms=doubtful_since_ms)


def fill(path: Path) -> None:
    with open_journal(path) as journal:
        journal.begin_run(now_ms=5, host="here", pid=42, executor="threads", tool_version="1.0", engines=ENGINES)
        journal.write(
            batches=BATCHES,
            outcomes=OUTCOMES,
            uploads=[(2, UPLOAD)],
            parts=[(2, 0, UPLOAD.upload_id, number, etag) for number, etag in UPLOAD.parts],
        )


def content(path: Path) -> Content:
    with Journal.read(path, plan_digest=PLAN) as journal:
        return list(journal.batches()), list(journal.outcomes()), journal.uploads(2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "job.s3run"


@pytest.mark.parametrize("change", ["path = x'2f6d'", "inode = 8", "inode = NULL"])
def test_it_keeps_the_folder_that_runs_go_to_and_a_changed_one_is_damage(path: Path, change: str) -> None:
    with open_journal(path) as journal:
        assert journal.root() is None
        for root in (RootRecord(b"/mnt/caf\xe9", None), RootRecord(b"/a\nb", 1 - (1 << 63))):
            journal.begin_run(now_ms=5, host="h", pid=1, executor="", tool_version="1", engines=(), root=root)
            assert journal.root() == root
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE root SET {change}")
        connection.commit()
    with Journal.read(path, plan_digest=PLAN) as journal, pytest.raises(JournalRefused, match="the folder that its"):
        journal.root()


def test_what_was_written_comes_back(path: Path) -> None:
    fill(path)
    batches, outcomes, uploads = content(path)
    assert batches == BATCHES
    assert outcomes == OUTCOMES
    assert uploads == (UPLOAD,)


def test_it_is_its_owners_alone(path: Path) -> None:
    fill(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_is_new_once(path: Path) -> None:
    with open_journal(path) as journal:
        assert journal.is_new
    with open_journal(path) as journal:
        assert not journal.is_new
        assert journal.runs() == []


def test_a_file_without_content_is_made_a_journal(path: Path) -> None:
    path.touch()
    with open_journal(path) as journal:
        assert journal.is_new


def test_since_when_all_is_doubtful_is_kept_from_its_first_moment_on(path: Path) -> None:
    """Or a second crash, after a lost journal, would make work that was done before look like nobody's."""
    with open_journal(path, doubtful_since_ms=77) as journal:
        assert journal.doubtful_since_ms == 77
    with open_journal(path, doubtful_since_ms=99) as journal:
        assert journal.doubtful_since_ms == 77
    with Journal.read(path, plan_digest=PLAN) as journal:
        assert journal.doubtful_since_ms == 77


def test_a_first_journal_has_nothing_doubtful(path: Path) -> None:
    fill(path)
    with open_journal(path, doubtful_since_ms=99) as journal:
        assert journal.doubtful_since_ms is None


def test_the_newest_outcome_of_an_action_stands_and_done_takes_it_away(path: Path) -> None:
    fill(path)
    unknown = OutcomeRecord(2, 0, OutcomeKind.UNKNOWN, "503", "", FailureKind.THROTTLED, 3, 9)
    with open_journal(path) as journal:
        journal.write(outcomes=[unknown], settled=[(1, 5)])
        assert [record for record in journal.outcomes() if record.batch == 2] == [unknown]
        assert [record.position for record in journal.outcomes(1)] == [6]


def test_an_upload_that_ended_takes_its_parts_with_it_and_a_new_one_begins_without(path: Path) -> None:
    fill(path)
    fresh = KnownUpload(0, "fresh", 5, ())
    with open_journal(path) as journal:
        journal.write(uploads=[(2, fresh)])
        assert journal.uploads(2) == (fresh,)
        journal.write(parts=[(2, 0, "fresh", 1, "e"), (2, 0, "somebody else's", 2, "e")])
        assert journal.uploads(2) == (KnownUpload(0, "fresh", 5, ((1, "e"),)),)
        journal.write(ended_uploads=[(2, 0)])
        assert journal.uploads(2) == ()


def test_runs_are_numbered_and_end_as_they_end(path: Path) -> None:
    with open_journal(path) as journal:
        for state in ("interrupted", "completed"):
            number = journal.begin_run(now_ms=1, host="h", pid=1, executor="serial", tool_version="1", engines=())
            assert journal.runs()[-1].state == "running"
            reason = "time-limit" if state == "interrupted" else None
            journal.end_run(number, state=state, reason=reason, now_ms=2)
        assert [(run.id, run.state, run.reason, run.ended_at_ms) for run in journal.runs()] == [
            (1, "interrupted", "time-limit", 2),
            (2, "completed", None, 2),
        ]


def test_a_pause_is_written_down_and_so_is_its_end(path: Path) -> None:
    with open_journal(path) as journal:
        number = journal.begin_run(now_ms=1, host="h", pid=1, executor="serial", tool_version="1", engines=())
        journal.note_run_state(number, state="paused")
        assert journal.runs()[-1].state == "paused"
        journal.note_run_state(number, state="running")
        assert journal.runs()[-1].state == "running"


def test_a_run_says_by_which_engines_its_requests_went(path: Path) -> None:
    fill(path)
    with Journal.read(path, plan_digest=PLAN) as journal:
        assert [run.engines for run in journal.runs()] == [ENGINES]


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "3", '{"a": 1}', '{"a": {}}', '{"a": []}', "[" * 100_000])
def test_engines_that_cannot_be_read_say_nothing_and_stop_nobody(path: Path, text: str) -> None:
    fill(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE run SET engines = ?", (text,))
        connection.commit()
    with open_journal(path) as journal:
        assert [(run.id, run.engines) for run in journal.runs()] == [(1, ())]


def test_another_plans_journal_is_refused_by_both_their_names(path: Path) -> None:
    fill(path)
    said = r"another plan \(aaaaaaaa, not bbbbbbbb\)"
    with pytest.raises(JournalRefused, match=said):
        open_journal(path, plan=OTHER_PLAN)
    with pytest.raises(JournalRefused, match=said):
        Journal.read(path, plan_digest=OTHER_PLAN)


def test_a_journal_of_another_format_is_refused(path: Path) -> None:
    fill(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(JournalRefused, match="journal format 2"):
        open_journal(path)


@pytest.mark.parametrize("text", [b"not a database", b"x" * 5000, b"SQLite format 3\x00" + b"\x00" * 200])
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    with pytest.raises(S3PlanError):
        open_journal(path)
    assert path.read_bytes() == text


def test_another_database_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
    with pytest.raises(JournalRefused, match="not a journal of s3plan"):
        open_journal(path)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON batch BEGIN DELETE FROM outcome; END",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TABLE extra (a)",
        "DROP TABLE part",
        "ALTER TABLE run ADD COLUMN more",
    ],
)
def test_tables_that_are_not_ours_are_refused(path: Path, statement: str) -> None:
    fill(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    with pytest.raises(JournalRefused, match="--rebuild-journal"):
        open_journal(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE batch SET done = zeroblob(125) WHERE id = 1",
        "UPDATE batch SET is_open = 0 WHERE id = 2",
        "UPDATE batch SET generation = 9 WHERE id = 1",
        "UPDATE batch SET withheld = NULL WHERE id = 7",
        "UPDATE outcome SET kind = 'done' WHERE batch = 1",
        "UPDATE outcome SET kind = 'nonsense' WHERE batch = 1",
        "UPDATE outcome SET position = 7 WHERE position = 6",
        "UPDATE outcome SET side = 'destination' WHERE side IS NOT NULL",
        "UPDATE outcome SET side = 'nowhere' WHERE side IS NOT NULL",
        "UPDATE upload SET part_size_bytes = 1",
        "UPDATE upload SET upload_id = 'x'",
        "UPDATE upload SET batch = 6",
        "UPDATE part SET batch = 6 WHERE number = 2",
        "UPDATE part SET etag = 'x' WHERE number = 2",
        "UPDATE part SET number = 3 WHERE number = 2",
        "UPDATE journal SET doubtful_since_ms = 5",
        "UPDATE journal SET made_at_ms = 5",
        "DELETE FROM journal",
    ],
)
def test_a_changed_row_is_refused_and_says_how_to_go_on(path: Path, statement: str) -> None:
    fill(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    with pytest.raises(JournalRefused, match="--rebuild-journal"):
        content(path)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_journal_with_one_changed_byte_is_refused_or_says_exactly_the_same(path: Path, data: st.DataObject) -> None:
    if not path.exists():
        fill(path)
    whole = path.read_bytes()
    expected = content(path)
    position = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.integers(1, 255))
    damaged = path.with_name("damaged.s3run")
    damaged.write_bytes(whole[:position] + bytes([whole[position] ^ change]) + whole[position + 1 :])
    _assert_refused_or_same(damaged, expected)


def test_every_byte_that_matters_is_covered(path: Path) -> None:
    """Every byte of every page that is not zero, one bit of it flipped."""
    fill(path)
    whole = path.read_bytes()
    expected = content(path)
    damaged = path.with_name("damaged.s3run")
    interesting = [position for position, byte in enumerate(whole) if byte]
    for position in interesting[::5]:
        damaged.write_bytes(whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :])
        _assert_refused_or_same(damaged, expected)


def _assert_refused_or_same(damaged: Path, expected: Content) -> None:
    try:
        found = content(damaged)
    except S3PlanError:
        return
    finally:
        for side in ("-journal", "-wal", "-shm"):
            damaged.with_name(damaged.name + side).unlink(missing_ok=True)
    assert found == expected


@pytest.mark.parametrize("size", [1, 100, 1024, 4096, 9000])
def test_a_journal_that_was_cut_off_is_refused(path: Path, size: int) -> None:
    fill(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(S3PlanError):
        content(path)


def test_a_write_that_fails_says_so_and_leaves_what_was_there(path: Path) -> None:
    fill(path)
    before = content(path)
    with open_journal(path) as journal:
        _limit_pages(journal)
        big = OutcomeRecord(1, 8, OutcomeKind.FAILED, "x" * 500_000, "", None, 1, 1)
        with pytest.raises(S3PlanError, match=r"full; nothing more was started\. Repair the disk, then apply again"):
            journal.write(batches=[BATCHES[1]], outcomes=[big])
        with pytest.raises(S3PlanError, match="full"):
            journal.write(outcomes=[big])
    assert content(path) == before


def _limit_pages(journal: Journal) -> None:
    (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")


def test_an_error_that_is_not_the_disks_undoes_the_block_and_passes_through(path: Path) -> None:
    fill(path)
    before = content(path)

    def broken() -> object:
        yield (1, 1)
        raise ZeroDivisionError

    with open_journal(path) as journal:
        with pytest.raises(ZeroDivisionError):
            journal.write(batches=[BATCHES[1]], ended_uploads=broken())  # type: ignore[arg-type]
        journal.write(batches=BATCHES)
    assert content(path) == before


def test_a_place_that_cannot_be_written_is_an_error_that_says_where(tmp_path: Path) -> None:
    with pytest.raises(S3PlanError, match=r"nowhere/job\.s3run"):
        open_journal(tmp_path / "nowhere" / "job.s3run")
    (tmp_path / "folder.s3run").mkdir()
    with pytest.raises(S3PlanError):
        open_journal(tmp_path / "folder.s3run")


def test_it_can_be_read_while_it_is_written(path: Path) -> None:
    fill(path)
    with open_journal(path) as journal:
        journal.begin_run(now_ms=1, host="h", pid=1, executor="serial", tool_version="1", engines=())
        with Journal.read(path, plan_digest=PLAN) as reader:
            assert len(reader.runs()) == 2


def test_a_reader_writes_nothing(path: Path) -> None:
    fill(path)
    with Journal.read(path, plan_digest=PLAN) as reader, pytest.raises(S3PlanError):
        reader.write(settled=[(1, 5)])
    assert len(content(path)[1]) == 3


def test_reading_what_is_not_there_makes_no_file(path: Path) -> None:
    with pytest.raises(S3PlanError):
        Journal.read(path, plan_digest=PLAN)
    assert not path.exists()
