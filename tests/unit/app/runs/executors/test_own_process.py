"""A process that does nothing else is tuned while it applies, and is as before afterwards; in a child of the tests."""

from __future__ import annotations

import subprocess
import sys

import pytest
from s3plan.executors.workers.core_pin import allowed_cores

SCRIPT = """
import gc, os, sys, threading
from s3plan.app.runs.executors.own_process import tuned_process
from s3plan.schemas.events import Warned

pins_core, fails = "pinned" in sys.argv, "failing" in sys.argv
ended = threading.Event()
thread = threading.Thread(target=ended.wait, daemon=True)
thread.start()
gc.set_threshold(701, 11, 12)


def standing():
    return os.sched_getaffinity(0), os.sched_getaffinity(thread.native_id), gc.get_threshold(), gc.get_freeze_count()


before = standing()
told = []
try:
    with tuned_process(pins_core=pins_core, on_event=told.append) as on_event:
        on_event(Warned("x"))
        own, others, thresholds, frozen = standing()
        assert own == others, (own, others)
        assert (len(own) == 1 and own < before[0]) if pins_core else own == before[0], own
        assert thresholds[0] > 10_000, thresholds
        assert frozen > 0
        if fails:
            raise ZeroDivisionError
except ZeroDivisionError:
    assert fails
assert [event.message for event in told] == ["x"], told
assert before[:3] == standing()[:3], (before, standing())
assert gc.get_freeze_count() == 0
ended.set()
"""


@pytest.mark.skipif(len(allowed_cores()) < 2, reason="needs two cores to choose from")
@pytest.mark.parametrize("words", [["pinned"], ["pinned", "failing"], [], ["failing"]], ids=" ".join)
def test_the_process_is_tuned_while_it_applies_and_as_before_afterwards(words: list[str]) -> None:
    subprocess.run([sys.executable, "-c", SCRIPT, *words], check=True, timeout=30)
