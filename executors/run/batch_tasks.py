"""A batch that is about to begin, as what an executor is handed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from s3plan.executors.journal.ledger import BatchState
from s3plan.executors.journal.recorder import Recorder
from s3plan.executors.run.plan_view import PlanView
from s3plan.schemas.bitmaps import bitmap_of
from s3plan.schemas.errors import PlanDamaged
from s3plan.schemas.plan.rows import Batch, PlanLocation
from s3plan.schemas.tasks import BatchTask, TaskSettings


class BatchTasks:
    """Makes the tasks of one run, each of them durably begun in the journal first."""

    def __init__(
        self,
        plan: PlanView,
        recorder: Recorder,
        *,
        settings_of: Callable[[Batch], TaskSettings],
        store_now_ms: Callable[[PlanLocation], int],
    ) -> None:
        self._plan = plan
        self._recorder = recorder
        self._settings_of = settings_of
        self._store_now_ms = store_now_ms

    def begin(self, state: BatchState, positions: Sequence[int]) -> BatchTask:
        """Return the task of a new attempt at these positions; with its begin all that waits is written durably."""
        batch = state.batch
        uploads = self._recorder.known_uploads(batch.id) if state.generation else ()
        doubtful, doubtful_since_ms = state.doubtful(positions), state.doubtful_since_ms(positions)
        destination = self._plan.destination(batch)
        if destination is None:
            raise PlanDamaged(f"batch {batch.id} has no destination; make a new plan")
        state.begin(now_ms=self._store_now_ms(destination))
        self._recorder.begin_batch(state)
        return BatchTask(
            batch_id=batch.id,
            generation=state.generation,
            actions=self._plan.actions(batch),
            digest=batch.digest,
            todo=bitmap_of(positions, size=batch.actions),
            doubtful=doubtful,
            uploads=uploads,
            source=self._plan.source(batch),
            destination=destination,
            settings=self._settings_of(batch),
            begun_at_ms=state.begun_at_ms,
            doubtful_since_ms=doubtful_since_ms,
            unverified=state.unverified(positions),
        )
