from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from s3plan.executors.progress_file import progress_path, read_progress, told_to_others
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
    assert _read(path) is None


def test_a_folder_that_cannot_be_written_costs_the_run_nothing(tmp_path: Path) -> None:
    told: list[Event] = []
    with told_to_others(told.append, tmp_path / "gone" / "p", plan_digest=DIGEST, clock=count().__next__) as tell:
        tell(STARTED)
        tell(_advanced(2))
    assert len(told) == 2
