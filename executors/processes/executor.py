"""Batches on worker processes: each has an interpreter, an engine and a core of its own, and may die without harm."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from multiprocessing import connection
from time import monotonic
from types import TracebackType
from typing import Self

from s3plan.executors.executor_context import ExecutorContext
from s3plan.executors.executor_traits import ClusterUse, ExecutorTraits
from s3plan.executors.pace.pacing import RunControl
from s3plan.executors.processes.handle import WorkerHandle
from s3plan.executors.workers.core_pin import allowed_cores
from s3plan.executors.workers.messages import NotReady, OpenPerformer, Ready, Report, Setup, Share, unpack
from s3plan.executors.workers.share import pace_of_each
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.ports import Control, Executor
from s3plan.schemas.tasks import BatchProgress, BatchTask

TRAITS = ExecutorTraits(has_processes=True, cluster=ClusterUse.NONE)

_LOOK_EVERY_S = 0.1  # at what the control says, and for workers that are gone without a sound
_DEATHS_WITHOUT_WORK = 3


def open_executor(context: ExecutorContext) -> AbstractContextManager[Executor]:
    """Return the executor's context; an OpenExecutor."""
    return ProcessesExecutor(
        context.open_performer,
        context.control,
        workers=context.workers,
        batches_each=context.batches_each,
        most_in_flight=context.most_in_flight,
        pacer=context.control,
        pins_cores=context.pins_cores,
    )


