"""`python -m benchmarks.relays`: objects go from one store to another through the tool, by each tool in turns."""

from __future__ import annotations

import json
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Report, Sample, WorkResult, to_json
from benchmarks.machine import machine
from benchmarks.processes import Command, Cost, RunFailed, RunStopped, run_measured
from benchmarks.relayed_objects import differences, fill_source
from benchmarks.rounds import alternate
from benchmarks.store_port import StoreUnusable
from benchmarks.stores import OwnServer, opened_server
from benchmarks.text import megabytes, seconds, text_of
from benchmarks.tools import S3PLAN, Peer, environment, found_tools, search_path
from benchmarks.works import DESTINATION, SOURCE

_RESULTS = Path(__file__).with_name("results")
_PREFIX = "data/"
_RCLONE = "rclone"
_UNTAGGED = f"{S3PLAN}-untagged"  # leaves tags behind, as rclone does: none is asked for
# More at a time, which its manual leaves to those who know their machine and their stores.
_AT_A_TIME = ("--transfers", "32", "--checkers", "32", "--multi-thread-streams", "16", "--s3-upload-concurrency", "16")
_RCLONE_OPTIONS: Mapping[str, tuple[str, ...]] = {_RCLONE: (), f"{_RCLONE}-32": _AT_A_TIME}


@dataclass(frozen=True, slots=True)
class RelayWork:
    """So many objects of one size."""

    name: str
    objects: int
    object_bytes: int

    @property
    def title(self) -> str:
        return f"{self.name}: {self.objects:,} x {self.object_bytes:,} bytes from one store to another"


@dataclass(frozen=True, slots=True)
class Way:
    """A tool, and what it runs: `before` is s3plan's plan, whose time counts, too."""

    name: str
    command: Command
    before: Command | None = None


def main(arguments: Sequence[str]) -> int:
    """Return 0, 1 if s3plan fell short of a work, or 2 if nothing could be run."""
    options = _parsed(arguments)
    described, taken = machine(), datetime.now(UTC).isoformat(timespec="seconds")
    print(f"load before: {described['load before']}; nothing else should run on this machine", flush=True)
    places = search_path(options.peer_path)
    peers = [tool for tool in found_tools(search_path=places) if isinstance(tool, Peer) and tool.name == _RCLONE]
    with TemporaryDirectory(prefix="s3plan-relays-") as name, ExitStack() as running:
        base = Path(name).resolve()
        try:
            bench = _Bench(_opened(base / SOURCE, running), _opened(base / DESTINATION, running), base, options)
        except StoreUnusable as error:
            print(f"relays: {error}", file=sys.stderr)
            return 2
        results = tuple(bench.run(work, relay_ways(peers), places) for work in relay_works(options))
    versions = {tool.name: tool.version for tool in peers}
    report = Report(described, versions, {result.name: taken for result in results}, results)
    _write(report, options.out)
    failed = [sample for result in results for sample in result.samples if sample.failure and sample.tool == S3PLAN]
    return 1 if failed else 0


def _opened(folder: Path, running: ExitStack) -> OwnServer:
    folder.mkdir()
    return running.enter_context(opened_server(folder))


def _parsed(arguments: Sequence[str]) -> Namespace:
    parser = ArgumentParser(prog="benchmarks.relays", description="Objects from store to store, by s3plan and rclone.")
    parser.add_argument("--works", default="small,large", metavar="A,B")
    parser.add_argument("--tools", default="", metavar="A,B", help="only these; default: all found")
    parser.add_argument("--objects", type=int, default=20_000, metavar="N")
    parser.add_argument("--object-bytes", type=int, default=16 << 10, metavar="N")
    parser.add_argument("--large-bytes", type=int, default=2 << 30, metavar="N", help="one object of this size")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--run", default="{}", metavar="YAML", help="what s3plan's manifest says under `run:`")
    parser.add_argument(
        "--patience-s", type=int, default=200, metavar="S", help="a tool that took longer is not run again"
    )
    parser.add_argument("--timeout-s", type=int, default=900, metavar="S", help="then a run is stopped")
    parser.add_argument("--peer-path", action="append", default=[], metavar="DIR", help="look for rclone here first")
    parser.add_argument("--out", type=Path, default=_RESULTS, metavar="DIR", help="default: benchmarks/results")
    return parser.parse_args(arguments)


def relay_works(options: Namespace) -> list[RelayWork]:
    """Return the works that were asked for."""
    shapes = {"small": (options.objects, options.object_bytes), "large": (1, options.large_bytes)}
    return [RelayWork(name, *shape) for name, shape in shapes.items() if name in options.works.split(",")]


def relay_ways(peers: Sequence[Peer]) -> list[Way]:
    """Return s3plan, with and without tags, then rclone as it comes and with as many at a time as s3plan has."""
    plan = Command((sys.executable, "-m", "s3plan", "plan", "job.yaml", "--quiet"))
    apply = Command((sys.executable, "-m", "s3plan", "apply", "--yes", "--quiet"))
    words = ("copy", f"source:{SOURCE}/{_PREFIX}", f"destination:{DESTINATION}/{_PREFIX}")
    return [
        Way(S3PLAN, apply, plan),
        Way(_UNTAGGED, apply, plan),
        *(Way(name, Command((peer.path, *words, *more))) for peer in peers for name, more in _RCLONE_OPTIONS.items()),
    ]


