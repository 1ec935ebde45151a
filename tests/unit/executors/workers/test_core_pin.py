"""A process is held on one core, and gets the others back; in a child, so that the tests keep theirs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from s3plan.executors.workers.core_pin import allowed_cores

SCRIPT = """
import os, threading
from s3plan.executors.workers.core_pin import CorePin
ended = threading.Event()
thread = threading.Thread(target=ended.wait)
thread.start()
before = os.sched_getaffinity(0)
pin = CorePin()
pin.pin()
assert os.sched_getaffinity(0) == {pin.core} == os.sched_getaffinity(thread.native_id), pin.core
pin.lift()
assert pin.core is None
assert os.sched_getaffinity(0) == before == os.sched_getaffinity(thread.native_id)
ended.set()
"""


@pytest.mark.skipif(len(allowed_cores()) < 2, reason="needs two cores to choose from")
def test_all_threads_move_to_one_core_and_back() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=30)
