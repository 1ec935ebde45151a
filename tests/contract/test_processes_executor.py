"""The executor of processes keeps the contract, with one worker and with several."""

from __future__ import annotations

from contextlib import AbstractContextManager

from s3plan.executors.contract import ExecutorContract
from s3plan.executors.executor_context import ExecutorContext
from s3plan.executors.processes.executor import TRAITS, ProcessesExecutor
from s3plan.schemas.ports import Executor


class TestProcessesExecutor(ExecutorContract):
    traits = TRAITS
    workers = 2
    batches_each = 2

    def open(self, context: ExecutorContext) -> AbstractContextManager[Executor]:
        return ProcessesExecutor(
            context.open_performer,
            context.control,
            workers=self.workers,
            batches_each=self.batches_each,
            pacer=context.control,
        )


class TestProcessesExecutorWithOneWorker(TestProcessesExecutor):
    workers = 1
    batches_each = 1
