"""One apply for one journal: by flock, and by heartbeat where flock does not work."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from s3plan.executors.journal import lock as module
from s3plan.executors.journal.lock import HEARTBEAT_S, TAKE_OVER_AFTER_S, JournalLock, is_held, read_holder
from s3plan.schemas.errors import ExitCode, Locked, S3PlanError

PLAN, OTHER_PLAN = "a" * 64, "b" * 64

_HOLDER = """
    import sys, time
    from pathlib import Path
    from s3plan.executors.journal.lock import JournalLock
    with JournalLock(Path(sys.argv[1]), plan_digest="a" * 64, now_ms=1_700_000_000_000) as held:
        held.note_begun(1_700_000_000_000)
        print("held", flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "job.s3run.lock"


def lock(path: Path, *, plan: str = PLAN, now_ms: int = 5_000) -> JournalLock:
    return JournalLock(path, plan_digest=plan, now_ms=now_ms)


@contextmanager
def held_by_another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", textwrap.dedent(_HOLDER), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_holder_is_refused_and_told_who_the_first_is(path: Path) -> None:
    with held_by_another_process(path) as first:
        with pytest.raises(Locked) as refusal, lock(path):
            pass
        said = str(refusal.value)
        assert f"process {first.pid} on {os.uname().nodename} since 2023-11-14 22:13:20 UTC" in said
        assert str(path.with_suffix("")) in said
        assert refusal.value.exit_code is ExitCode.LOCKED
        assert is_held(path)


def test_a_holder_that_was_killed_holds_nothing(path: Path) -> None:
    with held_by_another_process(path) as first:
        first.kill()
        first.wait()
        assert not is_held(path)
        with lock(path) as second:
            assert second.was_begun_before
            assert second.first_begun_at_ms == 1_700_000_000_000


def test_two_locks_in_one_process_exclude_each_other(path: Path) -> None:
    with lock(path):
        with pytest.raises(Locked), lock(path):
            pass
        assert is_held(path)
    with lock(path):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"pid": "x"}', "\x00" * 50])
def test_what_is_left_in_the_file_stops_nobody(path: Path, text: str) -> None:
    path.write_text(text)
    with lock(path) as held:
        assert not held.was_begun_before
        holder = read_holder(path)
        assert holder is not None
        assert (holder.pid, holder.plan_digest) == (os.getpid(), PLAN)


def test_a_longer_text_is_written_over_whole(path: Path) -> None:
    path.write_text('{"pid": 1}' + " " * 5000)
    with lock(path):
        assert read_holder(path) is not None
        assert path.stat().st_size < 500


def test_it_remembers_since_when_requests_may_have_been_sent(path: Path) -> None:
    with lock(path) as first:
        assert (first.was_begun_before, first.first_begun_at_ms) == (False, None)
        first.note_begun(100)
    for begun_ms in (200, 50):
        with lock(path) as later:
            assert (later.was_begun_before, later.first_begun_at_ms) == (True, 100)
            later.note_begun(begun_ms)


def test_it_remembers_in_which_folder_they_were_sent(path: Path) -> None:
    """Also one whose name is no text."""
    name = os.fsdecode(b"/mnt/caf\xe9")
    with lock(path) as first:
        first.note_begun(100, root="/mnt/a")
        first.note_begun(200, root=name)
    with lock(path) as later:
        assert (later.first_begun_at_ms, later.root) == (100, name)
    with lock(path, plan=OTHER_PLAN) as other:
        assert other.root is None


def test_who_was_stopped_before_the_first_request_has_begun_nothing(path: Path) -> None:
    with lock(path):
        pass
    with lock(path) as later:
        assert (later.was_begun_before, later.first_begun_at_ms) == (False, None)


def test_another_plan_begins_its_own_count(path: Path) -> None:
    with lock(path) as first:
        first.note_begun(100)
    with lock(path, plan=OTHER_PLAN) as other:
        assert (other.was_begun_before, other.first_begun_at_ms) == (False, None)


