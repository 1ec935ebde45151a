"""What the figures of folders are made of; nothing is timed here."""

from __future__ import annotations

import sys

from fakes.checkout import ROOT

sys.path.append(str(ROOT))  # benchmarks/ is part of the repository, not of the package

from benchmarks.folder_figures import FolderRun, folder_figures, folder_table
from benchmarks.processes import Cost


def cost(wall_s: float, cpu_s: float = 1.0, peak_bytes: int = 1_000_000) -> Cost:
    return Cost(0.0, wall_s, cpu_s, peak_bytes)


RUNS = [
    FolderRun("up", "s3plan", 1, cost(4.0, 2.0, 90_000_000), cost(1.0, 1.0, 80_000_000)),
    FolderRun("up", "s5cmd", 1, cost(10.0, 9.0)),
    FolderRun("up", "s3plan", 2, cost(2.0, 2.0, 70_000_000), cost(1.0, 1.0, 95_000_000)),
    FolderRun("up", "s5cmd", 2, failure="the work was not done"),
    FolderRun("up", "s3plan", 3, cost(3.0, 2.0), cost(1.0, 1.0)),
]


def test_a_plan_counts_and_what_was_not_done_does_not() -> None:
    own, peer = folder_figures(RUNS, files={"up": 1000})
    assert (own.tool, own.rounds, own.wall_s, own.alone_s, own.peak_bytes) == ("s3plan", 3, 4.0, 3.0, 95_000_000)
    assert (peer.tool, peer.rounds, peer.wall_s, peer.alone_s, peer.peak_bytes) == ("s5cmd", 1, 10.0, 10.0, 1_000_000)
    assert (round(own.cpu_us_per_file), round(peer.cpu_us_per_file)) == (3000, 9000)


def test_ratios_are_to_s3plan_with_and_without_its_plan() -> None:
    table = folder_table(folder_figures(RUNS, files={"up": 1000}), own="s3plan").splitlines()
    assert table[0] == "up"
    assert table[3].split()[-2:] == ["2.50x", "3.33x"]
    assert folder_table(folder_figures(RUNS[1:2], files={"up": 1000}), own="s3plan").splitlines()[2].split()[-1] == "-"
