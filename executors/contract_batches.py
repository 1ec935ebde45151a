"""Batches for the executors' contract, how an executor is given them, and what it has told of them."""

from __future__ import annotations

import time
from dataclasses import replace

from s3plan.executors.contract_performers import Opens
from s3plan.executors.executor_context import ExecutorContext
from s3plan.executors.pace.pacing import RunControl
from s3plan.executors.workers.messages import OpenPerformer
from s3plan.schemas.bitmaps import full_bitmap
from s3plan.schemas.outcomes import Progress
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.ports import Executor, Performer
from s3plan.schemas.tasks import BatchProgress, BatchTask, TaskSettings

PATIENCE_S = 30.0
HERE = PlanLocation(2, LocationKind.S3, "s3://b/", "", None, None, "b", "")
ELSEWHERE = replace(HERE, id=1, connection="elsewhere")
_CAPABILITIES = dict.fromkeys(Condition, Enforcement.ENFORCED)


def free_control() -> RunControl:
    """Return a control without limits."""
    return RunControl(in_flight=8)


def context_of(
    performer: Performer, control: RunControl, *, workers: int = 2, open_performer: OpenPerformer | None = None
) -> ExecutorContext:
    """Return what an executor is opened with that has `performer`, or what is opened instead, perform its batches."""
    return ExecutorContext(
        performer=performer,
        open_performer=open_performer or Opens(performer),
        control=control,
        workers=workers,
        batches_each=1,
        most_in_flight=8,
        pins_cores=False,
        cluster=None,
        warn=_not_to_be_warned,
    )


def task_of(
    actions: int,
    *,
    batch: int = 1,
    generation: int = 1,
    todo: bytes | None = None,
    source: PlanLocation | None = None,
    destination: PlanLocation = HERE,
) -> BatchTask:
    """Return a batch of that many deletes; with a source it asks that place, too."""
    planned = [
        Action(ActionKind.DELETE, f"{number:06d}".encode(), 1, "", destination_pin="e") for number in range(actions)
    ]
    return BatchTask(
        batch_id=batch,
        generation=generation,
        actions=planned,
        digest=b"",
        todo=full_bitmap(actions) if todo is None else todo,
        doubtful=bytes(len(full_bitmap(actions))),
        uploads=(),
        source=source,
        destination=destination,
        settings=TaskSettings(_CAPABILITIES, 1 << 30, None, None),
        begun_at_ms=1,
    )


def all_news(executor: Executor) -> list[BatchProgress]:
    """Return the news up to the next final report."""
    until_s = time.monotonic() + PATIENCE_S
    news: list[BatchProgress] = []
    while not any(progress.final for progress in news):
        if time.monotonic() >= until_s:
            raise AssertionError("the batch did not end")
        news += executor.wait(1.0)
    return news


def items_of(news: list[BatchProgress]) -> list[Progress]:
    """Return all items, in the order in which they came."""
    return [item for progress in news for item in progress.items]


def _not_to_be_warned(sentence: str) -> None:
    raise AssertionError(f"the user was warned: {sentence}")
