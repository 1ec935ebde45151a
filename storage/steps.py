"""How a procedure asks for requests: it is a generator that yields what to send and is sent what came back.

A procedure knows S3 and nothing of threads, queues or engines, so that the same pins and the same ladder hold for
every engine. It tells outcomes by `BatchContext.emit` and returns nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, TypeVar

from s3plan.schemas.bitmaps import is_in
from s3plan.schemas.failures import Failure
from s3plan.schemas.files.requests import FileReply, FileRequest
from s3plan.schemas.outcomes import Progress
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.buffers import BufferReply, BufferRequest
from s3plan.schemas.requests.objects import Reply, Request
from s3plan.schemas.tasks import BatchTask


class Ask(NamedTuple):
    """One request; `size_bytes` is what the store will move for it, for the bandwidth limit.

    Without `reserves` its turn was taken before, by an AwaitTurn. It is sent in `wait_s` at the earliest.
    """

    side: Side
    request: Request
    size_bytes: int = 0
    reserves: bool = True
    wait_s: float = 0.0


class AskFile(NamedTuple):
    """One request to the folder of a side; it takes no turn: a disk is not asked by a rate.

    `held_bytes` is what stays in memory until it is answered.
    """

    side: Side
    request: FileRequest
    held_bytes: int = 0


class AskBuffer(NamedTuple):
    """One request to this process's own memory, which takes no turn; a failure is that of `side`."""

    request: BufferRequest
    side: Side = Side.SOURCE


class AwaitTurn(NamedTuple):
    """The turn of a request of that size, in `wait_s` at the earliest. None is sent once it has come."""

    size_bytes: int
    reserves: bool = True
    wait_s: float = 0.0
    side: Side = Side.DESTINATION


class AskMany(NamedTuple):
    """Requests that may be under way together; taken from the iterator as room is found.

    Each answer is sent as soon as it is there, in any order, and answered with NEXT; None is sent when all sent
    requests are answered, which is early if the run is stopping.
    """

    asks: Iterator[Ask]


class AskManyFiles(NamedTuple):
    """Requests to folders that may be under way together: as AskMany, and each is answered by a FileAnswered."""

    asks: Iterator[AskFile]


class AskManyBuffers(NamedTuple):
    """Requests to memory that may be under way together: as AskMany, and each is answered by a BufferAnswered."""

    asks: Iterator[AskBuffer]


class AskAlso(NamedTuple):
    """Sends one more request at once, room or no room, while one of the two is under way; then as NEXT.

    For what an answer has made ready to be sent: as long as it waits it takes memory that others wait for.
    """

    ask: Ask | AskBuffer


class Next(NamedTuple):
    """The procedure has taken one answer of its AskMany and waits for the next."""


NEXT = Next()


class Answered(NamedTuple):
    """One request of an AskMany with its reply."""

    request: Request
    reply: Reply


class FileAnswered(NamedTuple):
    """One request of an AskManyFiles with its reply."""

    request: FileRequest
    reply: FileReply | Failure


class BufferAnswered(NamedTuple):
    """One request of an AskManyBuffers with its reply."""

    request: BufferRequest
    reply: BufferReply | Failure


Asked = Ask | AskFile | AskBuffer | AskMany | AskManyFiles | AskManyBuffers | AskAlso | Next | AwaitTurn
"""What a procedure yields."""
_Result = TypeVar("_Result")
_FileReply = TypeVar("_FileReply", bound=FileReply)
_BufferReply = TypeVar("_BufferReply", bound=BufferReply)
Answer = Reply | FileReply | BufferReply | Answered | FileAnswered | BufferAnswered | None
Asking = Generator[Asked, Answer, _Result]
"""After Ask a Reply is sent, after AskFile a FileReply, after AskBuffer a BufferReply, after each of these a Failure if
there is none; after AskMany or NEXT an Answered or its like, and None at the end, after AwaitTurn None."""
Procedure = Asking[None]

NumberedAction = tuple[int, Action]
"""An action and its position in the batch."""
NumberedProcedure = tuple[Sequence[int], Procedure]
"""A procedure and the positions of the actions that its requests change something for."""