@dataclass(frozen=True, slots=True)
class _Bench:
    """Two stores: the source is filled once a work, the destination is emptied before each run."""

    source: OwnServer
    destination: OwnServer
    base: Path
    options: Namespace

    def run(self, work: RelayWork, ways: Sequence[Way], places: str) -> WorkResult:
        print(work.title, flush=True)
        self.source.fill(SOURCE, None)
        fill_source(self.source.endpoint, SOURCE, _PREFIX, objects=work.objects, object_bytes=work.object_bytes)
        wanted = set(self.options.tools.split(",")) - {""}
        by_name = {way.name: way for way in ways if not wanted or way.name in wanted}
        samples: list[Sample] = []
        for sample in alternate(
            list(by_name),
            rounds=self.options.rounds,
            patience_s=self.options.patience_s,
            run=lambda name, number: self._sample(by_name[name], number, places),
        ):
            samples.append(sample)
            print(f"  round {sample.round}  {sample.tool:11}{_said(sample)}", flush=True)
        return WorkResult(work.name, work.title, work.objects, tuple(samples))

    def _sample(self, way: Way, number: int, places: str) -> Sample:
        folder = self.base / "run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        stores = (self.source, self.destination)
        self.destination.fill(DESTINATION, None)
        manifest = relay_manifest(
            self.source.endpoint, self.destination.endpoint, run=self.options.run, with_tags=way.name != _UNTAGGED
        )
        (folder / "job.yaml").write_text(manifest, encoding="utf-8")
        variables = self._environment(folder, places)
        for store in stores:
            store.reset()

        def cost(command: Command) -> Cost:
            return run_measured([command], folder=folder, environment=variables, timeout_s=self.options.timeout_s)

        try:
            plan = None if way.before is None else cost(way.before)
            transfer = cost(way.command)
            counted = [store.stats() for store in stores]
            self._verify()
        except RunStopped as stopped:
            return Sample(way.name, number, failure=str(stopped), stopped_s=stopped.after_s)
        except RunFailed as failed:
            return Sample(way.name, number, failure=str(failed))
        return Sample(
            way.name,
            number,
            wall_s=transfer.wall_s + (0.0 if plan is None else plan.wall_s),
            cpu_s=transfer.cpu_s + (0.0 if plan is None else plan.cpu_s),
            peak_bytes=max(transfer.peak_bytes, 0 if plan is None else plan.peak_bytes),
            requests=sum(sum(stats.requests.values()) for stats in counted),
            server_cpu_s=sum(stats.cpu_s for stats in counted),
            notes={} if plan is None else {"of that, apply alone:": transfer.wall_s},
        )

    def _verify(self) -> None:
        if wrong := differences(self.source.endpoint, SOURCE, self.destination.endpoint, DESTINATION):
            raise RunFailed(f"the work was not done: {wrong}")

    def _environment(self, folder: Path, places: str) -> dict[str, str]:
        variables = environment(folder, endpoint=self.source.endpoint, search_path=places)
        for name in [name for name in variables if name.startswith("RCLONE_CONFIG_STORE_") or "ENDPOINT" in name]:
            del variables[name]
        for name, store in (("SOURCE", self.source), ("DESTINATION", self.destination)):
            remote = {"TYPE": "s3", "PROVIDER": "Minio", "ENV_AUTH": "true", "REGION": "us-east-1"}
            remote["ENDPOINT"] = store.endpoint
            variables |= {f"RCLONE_CONFIG_{name}_{word}": value for word, value in remote.items()}
        return variables


def relay_manifest(source: str, destination: str, *, run: str = "{}", with_tags: bool = True) -> str:
    """Return a job from one endpoint to another; `run` is its section of that name, as YAML in one line."""
    ends = {"source": (SOURCE, source), "destination": (DESTINATION, destination)}
    lines = ["version: 1", "name: relay", f"run: {run}", "connections:"]
    lines += [f'  {side}: {{ endpoint: "{endpoint}", region: us-east-1 }}' for side, (_, endpoint) in ends.items()]
    lines += [f'{side}: {{ url: "s3://{bucket}/{_PREFIX}", connection: {side} }}' for side, (bucket, _) in ends.items()]
    if not with_tags:
        lines.append("preserve: [metadata, content, storage_class]")
    return "\n".join(lines) + "\n"


def _said(sample: Sample) -> str:
    if sample.failure is not None:
        return f"failed: {sample.failure}"
    cells = f"{seconds(sample.wall_s):>10}{seconds(sample.cpu_s):>10} CPU{megabytes(sample.peak_bytes):>12}"
    return f"{cells}{sample.requests:>10,} requests"


def _write(report: Report, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = text_of(report)
    (folder / "relays.json").write_text(json.dumps(to_json(report), indent=1) + "\n", encoding="utf-8")
    (folder / "relays.txt").write_text(text, encoding="utf-8")
    print(f"\n{text}\nwritten: {folder / 'relays.json'} and relays.txt next to it")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
