"""Folders that killed runs have left are removed by the next one; those of runs that go on are not."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from s3plan.executors.dask.scratch import _remove_left_behind, scratch_folder

_RUN = """
import sys
from s3plan.executors.dask.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "worker").mkdir()
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are made, here and by what is started."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@contextmanager
def another_run() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    command = [sys.executable, "-c", _RUN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        try:
            yield process, folder
        finally:
            process.kill()


def test_a_folder_is_there_for_a_run_and_gone_after_it(temporary: Path) -> None:
    with scratch_folder() as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(temporary.iterdir()) == []


def test_what_a_killed_run_has_left_is_removed_by_the_next_one_alone_and_nothing_of_one_that_lives() -> None:
    with another_run() as (_, of_the_living):
        with another_run() as (process, left):
            process.kill()
            process.wait()
            assert (left / "worker").is_dir()
        with scratch_folder():
            assert not left.exists()
            assert (of_the_living / "worker").is_dir()
        assert (of_the_living / "worker").is_dir()


def test_nobody_can_hold_the_lock_of_a_folder_before_its_own_run_does(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run that looks around at any moment of its making leaves it alone."""
    real = fcntl.flock

    def flock(descriptor: int, operation: int) -> None:
        monkeypatch.undo()
        _remove_left_behind(temporary)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with scratch_folder() as folder:
        _remove_left_behind(temporary)
        assert (folder / "owner.lock").exists()


def test_what_is_not_ours_is_left_alone(temporary: Path) -> None:
    precious = temporary / "precious"
    precious.mkdir()
    (precious / "owner.lock").touch()
    (temporary / "s3plan-dask-link").symlink_to(precious)
    (temporary / "s3plan-dask-file").touch()
    (temporary / "s3plan-dask-without-a-lock").mkdir()
    (temporary / "s3plan-dask-with-a-link").mkdir()
    (temporary / "s3plan-dask-with-a-link" / "owner.lock").symlink_to(precious / "owner.lock")
    before = sorted(temporary.rglob("*"))
    with scratch_folder():
        pass
    assert sorted(temporary.rglob("*")) == before
