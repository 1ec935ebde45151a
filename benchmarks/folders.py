"""`python -m benchmarks.folders`: a folder goes up into a bucket and comes down again, by each tool in turns."""

from __future__ import annotations

import json
import os
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import md5
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.folder_figures import FolderRun, folder_figures, folder_table
from benchmarks.machine import machine
from benchmarks.processes import Command, RunFailed, run_measured
from benchmarks.store_port import Store, StoreUnusable, credentials
from benchmarks.stores import opened_store
from benchmarks.tools import S3PLAN, Peer, environment, found_tools, search_path

_RESULTS = Path(__file__).with_name("results")
_BUCKET = "s3plan-benchmark-destination"
_PREFIX = "tree/"
_REMOTE = f"s3://{_BUCKET}/{_PREFIX}"
_TIMEOUT_S = 1800
_PART_BYTES = 1 << 20
_FILES_A_DIRECTORY = 100
_NOT_DURABLE = f"{S3PLAN}-unsynced"
_KEPT_BYTES = 64 << 10  # larger objects benchmarks/server does not keep: they read as zeros, and are made of them here


@dataclass(frozen=True, slots=True)
class FolderWork:
    """So many files of one size, up or down."""

    name: str
    files: int
    file_bytes: int
    is_up: bool


@dataclass(frozen=True, slots=True)
class _Way:
    """A tool, and what it runs: `before` is s3plan's plan."""

    name: str
    command: Command
    before: Command | None = None


def main(arguments: Sequence[str]) -> int:
    """Return 0, 1 if s3plan fell short of a work, or 2 if nothing could be run."""
    options = _parsed(arguments)
    try:
        with (
            TemporaryDirectory(prefix="s3plan-folders-", dir=options.folder) as name,
            opened_store(options.endpoint, folder=Path(name)) as store,
        ):
            runs = _Bench(store, Path(name).resolve(), options).run_all()
    except StoreUnusable as error:
        print(f"folders: {error}", file=sys.stderr)
        return 2
    _write(runs, options)
    return 1 if any(run.failure and run.tool.startswith(S3PLAN) for run in runs) else 0


def _parsed(arguments: Sequence[str]) -> Namespace:
    parser = ArgumentParser(prog="benchmarks.folders", description="Folders up and down, by s3plan and its peers.")
    parser.add_argument("--works", default="up,down,large-up,large-down", metavar="A,B")
    parser.add_argument("--tools", default="", metavar="A,B", help="only these; default: all found")
    parser.add_argument("--files", type=int, default=20_000, metavar="N")
    parser.add_argument("--file-bytes", type=int, default=16 << 10, metavar="N")
    parser.add_argument("--large-bytes", type=int, default=4 << 30, metavar="N", help="one file of this size")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument(
        "--patience-s", type=int, default=200, metavar="S", help="a tool that took longer is not run again"
    )
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where folders lie; default: as TMPDIR says")
    parser.add_argument("--peer-path", action="append", default=[], metavar="DIR", help="look for peers here first")
    parser.add_argument("--endpoint", metavar="URL", help="benchmarks/server, running already")
    parser.add_argument("--out", type=Path, default=_RESULTS, metavar="DIR", help="default: benchmarks/results")
    return parser.parse_args(arguments)


def folder_works(options: Namespace) -> list[FolderWork]:
    """Return the works that were asked for."""
    small, large = (options.files, options.file_bytes), (1, options.large_bytes)
    shapes = {"up": (*small, True), "down": (*small, False), "large-up": (*large, True), "large-down": (*large, False)}
    return [FolderWork(name, *shape) for name, shape in shapes.items() if name in options.works.split(",")]