def ask(side: Side, request: Request, *, size_bytes: int = 0, reserves: bool = True) -> Asking[Reply]:
    """Send one request and return its reply (a Failure is a reply); `size_bytes` and `reserves` as in Ask."""
    reply = yield Ask(side, request, size_bytes, reserves)
    assert reply is not None  # noqa: S101  the performer's side of the protocol
    assert not isinstance(reply, Answered | FileAnswered | BufferAnswered | FileReply | BufferReply)  # noqa: S101
    return reply


def ask_file(
    side: Side, request: FileRequest, kind: type[_FileReply], *, held_bytes: int = 0
) -> Asking[_FileReply | Failure]:
    """Ask the folder of a side and return its reply, which is of that kind; `held_bytes` as in AskFile."""
    reply = yield AskFile(side, request, held_bytes)
    assert isinstance(reply, kind | Failure)  # noqa: S101  each request has its own kind of reply
    return reply


def ask_buffer(request: BufferRequest, kind: type[_BufferReply]) -> Asking[_BufferReply | Failure]:
    """Ask this process's memory and return its reply, which is of that kind."""
    reply = yield AskBuffer(request)
    assert isinstance(reply, kind | Failure)  # noqa: S101  each request has its own kind of reply
    return reply


class TagHabit(Enum):
    """What has turned out about the tags of a bucket's objects, where an answer does not count them."""

    COUNTED = "counted"  # by the store, wherever there are some
    NOT_OFFERED = "not offered"


@dataclass(slots=True)
class BatchContext:
    """What every procedure of one batch works with."""

    task: BatchTask
    emit: Callable[[Progress], None]
    clock: Callable[[], float]  # seconds, monotonic
    without_batch_deletes: set[tuple[str | None, str]] = field(default_factory=set)  # shared by a worker's batches
    tag_habits: dict[tuple[str, str | None, str], TagHabit] = field(default_factory=dict)  # by connection, too
    buffer: Callable[[int], memoryview | None] = lambda size_bytes: memoryview(bytearray(size_bytes))  # None: no room
    _began_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._began_s = self.clock()

    @property
    def left_of_first_second_s(self) -> float:
        """How long, at most, the store's clock still shows the second in which this attempt was durably begun."""
        passed_s = self.clock() - self._began_s
        return max(0.0, 1.0 - self.task.begun_at_ms % 1000 / 1000 - passed_s)

    @property
    def deletes_in_batches(self) -> bool:
        """Whether the destination's store is not known to lack DeleteObjects."""
        return (self.destination.endpoint, self.destination.bucket) not in self.without_batch_deletes

    def note_no_batch_deletes(self) -> None:
        """The destination's store has turned out to lack DeleteObjects: it is not asked again by this worker."""
        self.without_batch_deletes.add((self.destination.endpoint, self.destination.bucket))

    @property
    def source(self) -> PlanLocation:
        """The location that copies read from."""
        source = self.task.source
        if source is None:
            raise ValueError("this batch has no source location")
        return source

    @property
    def destination(self) -> PlanLocation:
        """The location that is written to or deleted from."""
        return self.task.destination

    def source_key(self, action: Action) -> str:
        """Return the whole key of the source object."""
        return self.source.prefix + action.key.decode()

    def destination_key(self, action: Action) -> str:
        """Return the whole key of the destination object."""
        relative = action.key if action.destination_key is None else action.destination_key
        return self.destination.prefix + relative.decode()

    def is_enforced(self, condition: Condition) -> bool:
        """Return whether the store itself holds this pin; otherwise it is looked at first."""
        return self.task.settings.capabilities[condition].by_store

    def unclear_since_ms(self, position: int) -> int | None:
        """Return the durable start of the first attempt at an action whose end is unclear, None if there is none.

        By the store's clock.
        """
        if not is_in(position, self.task.doubtful):
            return None
        return self.task.doubtful_since_ms.get(position, self.task.begun_at_ms)
