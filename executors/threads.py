"""Batches on threads of this process; the right choice where requests, not Python, take the time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import Event, Thread
from time import monotonic, sleep

from s3plan.schemas.outcomes import Outcome, Progress
from s3plan.schemas.ports import Control, Performer
from s3plan.schemas.tasks import BatchProgress, BatchTask

_COLLECT_EVERY_S = 0.5
_RING_FOR_BAD_NEWS_EVERY_S = 0.05  # the scheduler slows down, or stops, by what went wrong
_RING_EVERY_ITEMS = 250


class _Worker:
    """One batch on its thread, with what it has told and nobody has taken yet."""

    __slots__ = ("error", "is_over", "task", "told")

    def __init__(self, task: BatchTask) -> None:
        self.task = task
        self.told: deque[Progress] = deque()
        self.error: str | None = None
        self.is_over = False

    def collect(self) -> BatchProgress | None:
        """Take what was told; None if there is no news. Called by one thread while the worker goes on."""
        is_over = self.is_over  # asked first: nothing is told after it
        items: list[Progress] = []
        while self.told:
            items.append(self.told.popleft())
        if not (items or is_over):
            return None
        error = self.error if is_over else None
        return BatchProgress(self.task.batch_id, self.task.generation, items, final=is_over, error=error)


class ThreadsExecutor:
    """`workers` batches at a time, each on a thread of its own; all obey one Control."""

    def __init__(self, performer: Performer, control: Control, *, workers: int) -> None:
        self._performer = performer
        self._control = control
        self._workers = workers
        self._running: list[_Worker] = []
        self._bell = Event()

    @property
    def free_slots(self) -> int:
        return self._workers - len(self._running)

    def start(self, task: BatchTask) -> None:
        worker = _Worker(task)
        Thread(target=self._perform, args=(worker,), name=f"s3plan-batch-{task.batch_id}", daemon=True).start()
        self._running.append(worker)

    def wait(self, timeout_s: float | None = None) -> Sequence[BatchProgress]:
        if not self._running:
            sleep(timeout_s or 0.0)
            return ()
        until_s = None if timeout_s is None else monotonic() + timeout_s
        while True:
            left_s = _COLLECT_EVERY_S if until_s is None else min(_COLLECT_EVERY_S, max(until_s - monotonic(), 0.0))
            self._bell.wait(left_s)
            self._bell.clear()
            news = [found for worker in self._running if (found := worker.collect()) is not None]
            if news or (until_s is not None and monotonic() >= until_s):
                over = {progress.batch_id for progress in news if progress.final}
                self._running = [worker for worker in self._running if worker.task.batch_id not in over]
                return news

    def stop(self, *, grace_s: float) -> Sequence[BatchProgress]:
        until_s = monotonic() + grace_s
        news: list[BatchProgress] = []
        while self._running and (left_s := until_s - monotonic()) > 0:
            news.extend(self.wait(left_s))
        return news

    def _perform(self, worker: _Worker) -> None:
        untold = 0
        rung_s = monotonic()
        try:
            for item in self._performer.perform(worker.task, self._control):
                worker.told.append(item)
                untold += 1
                if untold >= _RING_EVERY_ITEMS:
                    untold = 0
                    self._bell.set()
                elif isinstance(item, Outcome) and not item.kind.is_success:
                    now_s = monotonic()
                    if now_s - rung_s >= _RING_FOR_BAD_NEWS_EVERY_S:
                        rung_s = now_s
                        self._bell.set()
        except BaseException as broken:  # noqa: BLE001  a worker's death is news for the scheduler, not the end of the run
            worker.error = f"{type(broken).__name__}: {broken}"
        worker.is_over = True
        self._bell.set()
