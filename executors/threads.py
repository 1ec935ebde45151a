"""Batches on threads of this process; the right choice where requests, not Python, take the time."""

from __future__ import annotations

from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic

from s3plan.schemas.outcomes import Outcome, Progress
from s3plan.schemas.ports import Control, Performer
from s3plan.schemas.tasks import BatchProgress, BatchTask

_REPORT_EVERY_S = 0.5
_REPORT_BAD_NEWS_EVERY_S = 0.05  # the scheduler slows down, or stops, by what went wrong
_REPORT_EVERY_ITEMS = 250


class ThreadsExecutor:
    """`workers` batches at a time, each on a thread of its own; all obey one Control."""

    def __init__(self, performer: Performer, control: Control, *, workers: int) -> None:
        self._performer = performer
        self._control = control
        self._workers = workers
        self._news: SimpleQueue[BatchProgress] = SimpleQueue()
        self._running = 0

    @property
    def free_slots(self) -> int:
        return self._workers - self._running

    def start(self, task: BatchTask) -> None:
        self._running += 1
        Thread(target=self._perform, args=(task,), name=f"s3plan-batch-{task.batch_id}", daemon=True).start()

    def wait(self, timeout_s: float | None = None) -> Sequence[BatchProgress]:
        news: list[BatchProgress] = []
        try:
            news.append(self._news.get(timeout=timeout_s))
            while True:
                news.append(self._news.get_nowait())
        except Empty:
            pass
        self._running -= sum(progress.final for progress in news)
        return news

    def stop(self, *, grace_s: float) -> Sequence[BatchProgress]:
        until_s = monotonic() + grace_s
        news: list[BatchProgress] = []
        while self._running and (left_s := until_s - monotonic()) > 0:
            news.extend(self.wait(left_s))
        return news

    def _perform(self, task: BatchTask) -> None:
        items: list[Progress] = []
        reported_s = monotonic()
        error: str | None = None
        try:
            for item in self._performer.perform(task, self._control):
                items.append(item)
                now_s = monotonic()
                is_good = not isinstance(item, Outcome) or item.kind.is_success
                every_s = _REPORT_EVERY_S if is_good else _REPORT_BAD_NEWS_EVERY_S
                if now_s - reported_s >= every_s or len(items) >= _REPORT_EVERY_ITEMS:
                    self._news.put(BatchProgress(task.batch_id, task.generation, items, final=False))
                    items, reported_s = [], now_s
        except Exception as broken:  # noqa: BLE001  a worker's death is news for the scheduler, not the end of the run
            error = f"{type(broken).__name__}: {broken}"
        self._news.put(BatchProgress(task.batch_id, task.generation, items, final=True, error=error))
