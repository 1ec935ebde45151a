"""The executor of a dask cluster keeps the contract, on workers that are processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from distributed import LocalCluster
from fakes.dask_clusters import client_of, local_cluster
from s3plan.executors.contract import ExecutorContract
from s3plan.executors.dask.cluster import TRAITS
from s3plan.executors.dask.executor import DaskExecutor
from s3plan.executors.executor_context import ExecutorContext
from s3plan.schemas.ports import Executor


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with local_cluster() as opened:
        yield opened


class TestDaskExecutor(ExecutorContract):
    traits = TRAITS
    slots = 4

    @pytest.fixture(autouse=True)
    def _on_one_cluster(self, cluster: LocalCluster) -> None:
        self._cluster = cluster

    @contextmanager
    def open(self, context: ExecutorContext) -> Iterator[Executor]:
        with (
            client_of(self._cluster) as client,
            DaskExecutor(
                client, context.open_performer, context.control, slots=self.slots, pacer=context.control
            ) as executor,
        ):
            yield executor


class TestDaskExecutorWithOneSlot(TestDaskExecutor):
    slots = 1


class TestDaskExecutorWithMoreSlotsThanThreads(TestDaskExecutor):
    slots = 7
