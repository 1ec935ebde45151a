"""Samples of single runs, and what is made of them: median, spread, ratio; kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one tool; `failure` says why it does not count. `notes` are further seconds, by name.

    `stopped_s`: it was stopped after that time, which is a failure too.
    """

    tool: str
    round: int
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0
    requests: int | None = None
    server_cpu_s: float | None = None
    failure: str | None = None
    stopped_s: float | None = None
    notes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and greatest of some runs."""

    median: float
    least: float
    greatest: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One tool in one work, by its good runs. `ratio` is its wall time by s3plan's, None where one of them is missing.

    `over_s` stands in for the wall time of a tool that was stopped, and did the work in no run.
    """

    tool: str
    runs: int
    wall_s: Spread | None
    cpu_s: Spread | None
    peak_bytes: Spread | None
    requests: float | None
    ratio: float | None
    notes: Mapping[str, float]
    over_s: float | None
    failure: str | None


@dataclass(frozen=True, slots=True)
class WorkResult:
    """All runs of one work, with what it was."""

    name: str
    title: str
    objects: int
    samples: tuple[Sample, ...]

    def figures(self) -> list[Figure]:
        """Return a figure of each tool, in the order of their first runs."""
        tools = list(dict.fromkeys(sample.tool for sample in self.samples))
        ours = self._wall_s("s3plan")
        return [self._figure(tool, ours) for tool in tools]

    def _good(self, tool: str) -> list[Sample]:
        return [sample for sample in self.samples if sample.tool == tool and sample.failure is None]

    def _wall_s(self, tool: str) -> Spread | None:
        return _spread([sample.wall_s for sample in self._good(tool)])

    def _figure(self, tool: str, ours: Spread | None) -> Figure:
        good = self._good(tool)
        wall_s = self._wall_s(tool)
        counted = [sample.requests for sample in good if sample.requests is not None]
        failures = [sample.failure for sample in self.samples if sample.tool == tool and sample.failure is not None]
        stopped = [sample.stopped_s for sample in self.samples if sample.tool == tool and sample.stopped_s is not None]
        over_s = stopped[0] if stopped and wall_s is None else None
        wall = over_s if wall_s is None else wall_s.median
        noted = dict.fromkeys(name for sample in good for name in sample.notes)
        return Figure(
            tool=tool,
            runs=len(good),
            wall_s=wall_s,
            cpu_s=_spread([sample.cpu_s for sample in good]),
            peak_bytes=_spread([float(sample.peak_bytes) for sample in good]),
            requests=median(counted) if counted else None,
            ratio=wall / ours.median if wall is not None and ours is not None and ours.median else None,
            notes={name: median(each.notes[name] for each in good if name in each.notes) for name in noted},
            over_s=over_s,
            failure=failures[0] if failures else None,
        )


def _spread(values: Sequence[float]) -> Spread | None:
    return Spread(median(values), min(values), max(values)) if values else None


@dataclass(frozen=True, slots=True)
class Report:
    """One or more runs of the benchmark. `taken` is by work, since works can be taken on different days."""

    machine: Mapping[str, str]
    versions: Mapping[str, str]
    taken: Mapping[str, str]
    results: tuple[WorkResult, ...]

    def with_earlier(self, earlier: Report) -> Report:
        """Return this report and, behind it, the works of an earlier one that this one lacks."""
        names = {result.name for result in self.results}
        kept = tuple(result for result in earlier.results if result.name not in names)
        return Report(
            machine=self.machine,
            versions={**earlier.versions, **self.versions},
            taken={**{result.name: earlier.taken.get(result.name, "") for result in kept}, **self.taken},
            results=(*self.results, *kept),
        )


def to_json(report: Report) -> dict[str, Any]:
    """Return the report for json.dumps; figures are written for readers and made anew from the samples when read."""
    return {
        "format": FORMAT,
        "machine": dict(report.machine),
        "versions": dict(report.versions),
        "works": [
            {
                "name": result.name,
                "title": result.title,
                "objects": result.objects,
                "taken": report.taken.get(result.name, ""),
                "figures": [asdict(figure) for figure in result.figures()],
                "samples": [asdict(sample) for sample in result.samples],
            }
            for result in report.results
        ],
    }


def from_json(document: Mapping[str, Any]) -> Report:
    """Return the report of to_json; raise ValueError for another format."""
    if document.get("format") != FORMAT:
        raise ValueError(f"this is no benchmark report of format {FORMAT}")
    works = document["works"]
    return Report(
        machine=document["machine"],
        versions=document["versions"],
        taken={work["name"]: work["taken"] for work in works},
        results=tuple(
            WorkResult(
                work["name"], work["title"], work["objects"], tuple(Sample(**sample) for sample in work["samples"])
            )
            for work in works
        ),
    )
