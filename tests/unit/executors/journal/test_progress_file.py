from __future__ import annotations

import json
import os
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from fakes.planted_files import give_away
from s3plan.executors.journal.progress_file import progress_path, read_progress, told_to_others
from s3plan.schemas.events import Advanced, Event, RunStarted

DIGEST = "d" * 64
STARTED = RunStarted(3, DIGEST, 10, 100, 0, "threads", resumed=True)


def _advanced(settled: int) -> Advanced:
    return Advanced(10, settled, 100, 7, {"done": settled}, 1.5, 2.0, None, "copy", 0, True, 4.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return progress_path(tmp_path / "job.s3run")


def _read(path: Path) -> Advanced | None:
    return read_progress(path, run=3, plan_digest=DIGEST)


def test_others_read_where_the_run_stands_until_it_is_over(path: Path) -> None:
    now_s = 100.0
    told: list[Event] = []
    with told_to_others(told.append, path, plan_digest=DIGEST, clock=lambda: now_s) as tell:
        tell(STARTED)
        tell(_advanced(1))
        assert not path.exists()  # a run that is over within a second leaves no trace
        now_s = 101.0
        tell(_advanced(2))
        assert _read(path) == _advanced(2)
        now_s = 101.9
        tell(_advanced(3))
        assert _read(path) == _advanced(2)
        now_s = 102.0
        tell(_advanced(4))
        assert _read(path) == _advanced(4)
        assert path.stat().st_mode & 0o777 == 0o600
        assert [found.name for found in path.parent.iterdir()] == [path.name]
    assert list(path.parent.iterdir()) == []
    assert told == [STARTED, *map(_advanced, (1, 2, 3, 4))]


def test_what_another_run_or_plan_left_behind_says_nothing(path: Path) -> None:
    with told_to_others(lambda _: None, path, plan_digest=DIGEST, clock=count().__next__) as tell:
        tell(STARTED)
        tell(_advanced(2))
        assert read_progress(path, run=4, plan_digest=DIGEST) is None
        assert read_progress(path, run=3, plan_digest="e" * 64) is None
        assert _read(path) is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run": "3"}', '{"run": 3, "progress": {"actions": "many"}}', "\xff"])
def test_a_file_that_is_broken_says_nothing(path: Path, text: str) -> None:
    path.write_text(text, encoding="latin-1")
    path.chmod(0o600)
    assert _read(path) is None


def _write(path: Path, **changed: Any) -> None:
    path.write_text(json.dumps({"run": 3, "plan_digest": DIGEST, "progress": asdict(_advanced(2)) | changed}))
    path.chmod(0o600)


@pytest.mark.parametrize(
    "changed",
    [
        {"eta_s": float("inf")},
        {"eta_s": float("nan")},
        {"actions_per_s": 1e308},
        {"bytes_per_s": -1.0},
        {"bytes": 10**400},
        {"settled": -1},
        {"retrying": -1},
        {"counts": {"failed": 10**400}},
        {"phase": "\x1b[2J"},
    ],
)
def test_a_file_that_says_what_no_run_does_says_nothing(path: Path, changed: dict[str, Any]) -> None:
    _write(path)
    assert _read(path) == _advanced(2)
    _write(path, **changed)
    assert _read(path) is None


def test_what_somebody_else_has_left_in_its_place_says_nothing(path: Path) -> None:
    real = path.with_name("real")
    _write(real)
    path.symlink_to(real)
    assert _read(path) is None
    path.unlink()
    os.mkfifo(path, 0o600)  # nobody writes into it: whoever waits for that waits forever
    assert _read(path) is None
    path.unlink()
    _write(path)
    path.chmod(0o602)
    assert _read(path) is None
    path.chmod(0o600)
    give_away(path)
    assert _read(path) is None


def test_what_stands_where_the_new_file_is_written_holds_nobody_up_and_is_not_written(path: Path) -> None:
    precious, fresh = path.with_name("precious"), path.with_name(f".{path.name}.new")
    precious.write_text("precious")
    with told_to_others(lambda _: None, path, plan_digest=DIGEST, clock=count().__next__) as tell:
        tell(STARTED)
        os.mkfifo(fresh)
        tell(_advanced(1))
        assert _read(path) == _advanced(1)
        os.link(precious, fresh)
        tell(_advanced(2))
        assert _read(path) == _advanced(2)
    assert precious.read_text() == "precious"


def test_a_folder_that_cannot_be_written_costs_the_run_nothing(tmp_path: Path) -> None:
    told: list[Event] = []
    with told_to_others(told.append, tmp_path / "gone" / "p", plan_digest=DIGEST, clock=count().__next__) as tell:
        tell(STARTED)
        tell(_advanced(2))
    assert len(told) == 2
