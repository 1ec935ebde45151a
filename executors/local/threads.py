"""Batches on threads of this process; the right choice where requests, not Python, take the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from time import monotonic, sleep

from s3plan.executors.executor_context import ExecutorContext
from s3plan.executors.executor_traits import ClusterUse, ExecutorTraits
from s3plan.executors.workers.batch_thread import BatchThread
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.ports import Control, Executor, Performer
from s3plan.schemas.tasks import BatchProgress, BatchTask

TRAITS = ExecutorTraits(shares_memory=True, cluster=ClusterUse.NONE)

_COLLECT_EVERY_S = 0.5
_RING_EVERY_ITEMS = 250


@contextmanager
def open_executor(context: ExecutorContext) -> Iterator[Executor]:
    """Give the executor; an OpenExecutor."""
    yield ThreadsExecutor(context.performer, context.control, workers=context.workers)


class ThreadsExecutor:
    """`workers` batches at a time, each on a thread of its own; all obey one Control."""

    def __init__(self, performer: Performer, control: Control, *, workers: int) -> None:
        self._performer = performer
        self._control = control
        self._workers = workers
        self._running: list[BatchThread] = []
        self._bell = Event()

    @property
    def free_slots(self) -> int:
        return self._workers - len(self._running)

    def start(self, task: BatchTask) -> None:
        batch = BatchThread(
            self._performer, task, self._control, ring=self._bell.set, ring_every_items=_RING_EVERY_ITEMS
        )
        batch.start()
        self._running.append(batch)

    def wait(self, timeout_s: float | None = None) -> Sequence[BatchProgress]:
        if not self._running:
            sleep(timeout_s or 0.0)
            return ()
        until_s = None if timeout_s is None else monotonic() + timeout_s
        while True:
            left_s = _COLLECT_EVERY_S if until_s is None else min(_COLLECT_EVERY_S, max(until_s - monotonic(), 0.0))
            self._bell.wait(left_s)
            self._bell.clear()
            news = self._collect()
            if news or (until_s is not None and monotonic() >= until_s):
                return news

    def stop(self, *, grace_s: float) -> Sequence[BatchProgress]:
        until_s = monotonic() + grace_s
        news: list[BatchProgress] = []
        while self._running and (left_s := until_s - monotonic()) > 0:
            news.extend(self.wait(left_s))
        return news

    def _collect(self) -> list[BatchProgress]:
        news: list[BatchProgress] = []
        for batch in list(self._running):
            try:
                progress = batch.collect()
            except PlanRefused:
                self._running.remove(batch)
                raise
            if progress is None:
                continue
            news.append(progress)
            if progress.final:
                self._running.remove(batch)
        return news
