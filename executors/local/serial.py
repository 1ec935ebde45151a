"""One batch at a time, in the caller's own thread: the reference that the other executors are measured by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep

from s3plan.executors.executor_context import ExecutorContext
from s3plan.executors.executor_traits import ClusterUse, ExecutorTraits
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.outcomes import Progress
from s3plan.schemas.ports import Control, Executor, Performer
from s3plan.schemas.redaction import described
from s3plan.schemas.tasks import BatchProgress, BatchTask

TRAITS = ExecutorTraits(shares_memory=True, cluster=ClusterUse.NONE, most_workers=1)

_REPORT_EVERY_S = 0.5


@contextmanager
def open_executor(context: ExecutorContext) -> Iterator[Executor]:
    """Give the executor; an OpenExecutor."""
    yield SerialExecutor(context.performer, context.control)


class SerialExecutor:
    """Performs inside `wait`. `stop` finishes what is under way; `grace_s` bounds nothing here but the drain."""

    def __init__(self, performer: Performer, control: Control) -> None:
        self._performer = performer
        self._control = control
        self._task: BatchTask | None = None
        self._progress: Iterator[Progress] = iter(())

    @property
    def free_slots(self) -> int:
        return 1 if self._task is None else 0

    def start(self, task: BatchTask) -> None:
        self._task = task
        self._progress = self._perform(task)

    def wait(self, timeout_s: float | None = None) -> Sequence[BatchProgress]:
        task = self._task
        if task is None:
            sleep(timeout_s or 0.0)
            return ()
        until_s = monotonic() + (_REPORT_EVERY_S if timeout_s is None else min(timeout_s, _REPORT_EVERY_S))
        items: list[Progress] = []
        error: str | None = None
        try:
            for item in self._progress:
                items.append(item)
                if monotonic() >= until_s:
                    return (BatchProgress(task.batch_id, task.generation, items, final=False),)
        except PlanRefused:
            self._task = None
            raise
        except Exception as broken:  # noqa: BLE001  a worker's death is news for the scheduler, not the end of the run
            error = described(broken)
        self._task = None
        return (BatchProgress(task.batch_id, task.generation, items, final=True, error=error),)

    def stop(self, *, grace_s: float) -> Sequence[BatchProgress]:
        until_s = monotonic() + grace_s
        news: list[BatchProgress] = []
        while self._task is not None and (left_s := until_s - monotonic()) > 0:
            news.extend(self.wait(left_s))
        return news

    def _perform(self, task: BatchTask) -> Iterator[Progress]:
        yield from self._performer.perform(task, self._control)
