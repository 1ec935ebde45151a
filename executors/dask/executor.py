"""Batches on the workers of a dask cluster: dask finds a place for each, the apply alone says whether it begins.

A dask task is one attempt at a batch. It asks before its first action, and only the first attempt may begin: dask runs
a task again, by itself, whose worker was lost, and what such a batch has done is known here alone. It comes back as an
error instead, and the scheduler gives it out anew with what is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from s3plan.executors.dask.endings import CUT_OFF, cannot_work, first_line, unfit_cluster_error, why_lost
from s3plan.executors.dask.messages import (
    ORDERS_TOPIC,
    Assignment,
    AttemptReport,
    MayBegin,
    Orders,
    freeze,
    own_version,
    thaw,
)
from s3plan.executors.dask.worker import perform_batch
from s3plan.executors.lease import lease_clock_s
from s3plan.executors.pace.pacing import RunControl
from s3plan.executors.workers.messages import OpenPerformer, Share, unpack
from s3plan.executors.workers.share import pace_of_each
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.ports import Control
from s3plan.schemas.tasks import BatchProgress, BatchTask

if TYPE_CHECKING:
    from distributed import Client, Future

_LOOK_EVERY_S = 0.1  # at what the control says, and whether the scheduler is still there
_SPEAK_EVERY_S = 1.0
_LEASE_S = 30.0
_FAREWELL_S = 2.0
_LOSSES_WITHOUT_WORK = 5  # in a row, for each slot, of tasks that had not begun their batch
_MOST_REFUSED = 100  # who is not answered asks again


@dataclass(slots=True)
class _Given:
    """A batch that dask has been given."""

    task: BatchTask
    future: Future[None]
    attempt: str | None = None  # the one that was allowed to begin
    worker: str | None = None


@dataclass(frozen=True, slots=True)
class _FutureEnded:
    key: str
    error: BaseException | None


class DaskExecutor:
    """At most `slots` batches at a time on the workers that `client` reaches. `close` it; the client is the caller's.

    `wait` and `start` raise S3PlanError if the connection to dask's scheduler is lost, if batches cannot be performed
    on the workers at all, or if `may_have_workers` says that there never will be any more.

    The `control` is obeyed by all workers together, each by its share; give it as `pacer` too if it has rates or a
    lease. Workers
    that hear nothing for `lease_s` seconds begin no more actions.
    """

    def __init__(
        self,
        client: Client,
        open_performer: OpenPerformer,
        control: Control,
        *,
        slots: int,
        most_in_flight: int = 0,
        pacer: RunControl | None = None,
        lease_s: float = _LEASE_S,
        may_have_workers: Callable[[], bool] = lambda: True,
    ) -> None:
        self._client = client
        self._open_performer = open_performer
        self._control = control
        self._slots = slots
        self._most_in_flight = most_in_flight
        self._pacer = pacer
        self._lease = None if pacer is None else pacer.lease
        self._lease_s = lease_s
        self._may_have_workers = may_have_workers
        self._run = uuid4().hex
        self._given: dict[int, _Given] = {}  # by batch
        self._refused: set[str] = set()
        self._inbox: SimpleQueue[bytes | _FutureEnded] = SimpleQueue()
        self._orders_number = 0
        self._said: tuple[Share, frozenset[str], frozenset[str]] | None = None
        self._said_s = 0.0
        self._losses_without_work = 0
        self._is_cut_off = False
        self._failure: S3PlanError | None = None
        self._is_closed = False
        self._reply_topic: str = client.id  # dask forgets the events of that name when the client has gone

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def free_slots(self) -> int:
        return self._slots - len(self._given)

    def start(self, task: BatchTask) -> None:
        self._check_connection()
        self._given[task.batch_id] = _Given(task, self._submit(task))

    def wait(self, timeout_s: float | None = None) -> Sequence[BatchProgress]:
        until_s = None if timeout_s is None else monotonic() + timeout_s
        while True:
            if self._inbox.empty():  # what has come in before the end is told
                self._check_connection()
            self._speak_if_due()
            left_s = _LOOK_EVERY_S if until_s is None else min(_LOOK_EVERY_S, max(until_s - monotonic(), 0.0))
            news = self._take_news(left_s)
            if news or (until_s is not None and monotonic() >= until_s):
                return news

    def stop(self, *, grace_s: float) -> Sequence[BatchProgress]:
        """See Executor. Batches that were abandoned and do not end in time are left unended."""
        until_s = monotonic() + grace_s
        news: list[BatchProgress] = []
        while self._given and (left_s := until_s - monotonic()) > 0:
            news.extend(self.wait(left_s))
        if self._given and self._control.abandoned:
            self.close()
        return news

    def close(self) -> None:
        """Tell the workers that the run is over, and dask to forget its tasks. May be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        futures = [given.future for given in self._given.values()]
        self._given.clear()
        if self._client.status == "running":
            for future in futures:
                future.release()
            orders = Orders(self._run, self._orders_number + 1, self._share(), frozenset(), frozenset(), is_over=True)
            try:
                self._client.sync(self._post, freeze(orders), callback_timeout=_FAREWELL_S)
                self._client.unsubscribe_topic(self._reply_topic)
            except Exception:  # noqa: BLE001  out of reach: the workers notice by themselves
                return

    def _submit(self, task: BatchTask) -> Future[None]:
        assignment = Assignment(
            self._run,
            self._reply_topic,
            task,
            self._open_performer,
            self._share(),
            self._most_in_flight,
            self._lease_s,
        )
        key = f"s3plan-batch-{self._run}-{task.batch_id}-{task.generation}-{uuid4().hex}"
        try:
            self._client.subscribe_topic(self._reply_topic, self._hear)  # each time: a new connection knows of none
            future: Future[None] = self._client.submit(
                perform_batch, own_version(), freeze(assignment), key=key, pure=False, retries=0
            )
            future.add_done_callback(self._hear_end)
        except Exception as error:
            raise S3PlanError(CUT_OFF) from error
        return future

    def _hear(self, event: tuple[float, Any]) -> None:
        """Take an event, on the client's thread; dask itself writes about the client there as well."""
        if isinstance(event[1], bytes):
            self._inbox.put(event[1])

    def _hear_end(self, future: Future[None]) -> None:
        """Take note that a dask task has ended, on dask's thread for that; what it told came before."""
        error: BaseException | None = None
        if future.status != "finished":
            try:
                future.result(timeout=_FAREWELL_S)
            except (Exception, CancelledError) as found:  # noqa: BLE001  whatever it is, it is told
                error = found
        self._inbox.put(_FutureEnded(str(future.key), error))

    def _take_news(self, timeout_s: float) -> list[BatchProgress]:
        """Return the news that there is by now, waiting for the first."""
        news: list[BatchProgress] = []
        try:
            while True:
                message = self._inbox.get(timeout=timeout_s) if timeout_s > 0 else self._inbox.get_nowait()
                timeout_s = 0.0
                news += self._take_end(message) if isinstance(message, _FutureEnded) else self._take(message)
        except Empty:
            return news
        except S3PlanError as error:
            if not news:
                raise
            self._failure = error  # the news first
            return news

    def _take(self, frozen: bytes) -> list[BatchProgress]:
        message = thaw(frozen)
        if isinstance(message, MayBegin):
            return self._answer(message)
        if not isinstance(message, AttemptReport):
            return []
        if self._pacer is not None:
            for place, requests in message.report.requests.items():
                self._pacer.note_requests(place, requests)
        news = [
            progress
            for progress in unpack(message.report.packed)
            if (given := self._given.get(progress.batch_id)) is not None and given.attempt == message.attempt
        ]
        for progress in news:
            if progress.final:
                self._forget(progress.batch_id)
        return news

    def _answer(self, question: MayBegin) -> list[BatchProgress]:
        """Let an attempt begin, or not; a second one at the same batch tells of the first one's end."""
        given = self._given.get(question.batch_id)
        if given is None or given.task.generation != question.generation:
            self._refuse(question)
            return []
        if given.attempt is None:
            given.attempt, given.worker = question.attempt, question.worker
            self._losses_without_work = 0
        if given.attempt == question.attempt:
            self._speak()
            return []
        self._refuse(question)
        return [self._end(given, why_lost(given.worker, None))]

    def _refuse(self, question: MayBegin) -> None:
        if len(self._refused) >= _MOST_REFUSED:
            self._refused.clear()
        self._refused.add(question.attempt)
        self._speak()

    def _take_end(self, ended: _FutureEnded) -> list[BatchProgress]:
        """Take the end of a dask task; of one whose batch has ended there is nothing to say."""
        given = next((each for each in self._given.values() if each.future.key == ended.key), None)
        if given is None:
            return []
        if getattr(ended.error, "reason", "") == "scheduler-connection-lost":
            self._is_cut_off = True
        self._check_connection()
        if cannot_work(ended.error):
            raise unfit_cluster_error(ended.error)
        if given.attempt is None:  # nothing of it was begun, so nothing has happened
            self._losses_without_work += 1
            if self._losses_without_work >= _LOSSES_WITHOUT_WORK * self._slots:
                raise S3PlanError(f"dask workers end as soon as they are given a batch: {first_line(ended.error)}")
            given.future = self._submit(given.task)
            return []
        return [self._end(given, why_lost(given.worker, ended.error))]

    def _end(self, given: _Given, error: str) -> BatchProgress:
        task = given.task
        self._forget(task.batch_id)
        return BatchProgress(task.batch_id, task.generation, (), final=True, error=error)

    def _forget(self, batch_id: int) -> None:
        self._given.pop(batch_id).future.release()

    def _speak_if_due(self) -> None:
        if self._given and (self._wanted_orders() != self._said or monotonic() - self._said_s >= _SPEAK_EVERY_S):
            self._speak()

    def _speak(self) -> None:
        """Tell all workers of the run what holds from now on."""
        share, allowed, refused = self._said = self._wanted_orders()
        self._said_s = monotonic()
        self._orders_number += 1
        lease = self._lease
        sure_for_s = None if lease is None else lease.until_s - lease_clock_s()
        orders = Orders(self._run, self._orders_number, share, allowed, refused, is_over=False, sure_for_s=sure_for_s)
        loop = self._client.loop
        if loop is not None:
            loop.add_callback(self._post_quietly, freeze(orders))

    def _wanted_orders(self) -> tuple[Share, frozenset[str], frozenset[str]]:
        allowed = frozenset(given.attempt for given in self._given.values() if given.attempt is not None)
        return self._share(), allowed, frozenset(self._refused)

    def _share(self) -> Share:
        """Return what each worker may do; rates are divided among those that have something to do."""
        tasks: dict[str, list[BatchTask]] = {}
        for given in self._given.values():
            if given.worker is not None:
                tasks.setdefault(given.worker, []).append(given.task)
        control = self._control
        return Share(
            control.in_flight,
            pace_of_each(self._pacer, tasks.values()),
            frozenset() if self._pacer is None else self._pacer.held,
            control.stopping,
            control.abandoned,
            until_s=None if self._lease is None else 0.0,  # clocks of machines differ: orders say for how long
        )

    async def _post_quietly(self, frozen: bytes) -> None:
        try:
            await self._post(frozen)
        except Exception:  # noqa: BLE001  `wait` looks at the connection; the next orders are whole again
            return

    async def _post(self, frozen: bytes) -> None:
        scheduler = self._client.scheduler
        if scheduler is not None:
            await scheduler.log_event(topic=ORDERS_TOPIC, msg=frozen)

    def _check_connection(self) -> None:
        """Raise S3PlanError if nothing will come of the batches: not from a connection made anew, either."""
        if self._failure is not None:
            raise self._failure
        if self._is_cut_off or self._client.status != "running":
            self._is_cut_off = True
            self._given.clear()
            raise S3PlanError(CUT_OFF)
        if not self._may_have_workers():
            self._given.clear()
            raise S3PlanError("all workers of the dask cluster have ended, and no other ones can be started")
