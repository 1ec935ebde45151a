"""What transfers of folders have cost, as a table: medians of each way to do a work, and ratios to s3plan's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.processes import Cost
from benchmarks.text import megabytes, seconds


@dataclass(frozen=True, slots=True)
class FolderRun:
    """One run of a work by a tool; `plan` is what s3plan's plan cost before, and is in no peer's way of working."""

    work: str
    tool: str
    round: int
    transfer: Cost | None = None
    plan: Cost | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class FolderFigure:
    """Medians of the rounds; times of s3plan are with its plan in `wall_s`, and without it in `alone_s`."""

    work: str
    tool: str
    rounds: int
    wall_s: float
    alone_s: float
    cpu_us_per_file: float
    peak_bytes: int


def folder_figures(runs: Sequence[FolderRun], *, files: dict[str, int]) -> list[FolderFigure]:
    """Return the figures of what was done, in the order in which it was begun; `files`: how many, by work."""
    groups: dict[tuple[str, str], list[tuple[Cost, Cost | None]]] = {}
    for run in runs:
        if run.transfer is not None and run.failure is None:
            groups.setdefault((run.work, run.tool), []).append((run.transfer, run.plan))
    return [_figure(work, tool, costs, files[work]) for (work, tool), costs in groups.items()]


def _figure(work: str, tool: str, costs: Sequence[tuple[Cost, Cost | None]], files: int) -> FolderFigure:
    cpu_s = median(transfer.cpu_s + (0.0 if plan is None else plan.cpu_s) for transfer, plan in costs)
    return FolderFigure(
        work,
        tool,
        len(costs),
        wall_s=median(transfer.wall_s + (0.0 if plan is None else plan.wall_s) for transfer, plan in costs),
        alone_s=median(transfer.wall_s for transfer, _ in costs),
        cpu_us_per_file=cpu_s / files * 1e6,
        peak_bytes=max(max(transfer.peak_bytes, 0 if plan is None else plan.peak_bytes) for transfer, plan in costs),
    )


def folder_table(figures: Sequence[FolderFigure], *, own: str) -> str:
    """Return the figures as text; a ratio is how many times as long as `own` with its plan, and without it."""
    head = f"  {'':18}{'runs':>5}{'wall':>10}{'CPU a file':>14}{'memory':>9}{'ratio':>8}{'apply alone':>13}"
    lines: list[str] = []
    for work in dict.fromkeys(figure.work for figure in figures):
        of_work = [figure for figure in figures if figure.work == work]
        mine = next((figure for figure in of_work if figure.tool == own), None)
        lines += [work, head, *(_line(figure, mine) for figure in of_work), ""]
    return "\n".join(lines)


def _line(figure: FolderFigure, mine: FolderFigure | None) -> str:
    ratio = alone = "-"
    if mine is not None:
        ratio, alone = f"{figure.wall_s / mine.wall_s:.2f}x", f"{figure.alone_s / mine.alone_s:.2f}x"
    cpu = f"{figure.cpu_us_per_file:,.0f} us"
    cells = f"{seconds(figure.wall_s):>10}{cpu:>14}{megabytes(figure.peak_bytes):>9}{ratio:>8}{alone:>13}"
    return f"  {figure.tool:18}{figure.rounds:>5}{cells}"
