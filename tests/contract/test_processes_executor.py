"""The executor of processes keeps the contract, with one worker and with several."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contract.executor_contract import ExecutorContract
from fakes.worker_performers import Opens
from s3plan.executors.processes import ProcessesExecutor
from s3plan.schemas.ports import Control, Executor, Performer


class _ClosesExecutors(ExecutorContract):
    workers = 2
    batches_each = 1

    @pytest.fixture(autouse=True)
    def _closed_in_the_end(self) -> Iterator[None]:
        self.opened: list[ProcessesExecutor] = []
        yield
        for executor in self.opened:
            executor.close()

    def open_executor(self, performer: Performer, control: Control) -> Executor:
        executor = ProcessesExecutor(Opens(performer), control, workers=self.workers, batches_each=self.batches_each)
        self.opened.append(executor)
        return executor


class TestProcessesExecutor(_ClosesExecutors):
    batches_each = 2


class TestProcessesExecutorWithOneWorker(_ClosesExecutors):
    workers = 1
