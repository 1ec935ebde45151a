"""The executor of threads keeps the contract, with one worker and with several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from s3plan.executors.contract import ExecutorContract
from s3plan.executors.contract_batches import all_news, free_control, task_of
from s3plan.executors.executor_context import ExecutorContext
from s3plan.executors.local.threads import TRAITS, ThreadsExecutor
from s3plan.schemas.outcomes import Progress
from s3plan.schemas.ports import Control, Executor
from s3plan.schemas.tasks import BatchTask


class TestThreadsExecutor(ExecutorContract):
    traits = TRAITS
    workers = 4

    @contextmanager
    def open(self, context: ExecutorContext) -> Iterator[Executor]:
        yield ThreadsExecutor(context.performer, context.control, workers=self.workers)


class TestThreadsExecutorWithOneWorker(TestThreadsExecutor):
    workers = 1


class Leaves:
    """Ends the thread it runs on, as a library might."""

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        raise SystemExit(3)


def test_a_thread_that_is_made_to_exit_is_an_error_of_its_batch() -> None:
    executor = ThreadsExecutor(Leaves(), free_control(), workers=1)
    executor.start(task_of(1))
    (progress,) = all_news(executor)
    assert progress.final
    assert progress.error == "SystemExit: 3"
    assert executor.free_slots == 1
