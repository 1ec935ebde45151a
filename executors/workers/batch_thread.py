"""One batch on a thread of its own: performed there, and what it tells gathered for whoever asks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Thread
from time import monotonic

from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.outcomes import Outcome, Progress, UploadBegun
from s3plan.schemas.ports import Control, Performer
from s3plan.schemas.redaction import described
from s3plan.schemas.tasks import BatchProgress, BatchTask

_RING_FOR_BAD_NEWS_EVERY_S = 0.05  # the scheduler slows down, or stops, by what went wrong


class BatchThread:
    """Performs one batch and keeps what it has told until it is collected.

    `ring` is called, on the batch's thread, when there is news that should not wait: `ring_every_items` of it, an
    upload's id (a kill before it is journaled leaves the upload open), something that went wrong, the end.
    """

    __slots__ = (
        "_control",
        "_error",
        "_is_over",
        "_performer",
        "_refusal",
        "_ring",
        "_ring_every_items",
        "_told",
        "task",
    )

    def __init__(
        self,
        performer: Performer,
        task: BatchTask,
        control: Control,
        *,
        ring: Callable[[], object],
        ring_every_items: int,
    ) -> None:
        self.task = task
        self._performer = performer
        self._control = control
        self._ring = ring
        self._ring_every_items = ring_every_items
        self._told: deque[Progress] = deque()
        self._error: str | None = None
        self._refusal: PlanRefused | None = None
        self._is_over = False

    def start(self) -> None:
        """Begin; once."""
        Thread(target=self._perform, name=f"s3plan-batch-{self.task.batch_id}", daemon=True).start()

    def collect(self) -> BatchProgress | None:
        """Take what was told; None if there is no news. Called by one thread while the batch goes on.

        Raise PlanRefused if this process may not perform the plan: no other try would mend that.
        """
        is_over = self._is_over  # asked first: nothing is told after it
        if is_over and self._refusal is not None:
            raise self._refusal
        items: list[Progress] = []
        while self._told:
            items.append(self._told.popleft())
        if not (items or is_over):
            return None
        error = self._error if is_over else None
        return BatchProgress(self.task.batch_id, self.task.generation, items, final=is_over, error=error)

    def _perform(self) -> None:
        untold = 0
        rung_s = monotonic()
        try:
            for item in self._performer.perform(self.task, self._control):
                self._told.append(item)
                untold += 1
                if untold >= self._ring_every_items or isinstance(item, UploadBegun):
                    untold = 0
                    self._ring()
                elif isinstance(item, Outcome) and not item.kind.is_success:
                    now_s = monotonic()
                    if now_s - rung_s >= _RING_FOR_BAD_NEWS_EVERY_S:
                        rung_s = now_s
                        self._ring()
        except PlanRefused as refusal:
            self._refusal = refusal
        except BaseException as broken:  # noqa: BLE001  a worker's death is news for the scheduler, not the end of the run
            self._error = described(broken)
        self._is_over = True
        self._ring()
