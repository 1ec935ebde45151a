"""The seams: what each layer asks of another, one small Protocol each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from s3plan.schemas.failures import Failure
from s3plan.schemas.files.requests import FileReply, FileRequest
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.outcomes import Progress
from s3plan.schemas.plan.places import Place
from s3plan.schemas.requests.buffers import BufferReply, BufferRequest
from s3plan.schemas.requests.objects import Reply, Request
from s3plan.schemas.tasks import BatchProgress, BatchTask


class Engine(Protocol):
    """Sends S3 requests through one connection. Never retries: the scheduler owns every retry."""

    @property
    def clock_offset_ms(self) -> int:
        """The store's clock minus this machine's, from the `Date` of the newest reply; 0 before the first."""

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        """Send; `on_reply` is called exactly once, on any thread, and must not block. Errors come as Failure."""

    def call(self, request: Request) -> Reply:
        """Send and wait for the reply."""

    def close(self) -> None:
        """Let go of connections and threads. Requests under way are still answered."""


class FileEngine(Protocol):
    """Answers requests about the files of one folder. Never retries."""

    def submit(self, request: FileRequest, on_reply: Callable[[FileReply | Failure], None]) -> None:
        """Answer; `on_reply` is called exactly once, on any thread, and must not block."""

    def close(self) -> None:
        """Take no more requests; those under way are still answered."""


class BufferEngine(Protocol):
    """Answers requests to the memory of this process."""

    def submit(self, request: BufferRequest, on_reply: Callable[[BufferReply | Failure], None]) -> None:
        """Answer; `on_reply` is called exactly once, on any thread, and must not block."""


class Lister(Protocol):
    """The objects of one location, in the order of their decoded key bytes, keys relative to the location."""

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        """Yield pages until the listing is complete; raise ListingUnusable or StoreRefused if it cannot be."""

    @property
    def note(self) -> str | None:
        """How the listing was made, where that is not the usual way; final once the pages are."""


class Control(Protocol):
    """What a running batch obeys; may change at any time while it runs."""

    @property
    def in_flight(self) -> int:
        """How many requests this worker may have under way."""

    @property
    def stopping(self) -> bool:
        """Take no new action; finish those begun."""

    @property
    def abandoned(self) -> bool:
        """Stop now; what is under way ends unknown."""

    @property
    def in_doubt(self) -> bool:
        """Send nothing for now: whether the run still holds its plan is being found out. Asked before each request."""

    def holds(self, places: frozenset[Place]) -> bool:
        """Return whether one of these places does not answer: as for `stopping`, for batches that ask it alone."""

    def reserve(self, place: Place, *, size_bytes: int) -> float:
        """Take the turn of one request to a place, and that many bytes; return the seconds to wait before sending."""


class Performer(Protocol):
    """Performs batches inside a worker. Safe to use from several threads."""

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        """Yield what happens, each action's outcome exactly once unless stopped before it was begun."""


class Executor(Protocol):
    """Where batches run. Knows nothing of graphs, retries or journals. Used from one thread.

    A performer that raises PlanRefused, or cannot be opened for that reason, may not perform the plan where it is:
    `start` or `wait` raises it in turn. Whatever else it raises is an error of its batch.
    """

    @property
    def free_slots(self) -> int:
        """How many more batches may be started now."""

    def start(self, task: BatchTask) -> None:
        """Begin a batch; only while `free_slots` is above zero."""

    def wait(self, timeout_s: float | None = None) -> Sequence[BatchProgress]:
        """Return the news, waiting up to `timeout_s` for the first; empty if none came."""

    def stop(self, *, grace_s: float) -> Sequence[BatchProgress]:
        """Take no new action, wait up to `grace_s` for those begun, then abandon; return all that is known."""
