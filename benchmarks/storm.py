"""`python -m benchmarks.storm`: one apply through a throttling storm, and what the server saw of it."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import machine
from benchmarks.processes import Command, RunFailed, run_measured
from benchmarks.store_port import Comparison, Rates, StoreUnusable, Storm
from benchmarks.stores import OwnServer, opened_server
from benchmarks.storm_figures import BACK_SHARE, BACK_WITHIN_S, QUARTER, QUARTER_WITHIN_S, StormFigures, figures_of
from benchmarks.storm_picture import svg_of_storm
from benchmarks.tools import environment
from benchmarks.works import DESTINATION, PREFIX, SOURCE, Kind, Work

_RESULTS = Path(__file__).with_name("results")
_STORM = Storm(share=0.5, begins_s=10, lasts_s=20)
_OBJECTS = 120_000  # so many that the run outlasts the recovery
_RATE_PER_S = 2000  # the manifest's, so that the rate before the storm is known
_TIMEOUT_S = 600
_ANY_EXIT_CODE = frozenset(range(256))


def main(arguments: Sequence[str]) -> int:
    """Return 0, 1 if the run fell short, or 2 if nothing could be run."""
    options = _parsed(arguments)
    try:
        with TemporaryDirectory(prefix="s3plan-storm-") as name, opened_server(Path(name)) as server:
            result = _run(server, options, Path(name))
    except (StoreUnusable, RunFailed) as error:
        print(f"storm: {error}", file=sys.stderr)
        return 2
    _write(result, options.out)
    print(_said(result))
    return 0 if result["is_reached"] else 1


def _parsed(arguments: Sequence[str]) -> Namespace:
    parser = ArgumentParser(prog="benchmarks.storm", description="Applies a plan to a store that throttles.")
    parser.add_argument("--out", type=Path, default=_RESULTS, metavar="DIR", help="default: benchmarks/results")
    parser.add_argument("--executor", metavar="NAME", help="as of `s3plan apply`")
    return parser.parse_args(arguments)


def _run(server: OwnServer, options: Namespace, folder: Path) -> dict[str, Any]:
    taken, described = datetime.now(UTC).isoformat(timespec="seconds"), machine()
    work = Work("storm", "", Kind.COPY, _OBJECTS)
    server.fill(SOURCE, work.source)
    server.fill(DESTINATION, work.destination)
    (folder / "job.yaml").write_text(_manifest(server.endpoint), encoding="utf-8")
    _s3plan(server, folder, "plan", "job.yaml", "--quiet")
    server.set_storm(_STORM)
    server.reset()
    chosen = () if options.executor is None else ("--executor", options.executor)
    print(f"s3plan apply through a storm of {_STORM.lasts_s} s; takes about two minutes", flush=True)
    _s3plan(server, folder, "apply", "--yes", "--quiet", "--json-into", "events.jsonl", *chosen)
    result = _result(_run_ended(folder), server.rates(), server.compare(SOURCE, DESTINATION))
    return {"format": 1, "taken": taken, "machine": described, **result}


def _manifest(endpoint: str) -> str:
    lines = [
        "version: 1",
        "name: storm",
        f'source: {{ url: "s3://{SOURCE}/{PREFIX}", connection: store }}',
        f'destination: {{ url: "s3://{DESTINATION}/{PREFIX}", connection: store }}',
        f"run: {{ rate: {_RATE_PER_S}/s }}",
        "connections:",
        f'  store: {{ endpoint: "{endpoint}", region: us-east-1 }}',
    ]
    return "\n".join(lines) + "\n"


def _s3plan(server: OwnServer, folder: Path, *arguments: str) -> None:
    command = Command((sys.executable, "-m", "s3plan", *arguments), _ANY_EXIT_CODE)
    variables = environment(folder, endpoint=server.endpoint, search_path=os.environ.get("PATH", os.defpath))
    run_measured([command], folder=folder, environment=variables, timeout_s=_TIMEOUT_S)


def _run_ended(folder: Path) -> Mapping[str, Any]:
    events = folder / "events.jsonl"
    lines = events.read_text(encoding="utf-8").splitlines() if events.exists() else []
    ended = [event for event in map(json.loads, lines) if event["event"] == "run-ended"]
    if not ended:
        said = (folder / "output.txt").read_text(encoding="utf-8", errors="replace").strip()
        raise RunFailed(f"s3plan apply did not run: {said}")
    return ended[-1]


def _result(ended: Mapping[str, Any], rates: Rates, compared: Comparison) -> dict[str, Any]:
    figures = figures_of(rates, _STORM)
    is_done = compared == Comparison(_OBJECTS, _OBJECTS, 0, 0, 0)
    return {
        "objects": _OBJECTS,
        "rate_per_s": _RATE_PER_S,
        "storm": {"share": _STORM.share, "begins_s": _STORM.begins_s, "lasts_s": _STORM.lasts_s},
        "before_per_s": figures.before_per_s,
        "quarter_after_s": figures.quarter_after_s,
        "back_after_s": figures.back_after_s,
        "exit_code": ended["exit_code"],
        "outcomes": ended["counts"],
        "elapsed_s": round(ended["elapsed_s"], 1),
        "is_copied": is_done,
        "is_reached": is_done and ended["exit_code"] == 0 and figures.are_reached,
        "received": list(rates.received),
        "refused": list(rates.refused),
    }


def _write(result: Mapping[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in result.items())
    (folder / "storm.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    picture = svg_of_storm(Rates(result["received"], result["refused"]), _STORM, _figures_in(result))
    (folder / "storm.svg").write_text(picture, encoding="utf-8")


def _figures_in(result: Mapping[str, Any]) -> StormFigures:
    return StormFigures(result["before_per_s"], result["quarter_after_s"], result["back_after_s"])


def _said(result: Mapping[str, Any]) -> str:
    outcomes = ", ".join(f"{count:,} {name}" for name, count in result["outcomes"].items())
    lines = [
        f"requests a second before the storm: {result['before_per_s']:,.0f}",
        f"at {QUARTER:.0%} of that after:  {_seconds(result['quarter_after_s'])} (at most {QUARTER_WITHIN_S} s)",
        f"at {BACK_SHARE:.0%} again, from its end: {_seconds(result['back_after_s'])} (at most {BACK_WITHIN_S} s)",
        f"requests: {sum(result['received']):,}, {sum(result['refused']):,} of them refused; {result['elapsed_s']} s",
        f"exit code {result['exit_code']}; {outcomes}; {'all' if result['is_copied'] else 'NOT all'} objects are there",
    ]
    return "\n".join(lines)


def _seconds(value: int | None) -> str:
    return "never" if value is None else f"{value} s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
