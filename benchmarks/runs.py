"""One run of one tool: a fresh destination, the commands, and whether the work was really done."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Sample
from benchmarks.processes import Cost, RunFailed, RunStopped, run_measured
from benchmarks.store_port import Comparison, Stats, Store
from benchmarks.tools import S3PLAN, Steps, Tool, environment
from benchmarks.works import DESTINATION, RESUMED_ACTIONS, SOURCE, Kind, Work


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs tools against a store, in folders below `folder`."""

    store: Store
    folder: Path
    search_path: str
    timeout_s: float

    def begin(self, work: Work) -> None:
        """Fill the source: no run changes it."""
        if work.source is not None:
            self.store.set_latency(request_ms=0, list_ms=0)
            self.store.fill(SOURCE, work.source)

    def run(self, work: Work, tool: Tool, number: int) -> Sample | None:
        """Return what one run cost, with `failure` if it did not do the work; None if the tool has no such work."""
        folder = self._fresh_folder(work, tool, number)
        steps = tool.steps(work, folder=folder, endpoint=self.store.endpoint)
        if steps is None:
            return None
        try:
            return self._measured(work, tool, number, steps, folder)
        except RunStopped as stopped:
            return Sample(tool.name, number, failure=str(stopped), stopped_s=stopped.after_s)
        except RunFailed as failed:
            return Sample(tool.name, number, failure=str(failed))

    def _fresh_folder(self, work: Work, tool: Tool, number: int) -> Path:
        """A resumed plan goes on from round to round; everything else starts anew."""
        folder = self.folder / f"{work.name}-{tool.name}"
        if work.kind is not Kind.RESUME or number == 1:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            if work.source is not None:
                self.store.fill(DESTINATION, work.destination)
        return folder

    def _measured(self, work: Work, tool: Tool, number: int, steps: Steps, folder: Path) -> Sample:
        variables = environment(folder, endpoint=self.store.endpoint, search_path=self.search_path)
        notes: dict[str, float] = {}
        if steps.before:
            before = run_measured(steps.before, folder=folder, environment=variables, timeout_s=self.timeout_s)
            notes["before, not counted:"] = before.wall_s
        begun = self._compared(work)
        self.store.set_latency(request_ms=work.latency_ms, list_ms=work.list_latency_ms)
        self.store.reset()
        try:
            cost = run_measured(steps.timed, folder=folder, environment=variables, timeout_s=self.timeout_s)
            stats = self.store.stats()
        finally:
            self.store.set_latency(request_ms=0, list_ms=0)
        _verify(work, tool, begun, self._compared(work), folder)
        if work.kind is Kind.RESUME:
            cost = _until_first_copy(cost, stats, notes)
        return Sample(
            tool=tool.name,
            round=number,
            wall_s=cost.wall_s,
            cpu_s=cost.cpu_s,
            peak_bytes=cost.peak_bytes,
            requests=None if stats is None else _requests(stats),
            server_cpu_s=None if stats is None else stats.cpu_s,
            notes=notes,
        )

    def _compared(self, work: Work) -> Comparison | None:
        return None if work.source is None else self.store.compare(SOURCE, DESTINATION)


def _requests(stats: Stats) -> int:
    return sum(count for name, count in stats.requests.items() if not name.startswith("refused"))


def _until_first_copy(cost: Cost, stats: Stats | None, notes: dict[str, float]) -> Cost:
    """The rest of a resumed run is there to show that it went on; memory and CPU are of the whole."""
    if stats is None or "CopyObject" not in stats.first_unix_s:
        raise RunFailed("the server did not tell when the first copy came")
    notes["first request of any kind:"] = min(stats.first_unix_s.values()) - cost.started_unix_s
    first_s = stats.first_unix_s["CopyObject"] - cost.started_unix_s
    return Cost(cost.started_unix_s, first_s, cost.cpu_s, cost.peak_bytes)


def _verify(work: Work, tool: Tool, begun: Comparison | None, ended: Comparison | None, folder: Path) -> None:
    """Raise RunFailed unless the store, or the plan, is what the work asks for."""
    if begun is None or ended is None:
        return
    kept = 1 if tool.name == S3PLAN else 0
    expected = {
        Kind.PLAN: begun,
        Kind.DELETE: Comparison(ended.a, kept, ended.a - kept, 0, 0),
        Kind.RESUME: Comparison(ended.a, begun.b + RESUMED_ACTIONS, begun.only_a - RESUMED_ACTIONS, 0, 0),
    }.get(work.kind, Comparison(ended.a, ended.a, 0, 0, 0))
    if ended != expected:
        raise RunFailed(f"the work was not done: found {ended}, expected {expected}")
    if work.kind is Kind.PLAN and (planned := tool.planned(folder)) != work.differing:
        raise RunFailed(f"the plan names {planned:,} copies, but {work.differing:,} objects differ")