class _Bench:
    """Files that are made once for works of one size, and the bucket."""

    def __init__(self, store: Store, base: Path, options: Namespace) -> None:
        self._store = store
        self._base = base
        self._options = options
        self._places = search_path(options.peer_path)
        self._made: tuple[int, int] | None = None

    def run_all(self) -> list[FolderRun]:
        wanted = set(self._options.tools.split(",")) - {""}
        peers = [tool for tool in found_tools(search_path=self._places) if isinstance(tool, Peer)]
        runs: list[FolderRun] = []
        for work in folder_works(self._options):
            print(f"{work.name}: {work.files:,} x {work.file_bytes:,} bytes", flush=True)
            self._make_tree(work)
            self._fill_bucket(work)
            left_out: set[str] = set()
            for number in range(1, self._options.rounds + 1):
                for way in _ways(work, peers):
                    if way.name in left_out or (wanted and way.name not in wanted):
                        continue
                    run = self._run(work, way, number)
                    if run.transfer is None or run.transfer.wall_s > self._options.patience_s:
                        left_out.add(way.name)
                    print(f"  round {number}  {way.name:18}{_said(run)}", flush=True)
                    runs.append(run)
        return runs

    def _make_tree(self, work: FolderWork) -> None:
        tree = self._base / "tree"
        if self._made == (work.files, work.file_bytes):
            return
        shutil.rmtree(tree, ignore_errors=True)
        for number in range(work.files):
            folder = tree / f"{number // _FILES_A_DIRECTORY:05d}"
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / f"{number:08d}.bin").open("wb") as file:
                for at in range(0, work.file_bytes, _PART_BYTES):
                    size_bytes = min(_PART_BYTES, work.file_bytes - at)
                    file.write(os.urandom(size_bytes) if work.file_bytes <= _KEPT_BYTES else bytes(size_bytes))
        self._made = (work.files, work.file_bytes)

    def _fill_bucket(self, work: FolderWork) -> None:
        if work.is_up:
            return
        self._store.fill(_BUCKET, None)
        bucket = _client(self._store.endpoint)
        for path in sorted((self._base / "tree").rglob("*.bin")):
            bucket.upload_file(str(path), _BUCKET, _PREFIX + path.relative_to(self._base / "tree").as_posix())

    def _run(self, work: FolderWork, way: _Way, number: int) -> FolderRun:
        folder = self._base / "run"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self._base / "back", ignore_errors=True)
        folder.mkdir()
        if work.is_up:
            self._store.fill(_BUCKET, None)
        (folder / "job.yaml").write_text(_manifest(work, way.name, self._store.endpoint), encoding="utf-8")
        variables = environment(folder, endpoint=self._store.endpoint, search_path=self._places)
        os.sync()  # what was removed and made before is not this tool's to wait for

        def cost(command: Command) -> Any:
            return run_measured([command], folder=folder, environment=variables, timeout_s=_TIMEOUT_S)

        try:
            plan = None if way.before is None else cost(way.before)
            transfer = cost(way.command)
            self._verify(work)
        except RunFailed as failed:
            return FolderRun(work.name, way.name, number, failure=str(failed))
        return FolderRun(work.name, way.name, number, transfer, plan)

    def _verify(self, work: FolderWork) -> None:
        """Raise RunFailed unless all files are there, byte for byte where that can be told."""
        tree, back = self._base / "tree", self._base / "back"
        names = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*.bin"))
        if work.is_up:
            same = _sent(self._store.endpoint)
            wrong = [name for name in names if not _is_same_object(tree / name, same.pop(name, None))]
            extra = len(same)
        else:
            wrong = [name for name in names if not _is_same_file(tree / name, back / name)]
            extra = sum(path.is_file() and ".s3plan-tmp" not in path.parts for path in back.rglob("*")) - len(names)
        if wrong or extra:
            raise RunFailed(f"the work was not done: {len(wrong):,} files are missing or differ, {extra:,} are extra")


def _client(endpoint: str) -> Any:
    from boto3 import client
    from botocore.config import Config

    key, secret = credentials()
    keys = {"aws_access_key_id": key, "aws_secret_access_key": secret}
    plain = Config(request_checksum_calculation="when_required")  # benchmarks/server knows no chunks with trailers
    return client("s3", endpoint_url=endpoint, region_name="us-east-1", config=plain, **keys)


