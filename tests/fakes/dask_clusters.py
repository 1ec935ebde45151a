"""dask clusters for tests: worker processes on loopback, and clients of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import dask.config
from distributed import Client, LocalCluster


@contextmanager
def local_cluster(*, workers: int = 2, threads_each: int = 2, allowed_failures: int = 3) -> Iterator[LocalCluster]:
    """Give a cluster as anybody might run it; `allowed_failures` is dask's own default."""
    settings = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=threads_each,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs={"allowed_failures": allowed_failures, "dashboard_address": "127.0.0.1:0"},
            memory_limit=0,
            local_directory=scratch,
            silence_logs=100,
        ) as cluster,
    ):
        yield cluster


@contextmanager
def client_of(cluster: LocalCluster) -> Iterator[Client]:
    """Give a client of a cluster."""
    with Client(cluster, set_as_default=False) as client:
        yield client