def test_the_file_is_its_owners_alone_and_never_a_link(path: Path, tmp_path: Path) -> None:
    with lock(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    link = tmp_path / "link.s3run.lock"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(S3PlanError, match="cannot be opened"), lock(link):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(S3PlanError, match="cannot be opened: No such file"), lock(tmp_path / "nowhere" / "a.lock"):
        pass


def test_nobody_holds_what_is_not_there(path: Path) -> None:
    assert not is_held(path)
    assert read_holder(path) is None
    assert not path.exists()


@pytest.fixture
def without_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(module, "_WATCH_S", 0.3)
    monkeypatch.setattr(module, "_SETTLE_S", 0.05)


def age(path: Path, seconds: float) -> None:
    then_s = time.time() - seconds
    os.utime(path, (then_s, then_s))


@pytest.mark.usefixtures("without_flock")
def test_without_flock_a_fresh_heartbeat_refuses_the_second_holder(path: Path) -> None:
    with lock(path), pytest.raises(Locked, match=f"process {os.getpid()} on "), lock(path):
        pass


@pytest.mark.usefixtures("without_flock")
def test_without_flock_a_holder_is_believed_for_a_minute(path: Path) -> None:
    with lock(path):
        age(path, TAKE_OVER_AFTER_S - 5)
        with pytest.raises(Locked), lock(path):
            pass


@pytest.mark.usefixtures("without_flock")
def test_without_flock_a_silent_holder_is_taken_over_after_a_minute(path: Path) -> None:
    with lock(path) as first:
        first.note_begun(100)
        age(path, TAKE_OVER_AFTER_S + 1)
        with lock(path, now_ms=200) as second:
            assert second.first_begun_at_ms == 100
            assert time.time() - path.stat().st_mtime < 5


@pytest.mark.usefixtures("without_flock")
def test_without_flock_a_silent_holder_that_touched_it_by_a_clock_ahead_of_ours_is_taken_over_too(path: Path) -> None:
    with lock(path):
        age(path, -3600)
        with lock(path, now_ms=200):
            assert abs(time.time() - path.stat().st_mtime) < 5


@pytest.mark.usefixtures("without_flock")
def test_without_flock_the_next_one_enters_at_once_after_an_orderly_end(path: Path) -> None:
    for _ in range(2):
        with lock(path):
            pass
    assert [found.name for found in path.parent.iterdir()] == [path.name]


@pytest.mark.usefixtures("without_flock")
def test_without_flock_the_heart_beats_and_survives_a_disk_that_is_away(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert HEARTBEAT_S * 3 < TAKE_OVER_AFTER_S
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.01)
    with lock(path):
        hidden = path.with_name("away")
        path.rename(hidden)
        time.sleep(0.05)
        hidden.rename(path)
        age(path, 1000)
        until_s = time.monotonic() + 10
        while time.time() - path.stat().st_mtime > 500:
            assert time.monotonic() < until_s
            time.sleep(0.01)


def test_an_error_of_flock_that_is_not_about_support_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(descriptor: int, operation: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", break_down)
    with pytest.raises(S3PlanError, match="cannot be taken: Input/output error"), lock(path):
        pass


def test_a_full_disk_is_told_and_the_first_begin_is_not_forgotten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lock(path) as first:
        first.note_begun(100)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(S3PlanError, match="cannot be written: No space left"), lock(path, now_ms=200):
            pass
    with lock(path, now_ms=300) as later:
        assert later.first_begun_at_ms == 100


def test_a_lock_whose_file_was_removed_while_it_was_taken_is_not_the_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes next would make another file, and both would go on."""
    real = fcntl.flock
    removed: list[Path] = []

    def flock(descriptor: int, operation: int) -> None:
        real(descriptor, operation)
        if not removed:
            removed.append(path)
            path.unlink()

    monkeypatch.setattr(fcntl, "flock", flock)
    with lock(path) as held:
        assert read_holder(path) is not None
        assert held.is_new
        assert is_held(path)
        with pytest.raises(Locked), lock(path):
            pass
    with lock(path) as next_one:
        assert not next_one.is_new