def _sent(endpoint: str) -> dict[str, tuple[int, str]]:
    pages = _client(endpoint).get_paginator("list_objects_v2").paginate(Bucket=_BUCKET, Prefix=_PREFIX)
    rows = [row for page in pages for row in page.get("Contents", ())]
    return {row["Key"].removeprefix(_PREFIX): (row["Size"], row["ETag"].strip('"')) for row in rows}


def _is_same_object(path: Path, found: tuple[int, str] | None) -> bool:
    """By its MD5, if it came in one piece; else by its size: benchmarks/server keeps no other sum of parts."""
    if found is None or found[0] != path.stat().st_size:
        return False
    return "-" in found[1] or md5(path.read_bytes(), usedforsecurity=False).hexdigest() == found[1]


def _is_same_file(path: Path, other: Path) -> bool:
    if not other.is_file() or other.stat().st_size != path.stat().st_size:
        return False
    with path.open("rb") as ours, other.open("rb") as theirs:
        read: Callable[[], bytes] = lambda: ours.read(_PART_BYTES)  # noqa: E731
        return all(piece == theirs.read(_PART_BYTES) for piece in iter(read, b""))


def _ways(work: FolderWork, peers: Sequence[Peer]) -> list[_Way]:
    plan = Command((sys.executable, "-m", "s3plan", "plan", "job.yaml", "--quiet"))
    apply = Command((sys.executable, "-m", "s3plan", "apply", "--yes", "--quiet"))
    ways = [_Way(S3PLAN, apply, plan)] + ([] if work.is_up else [_Way(_NOT_DURABLE, apply, plan)])
    folder, remote = ("../tree", _REMOTE) if work.is_up else ("../back", _REMOTE)
    arguments = {
        "s5cmd": ("cp", f"{folder}/*", remote) if work.is_up else ("cp", f"{remote}*", f"{folder}/"),
        "rclone": _both(("copy",), folder, f"store:{_BUCKET}/{_PREFIX}", is_up=work.is_up),
        "aws": _both(("s3", "sync", "--quiet"), folder, remote, is_up=work.is_up),
    }
    return ways + [_Way(peer.name, Command((peer.path, *arguments[peer.name]))) for peer in peers]


def _both(verb: tuple[str, ...], folder: str, remote: str, *, is_up: bool) -> tuple[str, ...]:
    return (*verb, folder, remote) if is_up else (*verb, remote, folder)


def _manifest(work: FolderWork, way: str, endpoint: str) -> str:
    remote = f'{{ url: "{_REMOTE}", connection: store }}'
    places = ("../tree", remote) if work.is_up else (remote, "../back")
    lines = ["version: 1", "name: folders", f"source: {places[0]}", f"destination: {places[1]}"]
    lines += ["run: { durability: none }"] if way == _NOT_DURABLE else []
    lines += ["connections:", f'  store: {{ endpoint: "{endpoint}", region: us-east-1 }}']
    return "\n".join(lines) + "\n"


def _said(run: FolderRun) -> str:
    if run.transfer is None:
        return f"failed: {run.failure}"
    plan = "" if run.plan is None else f"  after a plan of {run.plan.wall_s:.2f} s"
    return f"{run.transfer.wall_s:8.2f} s{run.transfer.cpu_s:8.2f} s CPU{plan}"


def _write(runs: Sequence[FolderRun], options: Namespace) -> None:
    figures = folder_figures(runs, files={work.name: work.files for work in folder_works(options)})
    text = folder_table(figures, own=S3PLAN)
    options.out.mkdir(parents=True, exist_ok=True)
    taken, described = datetime.now(UTC).isoformat(timespec="seconds"), machine()
    sizes = {work.name: [work.files, work.file_bytes] for work in folder_works(options)}
    report = {"format": 1, "taken": taken, "machine": described, "sizes": sizes, "runs": [asdict(run) for run in runs]}
    (options.out / "folders.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (options.out / "folders.txt").write_text(text, encoding="utf-8")
    print(f"\n{text}\nwritten: {options.out / 'folders.json'} and folders.txt next to it")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
