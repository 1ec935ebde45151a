"""dask clusters for tests: worker processes on loopback, as anybody might run them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import dask.config
from distributed import Client, LocalCluster

_COMES_UP_WITHIN_S = 60
_NO_PAGES: dict[str, object] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}


@contextmanager
def local_cluster(*, workers: int = 2, threads_each: int = 2) -> Iterator[LocalCluster]:
    """Give a cluster whose scheduler lives in this process, where a test can look at it."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
        dask.config.set(_NO_PAGES),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=threads_each,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            memory_limit=0,
            local_directory=scratch,
            silence_logs=100,
        ) as cluster,
    ):
        yield cluster


@contextmanager
def client_of(cluster: LocalCluster | str) -> Iterator[Client]:
    """Give a client of a cluster, or of the scheduler at an address."""
    with Client(cluster, set_as_default=False) as client:
        yield client


class ClusterProcesses:
    """A scheduler and its workers, each a process of its own, as `dask scheduler` and `dask worker` start them."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = {**environment, "DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH": "100"}
        self._stack = ExitStack()
        self.scheduler: subprocess.Popen[bytes]
        self.workers: list[subprocess.Popen[bytes]] = []
        self.address = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, *, workers: int, threads_each: int = 2, address: str = "tcp://127.0.0.1:0") -> None:
        """Start a scheduler and its workers; wait until they know each other."""
        self.address = ""
        told = self._folder / f"scheduler-{time.monotonic_ns()}.json"
        place = ["--host", address, "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
        self.scheduler = self._run("dask_scheduler", *place, "--scheduler-file", str(told))
        until_s = time.monotonic() + _COMES_UP_WITHIN_S
        while not (told.exists() and told.read_bytes().endswith(b"}")):
            assert time.monotonic() < until_s
            time.sleep(0.1)
        with Client(scheduler_file=str(told), set_as_default=False, timeout=_COMES_UP_WITHIN_S) as client:
            self.address = str(client.scheduler_info(n_workers=0)["address"])
            self.workers = [self.add_worker(threads=threads_each) for _ in range(workers)]
            if workers:
                client.wait_for_workers(workers, timeout=_COMES_UP_WITHIN_S)

    def add_worker(self, *, threads: int = 2) -> subprocess.Popen[bytes]:
        """Start one more worker; it joins in its own time."""
        place = ["--host", "127.0.0.1", "--no-dashboard", "--local-directory", str(self._folder)]
        return self._run("dask_worker", self.address, "--nthreads", str(threads), "--no-nanny", *place)

    def _run(self, module: str, *words: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *words],
            cwd=self._folder,
            env=dict(self._environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process
