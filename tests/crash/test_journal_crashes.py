"""A journal whose writer is killed, or whose disk keeps half of a commit: what was committed stands, and opens."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

import pytest
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.records import BatchRecord, OutcomeRecord
from s3plan.schemas.bitmaps import bitmap_of, numbers_in
from s3plan.schemas.outcomes import OutcomeKind

PLAN = "a" * 64
_TESTS = Path(__file__).parents[1]

# Commits one block after the other, each with one more action done and one more outcome, and says so after each.
_WRITER = """
    import sys
    from pathlib import Path
    from crash.test_journal_crashes import PLAN, commit
    from s3plan.executors.journal.journal import Journal

    print("ready", flush=True)
    with Journal.open(Path(sys.argv[1]), plan_digest=PLAN, now_ms=1) as journal:
        print("committed 0", flush=True)
        for number in range(1, 100_000):
            commit(journal, number)
            print(f"committed {number}", flush=True)
"""


def commit(journal: Journal, number: int) -> None:
    done = bitmap_of(range(number), size=100_000)
    outcome = OutcomeRecord(2, number, OutcomeKind.STALE, f"number {number}", "", None, 1, number)
    journal.write(
        batches=[BatchRecord(1, number, 1, is_open=True, actions=100_000, done=done)],
        outcomes=[outcome],
        settled=[(2, number - 5)],
    )


def committed(path: Path) -> int:
    """Return how many blocks the journal holds, after seeing that it holds each of them whole."""
    with Journal.open(path, plan_digest=PLAN, now_ms=2) as journal:
        batches, outcomes = list(journal.batches()), list(journal.outcomes())
    if not batches:
        assert outcomes == []
        return 0
    (batch,) = batches
    assert list(numbers_in(batch.done)) == list(range(batch.generation))
    last = batch.generation
    assert [record.position for record in outcomes] == list(range(max(last - 4, 1), last + 1))
    return last


def _kill_a_writer(path: Path, *, after_s: float) -> int:
    """Kill it that long after it began to write; return the last block that it said was committed, -1 if none."""
    command = [sys.executable, "-c", textwrap.dedent(_WRITER), str(path)]
    environment = os.environ | {"PYTHONPATH": str(_TESTS)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after_s)
        process.kill()
        said = process.stdout.read().split("\n")[:-1]
    assert process.returncode == -signal.SIGKILL
    return int(said[-1].split()[1]) if said else -1


def test_a_killed_writer_leaves_at_least_what_it_said_was_committed(tmp_path: Path) -> None:
    moments = random.Random(7)
    reached = 0
    for number in range(12):
        path = tmp_path / f"{number}.s3run"
        said = _kill_a_writer(path, after_s=moments.random() * (0.01 if number < 5 else 0.25))
        found = committed(path)
        assert said <= found <= said + 1 or said == -1
        reached = max(reached, found)
    assert reached > 1


def test_a_journal_killed_again_and_again_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "job.s3run"
    _kill_a_writer(path, after_s=0.1)
    for _ in range(3):
        before = committed(path)
        with Journal.open(path, plan_digest=PLAN, now_ms=3) as journal:
            commit(journal, before + 1)
        assert committed(path) == before + 1


def _copy_half_way(path: Path, into: Path) -> None:
    """Put the database and its rollback journal into `into` as they lie on the disk before a commit is whole."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA cache_size = 1")  # pages are spilled to the file before the commit
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM journal")
        connection.execute("UPDATE batch SET done = zeroblob(length(done))")
        for _ in range(5):
            connection.execute("UPDATE outcome SET reason = reason || hex(zeroblob(4000)), crc = crc + 1")
        for name in (path.name, f"{path.name}-journal"):
            shutil.copy(path.with_name(name), into / name)
        connection.execute("ROLLBACK")


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    """A journal of twenty blocks in the middle of another one, with its side file beside it."""
    whole, half = tmp_path / "whole", tmp_path / "half"
    whole.mkdir()
    half.mkdir()
    path = whole / "job.s3run"
    with Journal.open(path, plan_digest=PLAN, now_ms=1) as journal:
        for number in range(1, 21):
            commit(journal, number)
    _copy_half_way(path, half)
    return half / path.name


def test_a_commit_that_was_not_whole_is_undone_when_the_journal_is_opened(torn: Path) -> None:
    side = torn.with_name(f"{torn.name}-journal")
    assert side.stat().st_size > 1000
    with closing(sqlite3.connect(f"{torn.as_uri()}?immutable=1", uri=True)) as connection:
        (spoiled,) = connection.execute("SELECT count(*) FROM journal").fetchone()
        assert spoiled == 0, "the half commit has reached the file"
    assert committed(torn) == 20
    assert not side.exists()


def test_a_reader_alone_sees_the_last_whole_commit(torn: Path) -> None:
    """`s3plan status` after a kill, before anybody applies again."""
    with Journal.read(torn, plan_digest=PLAN) as journal:
        (batch,) = journal.batches()
        assert batch.generation == 20


def test_a_side_file_cut_before_its_header_was_synced_means_that_nothing_was_changed(tmp_path: Path) -> None:
    """SQLite syncs the side file before it touches a page: as long as it is not whole, the database is untouched."""
    path = tmp_path / "job.s3run"
    with Journal.open(path, plan_digest=PLAN, now_ms=1) as journal:
        for number in range(1, 21):
            commit(journal, number)
    untouched = path.read_bytes()
    half = tmp_path / "half"
    half.mkdir()
    _copy_half_way(path, half)
    side = (half / f"{path.name}-journal").read_bytes()
    for size in [*range(0, 600, 37), *range(600, len(side), max(1, len(side) // 40)), len(side) - 1]:
        path.write_bytes(untouched)
        path.with_name(f"{path.name}-journal").write_bytes(side[:size])
        assert committed(path) == 20, size


@pytest.mark.parametrize("after", range(1, 12))
def test_a_crash_while_the_journal_is_made_leaves_one_that_can_be_made(tmp_path: Path, after: int) -> None:
    """Its first commit, torn after so many statements, must not leave a file that is refused forever."""
    path, half = tmp_path / "job.s3run", tmp_path / "half"
    half.mkdir()
    _make_half_a_journal(path, half, statements=after)
    torn = half / path.name
    assert torn.stat().st_size > 0 or after < 3
    with Journal.open(torn, plan_digest=PLAN, now_ms=2) as journal:
        assert journal.is_new
        commit(journal, 1)
    assert committed(torn) == 1


def _make_half_a_journal(path: Path, into: Path, *, statements: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode = DELETE", "synchronous = FULL", "cache_size = 1"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN IMMEDIATE")
        for number in range(statements):
            connection.execute(f"CREATE TABLE t{number} (a)")
            connection.execute(f"INSERT INTO t{number} VALUES (zeroblob(20000))")
        for name in (path.name, f"{path.name}-journal"):
            if path.with_name(name).exists():
                shutil.copy(path.with_name(name), into / name)
        connection.execute("ROLLBACK")
