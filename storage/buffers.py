"""Bytes on their way through this process: memory for them, and threads that sum them up."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.requests.buffers import (
    BufferReply,
    BufferRequest,
    BufferSummed,
    BufferTaken,
    RoomTaken,
    SumBuffer,
    TakeBuffer,
)
from s3plan.storage.folder.hashing import hash_body, hash_pieces
from s3plan.storage.memory_budget import MemoryBudget
from s3plan.storage.request_threads import RequestThreads
from s3plan.storage.rooms import FileRoom, MemoryRoom

_LARGE = 4  # what is more than that part of all memory goes to a file
_MOST_SPOOLED_BYTES = 4 << 30


class Buffers:
    """Answers BufferRequests on threads of its own, so that none that sends or receives has to wait, or to hash.

    Who asks for room is served in turn; what was taken is given back when nobody has it any more.
    """

    def __init__(self, memory: MemoryBudget, *, threads: int) -> None:
        self._memory = memory
        self._disk = MemoryBudget(_MOST_SPOOLED_BYTES)
        self._taking = RequestThreads(1, name="s3plan-buffer", on_end=_nothing)
        self._summing = RequestThreads(threads, name="s3plan-sum", on_end=_nothing)

    def submit(self, request: BufferRequest, on_reply: Callable[[BufferReply | Failure], None]) -> None:
        """Answer; `on_reply` is called exactly once, on one of the threads."""
        threads = self._summing if isinstance(request, SumBuffer) else self._taking
        threads.submit(partial(self._answer, request, on_reply))

    def close(self) -> None:
        """Take no more requests; those that were taken are still answered."""
        self._taking.close()
        self._summing.close()

    def _answer(self, request: BufferRequest, on_reply: Callable[[BufferReply | Failure], None]) -> None:
        try:
            reply = self._reply_to(request)
        except Exception as error:  # noqa: BLE001  the thread is for all
            said = f"room for bytes on their way cannot be had: {error}"
            reply = Failure(FailureKind.LOCAL_IO, type(request).__name__, type(error).__name__, said)
        del request
        on_reply(reply)

    def _reply_to(self, request: BufferRequest) -> BufferReply | Failure:
        if isinstance(request, SumBuffer):
            content = request.content
            if isinstance(content, memoryview):
                return BufferSummed(hash_pieces((content,), request.algorithms)[0].digests)
            return BufferSummed(hash_body(content, request.algorithms)[0].digests)
        if isinstance(request, TakeBuffer):
            return BufferTaken(self._memory.wait_for_buffer(request.size_bytes))
        if request.size_bytes * _LARGE <= self._memory.most_bytes:
            return RoomTaken(MemoryRoom(self._memory.wait_for_memory(request.size_bytes), on_end=self._memory.keep))
        self._disk.take(request.size_bytes)
        try:
            return RoomTaken(FileRoom(request.size_bytes, on_end=lambda: self._disk.give_back(request.size_bytes)))
        except OSError:
            self._disk.give_back(request.size_bytes)
            raise


def _nothing() -> None:
    return
