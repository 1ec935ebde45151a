"""What every executor is opened with, built in or not: the seam that a plugin fills.

An entry point of the group `s3plan.executors` names an `ExecutorModule` or an `OpenExecutor`; docs/executors.md shows
one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from s3plan.executors.executor_traits import ExecutorTraits
from s3plan.executors.pace.pacing import RunControl
from s3plan.executors.workers.messages import OpenPerformer
from s3plan.schemas.ports import Executor, Performer

ENTRY_POINT_GROUP = "s3plan.executors"


@dataclass(frozen=True, slots=True)
class ExecutorContext:
    """Everything that an executor may need; it takes what it has a use for.

    `performer` performs batches in this process, on any thread, under `control`. Where batches run elsewhere,
    `open_performer` travels there, by pickle, and makes one: it holds no secrets, credentials are found where it is
    called. Such an executor passes on what `control` says, its `lease` too, and tells it by `note_requests` what others
    have sent.

    `workers` times `batches_each` is how many batches to take at a time. Each may have `control.in_flight` requests
    under way, and climb to `most_in_flight` where a control of its own finds that worth while.

    `pins_cores`: processes that send requests may keep to one processor core each. `cluster` is the address that the
    user gave, None without one. `warn` tells the user a sentence, now.
    """

    performer: Performer
    open_performer: OpenPerformer
    control: RunControl
    workers: int
    batches_each: int
    most_in_flight: int
    pins_cores: bool
    cluster: str | None
    warn: Callable[[str], None]


OpenExecutor = Callable[[ExecutorContext], AbstractContextManager[Executor]]
"""Opens an executor, and closes it, with all that it started, when the context is left."""


class ExecutorModule(Protocol):
    """A module with an executor: what it is, and what opens it."""

    @property
    def TRAITS(self) -> ExecutorTraits:  # noqa: N802  a module's constant
        """What the executor is."""

    @property
    def open_executor(self) -> OpenExecutor:
        """What opens it."""
