"""`python -m benchmarks`: s3plan and its peers on the same work, in turns; text, JSON and a picture."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Report, Sample, WorkResult, from_json, to_json
from benchmarks.machine import machine
from benchmarks.options import parsed, sizes_of
from benchmarks.picture import svg_of
from benchmarks.readme import with_results
from benchmarks.rounds import alternate
from benchmarks.runs import Runner
from benchmarks.store_port import StoreUnusable
from benchmarks.stores import opened_store
from benchmarks.text import megabytes, seconds, text_of
from benchmarks.tools import S3PLAN, Tool, found_tools, search_path
from benchmarks.works import Work, chosen, works

_README = Path(__file__).with_name("README.md")


def main(arguments: Sequence[str]) -> int:
    """Return 0, 1 if s3plan failed at a work, or 2 if nothing could be run."""
    options = parsed(arguments)
    try:
        if options.render:
            report = _earlier(options.out)
        else:
            found = _found(options)
            if found is None:
                return 0
            report = found
    except (StoreUnusable, ValueError, FileNotFoundError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    _write(report, options)
    failed = any(figure.failure for result in report.results for figure in result.figures() if figure.tool == S3PLAN)
    return 1 if failed else 0


def _found(options: Namespace) -> Report | None:
    """Run what was asked for; None if it was only to be listed."""
    try:
        wanted = chosen(works(sizes_of(options)), options.works)
    except KeyError as error:
        names = ", ".join(work.name for work in works(sizes_of(options)))
        raise ValueError(f"there is no work {error}; there are {names}") from error
    places = search_path(options.peer_path)
    tools = [tool for tool in found_tools(search_path=places) if not options.tools or tool.name in options.tools]
    lacking = set(options.tools) - {tool.name for tool in tools}
    if lacking:
        raise ValueError(f"not found: {', '.join(sorted(lacking))}; benchmarks/README.md says how to install peers")
    if options.list:
        print(
            "\n".join([*(f"{work.name:24}{work.title}" for work in wanted), *(f"{t.name}: {t.version}" for t in tools)])
        )
        return None
    report = _run_all(options, wanted, tools, places)
    return report.with_earlier(_earlier(options.out)) if options.add and _json_path(options.out).exists() else report


def _run_all(options: Namespace, wanted: Sequence[Work], tools: Sequence[Tool], places: str) -> Report:
    described = machine()
    print(f"load before: {described['load before']}; nothing else should run on this machine", flush=True)
    results: list[WorkResult] = []
    taken: dict[str, str] = {}
    with (
        TemporaryDirectory(prefix="s3plan-benchmark-") as name,
        opened_store(options.endpoint, folder=Path(name)) as store,
    ):
        runner = Runner(store, Path(name), places, options.timeout_s)
        for work in wanted:
            if work.has_latency and not store.has_latency:
                print(f"{work.title}: left out, this store has no latency to set", flush=True)
                continue
            taken[work.name] = datetime.now(UTC).isoformat(timespec="seconds")
            results.append(_run_one(options, runner, work, tools))
    return Report(described, {tool.name: tool.version for tool in tools}, taken, tuple(results))


def _run_one(options: Namespace, runner: Runner, work: Work, tools: Sequence[Tool]) -> WorkResult:
    print(work.title, flush=True)
    by_name = {tool.name: tool for tool in tools}
    runner.begin(work)
    samples: list[Sample] = []
    rounds = 1 if options.quick else options.rounds
    for sample in alternate(
        list(by_name),
        rounds=rounds,
        patience_s=options.patience_s,
        run=lambda name, number: runner.run(work, by_name[name], number),
    ):
        samples.append(sample)
        print(f"  round {sample.round}  {sample.tool:8}{_said(sample)}", flush=True)
    return WorkResult(work.name, work.title, work.objects, tuple(samples))


def _said(sample: Sample) -> str:
    if sample.failure is not None:
        return f"failed: {sample.failure}"
    return f"{seconds(sample.wall_s):>10}{seconds(sample.cpu_s):>10} CPU{megabytes(sample.peak_bytes):>12}"


def _json_path(folder: Path) -> Path:
    return folder / "figures.json"


def _earlier(folder: Path) -> Report:
    return from_json(json.loads(_json_path(folder).read_text(encoding="utf-8")))


def _write(report: Report, options: Namespace) -> None:
    folder: Path = options.out
    folder.mkdir(parents=True, exist_ok=True)
    text, picture = text_of(report), folder / "figures.svg"
    _json_path(folder).write_text(json.dumps(to_json(report), indent=1) + "\n", encoding="utf-8")
    (folder / "figures.txt").write_text(text, encoding="utf-8")
    picture.write_text(svg_of(report), encoding="utf-8")
    if options.write_readme:
        shown = os.path.relpath(picture, _README.parent)
        page = with_results(_README.read_text(encoding="utf-8"), report, picture=shown)
        _README.write_text(page, encoding="utf-8")
    print(f"\n{text}\nwritten: {_json_path(folder)}, figures.txt and figures.svg next to it")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
