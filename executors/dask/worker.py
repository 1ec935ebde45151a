"""A batch inside a dask worker: begun when the apply says so, reported as it goes, stopped when no news comes."""

from __future__ import annotations

from dataclasses import replace
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING
from uuid import uuid4

from s3plan.executors.dask.messages import Assignment, AttemptReport, MayBegin, WorkerNews, freeze, own_version, thaw
from s3plan.executors.dask.runs import RunHere, lay_down, take_up
from s3plan.executors.workers.batch_thread import BatchThread
from s3plan.executors.workers.messages import Report, pack
from s3plan.schemas.errors import PlanRefused, S3PlanError
from s3plan.schemas.tasks import BatchProgress

if TYPE_CHECKING:
    from distributed import Worker

_ASK_EVERY_S = 0.5
_REPORT_EVERY_S = 0.25
_FIRST_REPORT_WITHIN_S = 0.02  # a batch that has told something is not what kills its worker
_RING_EVERY_ITEMS = 1000
_LEAVES_AFTER_S = 10.0  # a batch that does not heed an abandonment


def perform_batch(their_version: str, frozen: bytes) -> None:
    """Be the dask task of one batch; all that is to be told goes by dask's events, the end too.

    Raise S3PlanError if batches cannot be performed in this process, PlanRefused if they may not.
    """
    from distributed import get_worker

    worker = get_worker()
    if their_version != own_version():
        raise S3PlanError(
            f"the dask worker {worker.address} has s3plan {own_version()}, and this is {their_version}; install the "
            "same version everywhere"
        )
    assignment = thaw(frozen)
    if not isinstance(assignment, Assignment):
        raise TypeError(f"{type(assignment).__name__} was submitted as a batch")
    try:
        run = take_up(assignment)
        try:
            _Attempt(run, assignment, worker).perform()
        finally:
            lay_down(run)
    except PlanRefused as refusal:
        raise PlanRefused(f"the dask worker {worker.address}: {refusal}") from refusal


class _Attempt:
    """One try at one batch, on the dask task's thread."""

    def __init__(self, run: RunHere, assignment: Assignment, worker: Worker) -> None:
        self._run = run
        self._task = assignment.task
        self._topic = assignment.reply_topic
        self._worker = worker
        self._id = uuid4().hex
        self._bell = Event()

    def perform(self) -> None:
        """Perform the batch, if this is the attempt that may."""
        if not self._may_begin():
            return
        run = self._run
        batch = BatchThread(
            run.performer, self._task, run.control, ring=self._bell.set, ring_every_items=_RING_EVERY_ITEMS
        )
        batch.start()
        leaves_at_s: float | None = None
        report_every_s = _FIRST_REPORT_WITHIN_S
        while not run.is_over and (leaves_at_s is None or monotonic() < leaves_at_s):
            self._bell.wait(report_every_s)
            self._bell.clear()
            run.mind_silence()
            progress = batch.collect()
            if progress is not None:
                report_every_s = _REPORT_EVERY_S
                if progress.final and run.was_given_up:
                    progress = replace(progress, error=progress.error or "its worker lost touch with the apply")
            self._report(progress)
            if progress is not None and progress.final:
                return
            if run.control.abandoned and leaves_at_s is None:
                leaves_at_s = monotonic() + _LEAVES_AFTER_S

    def _may_begin(self) -> bool:
        question = MayBegin(self._task.batch_id, self._task.generation, self._id, self._worker.address)
        answer: bool | None = None
        while answer is None and not self._run.was_given_up:
            self._tell(question)
            answer = self._run.may_begin(self._id, timeout_s=_ASK_EVERY_S)
            self._run.mind_silence()
        return bool(answer)

    def _report(self, progress: BatchProgress | None) -> None:
        requests = self._run.take_requests()
        if progress is not None or requests:
            self._tell(AttemptReport(self._id, Report(pack([] if progress is None else [progress]), requests)))

    def _tell(self, news: WorkerNews) -> None:
        self._worker.log_event(self._topic, freeze(news))
