from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
LIMIT_MIB = 200


@pytest.mark.slow
@pytest.mark.sampled(1)
@pytest.mark.parametrize(("every", "actions"), [(1000, 1000), (3, 333_334)])
def test_a_million_objects_are_planned_against_a_million_in_flat_memory(
    tmp_path: Path, every: int, actions: int
) -> None:
    done = subprocess.run(
        [sys.executable, TESTS / "fakes" / "plan_a_million.py", "1000000", str(every), tmp_path / "job.s3plan"],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    planned, peak_mib, _ = done.stdout.split()
    assert int(planned) == actions
    assert float(peak_mib) < LIMIT_MIB
