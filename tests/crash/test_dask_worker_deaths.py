"""dask workers that are killed, a scheduler that is gone, a parent that is killed: the end state of an undisturbed run."""

from __future__ import annotations

import signal
import time

import pytest
from fakes.child_processes import children_of, is_alive, kill
from fakes.worker_deaths import assert_as_planned, outlive_a_kill_each_second, wait_for_copies
from fakes.workplace import MIB, Workplace

DASK = ("--executor", "dask")
_WORKER = "spawn_main"  # in the words of a process that dask's nanny starts
_PATIENCE_S = 60


@pytest.mark.slow
def test_one_of_four_dask_workers_killed_every_second(place: Workplace) -> None:
    ended = outlive_a_kill_each_second(place, *DASK, objects=10_000, workers=4, whose_words_have=_WORKER)
    assert "its dask worker" in ended.stdout


_ = (signal, time, children_of, is_alive, kill, assert_as_planned, wait_for_copies, MIB)