class ProcessesExecutor:
    """`workers` processes, each with `batches_each` batches at a time. `close` it, or use it as a context manager.

    A worker that dies ends its batches with an error and is replaced. A batch whose worker died is performed alone in
    a process the next time, so that it cannot be mistaken for its neighbour. `wait` raises S3PlanError if workers
    cannot work here at all.

    The `control` is obeyed by all workers together: each is told its share, and again when it changes. Give it as
    `pacer` too if it has rates or a lease.
    """

    def __init__(
        self,
        open_performer: OpenPerformer,
        control: Control,
        *,
        workers: int,
        batches_each: int = 1,
        most_in_flight: int = 0,
        pacer: RunControl | None = None,
        pins_cores: bool = False,
    ) -> None:
        """Start the workers; `most_in_flight` is how far each batch may climb. Raise S3PlanError if none starts."""
        self._open_performer = open_performer
        self._control = control
        self._wanted_workers = workers
        self._batches_each = batches_each
        self._most_in_flight = most_in_flight
        self._pacer = pacer
        # The first core serves most interrupts: it is the last to be taken.
        self._cores = sorted(allowed_cores(), reverse=True) if pins_cores else []
        self._workers: list[WorkerHandle] = []
        self._waiting: list[BatchTask] = []  # started, and not yet given to a worker
        self._suspects: set[int] = set()  # batches that were under way when a worker died
        self._deaths_without_work = 0
        try:
            for number in range(workers):
                self._workers.append(self._start_worker(number))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pids(self) -> list[int]:
        """The processes that there are now."""
        return [worker.pid for worker in self._workers]

    @property
    def free_slots(self) -> int:
        return max(0, sum(self._free_slots_of(worker) for worker in self._workers) - len(self._waiting))

    def start(self, task: BatchTask) -> None:
        self._waiting.append(task)
        self._hand_out()

    def wait(self, timeout_s: float | None = None) -> Sequence[BatchProgress]:
        until_s = None if timeout_s is None else monotonic() + timeout_s
        while True:
            self._replace_missing()
            self._share_out()
            left_s = _LOOK_EVERY_S if until_s is None else min(_LOOK_EVERY_S, max(until_s - monotonic(), 0.0))
            connection.wait([source for worker in self._workers for source in worker.sources()], left_s)
            news = [progress for worker in list(self._workers) for progress in self._hear(worker)]
            self._hand_out()
            if news or (until_s is not None and monotonic() >= until_s):
                return news

    def stop(self, *, grace_s: float) -> Sequence[BatchProgress]:
        """See Executor. Batches that were abandoned and do not end in time are left unended, their processes killed."""
        until_s = monotonic() + grace_s
        news: list[BatchProgress] = []
        while self._has_batches and (left_s := until_s - monotonic()) > 0:
            news.extend(self.wait(left_s))
        if self._has_batches and self._control.abandoned:
            self.close()
        return news

    def close(self) -> None:
        """End the workers and whatever they do. May be called again."""
        self._waiting.clear()
        while self._workers:
            self._workers.pop().end()

    @property
    def _has_batches(self) -> bool:
        return bool(self._waiting) or any(worker.running for worker in self._workers)

    def _start_worker(self, number: int) -> WorkerHandle:
        core = self._cores[number % len(self._cores)] if self._cores else None
        return WorkerHandle(number, Setup(self._open_performer, self._share(), self._most_in_flight, core))

    def _replace_missing(self) -> None:
        """Start workers in the place of those that died while the run was held back, once it goes on."""
        if self._control.stopping or len(self._workers) == self._wanted_workers:
            return
        numbers = {worker.number for worker in self._workers}
        self._workers += [self._start_worker(number) for number in range(self._wanted_workers) if number not in numbers]

    def _free_slots_of(self, worker: WorkerHandle) -> int:
        if self._suspects & worker.running.keys():
            return 0
        return self._batches_each - len(worker.running)

    def _hand_out(self) -> None:
        """Give waiting batches to workers, those that were started first first."""
        still_waiting: list[BatchTask] = []
        for task in self._waiting:
            worker = self._worker_for(task)
            if worker is None:
                still_waiting.append(task)
                continue
            worker.running[task.batch_id] = task
            self._share_out()  # before the batch: it must not begin at more than its share
            worker.start(task)
        self._waiting = still_waiting

    def _worker_for(self, task: BatchTask) -> WorkerHandle | None:
        ready = [worker for worker in self._workers if worker.is_ready]
        if task.batch_id in self._suspects:
            return next((worker for worker in ready if not worker.running), None)
        free = [worker for worker in ready if self._free_slots_of(worker) > 0]
        if any(waiting.batch_id in self._suspects for waiting in self._waiting):
            # Close together, so that a worker falls idle for the one that must be alone.
            return max(free, key=lambda worker: len(worker.running), default=None)
        return min(free, key=lambda worker: len(worker.running), default=None)

    def _share_out(self) -> None:
        """Tell the workers what they may do now; rates are divided among those that have something to do."""
        share = self._share()
        for worker in self._workers:
            worker.allow(share)

    def _share(self) -> Share:
        control = self._control
        lease = None if self._pacer is None else self._pacer.lease
        return Share(
            control.in_flight,
            pace_of_each(self._pacer, (worker.running.values() for worker in self._workers)),
            frozenset() if self._pacer is None else self._pacer.held,
            control.stopping,
            control.abandoned,
            until_s=None if lease is None else lease.until_s,
        )

    def _hear(self, worker: WorkerHandle) -> list[BatchProgress]:
        has_ended = worker.has_ended()  # asked first: nothing is said after it
        news: list[BatchProgress] = []
        for message in worker.messages():
            if isinstance(message, Report):
                news += self._take(worker, message)
            elif isinstance(message, Ready):
                worker.is_ready = True
            elif isinstance(message, NotReady):
                raise message.error
        if has_ended or worker.is_silent:
            news += self._bury(worker)
        return news

    def _take(self, worker: WorkerHandle, report: Report) -> list[BatchProgress]:
        self._deaths_without_work = 0
        if self._pacer is not None:
            for place, requests in report.requests.items():
                self._pacer.note_requests(place, requests)
        news = unpack(report.packed)
        for progress in news:
            if progress.final:
                del worker.running[progress.batch_id]
                self._suspects.discard(progress.batch_id)
        return news

    def _bury(self, worker: WorkerHandle) -> list[BatchProgress]:
        """Put a new worker in the place of one that is gone; return the end of what it was at."""
        self._workers.remove(worker)
        worker.end()
        error = worker.how_it_ended()
        if not worker.running:
            self._deaths_without_work += 1
            if self._deaths_without_work >= _DEATHS_WITHOUT_WORK:
                raise S3PlanError(_cannot_work(worker))
        self._suspects |= worker.running.keys()
        if self._waiting or not self._control.stopping:
            self._workers.append(self._start_worker(worker.number))
        return [
            BatchProgress(task.batch_id, task.generation, (), final=True, error=error)
            for task in worker.running.values()
        ]


def _cannot_work(worker: WorkerHandle) -> str:
    said = worker.last_words(lines=5)
    return (
        f"worker processes end as soon as they are started: {worker.how_it_ended()}; choose executor: threads, or look "
        f"at what they said last: {said or 'nothing'}"
    )
