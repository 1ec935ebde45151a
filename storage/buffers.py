"""Bytes on their way through this process: memory for them, and threads that sum them up."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.requests.buffers import BufferReply, BufferRequest, BufferSummed, BufferTaken, SumBuffer, TakeBuffer
from s3plan.storage.folder.hashing import hash_pieces
from s3plan.storage.folder.memory_budget import MemoryBudget
from s3plan.storage.request_threads import RequestThreads


class Buffers:
    """Answers BufferRequests on threads of its own, so that none that sends or receives has to wait, or to hash.

    Who asks for memory is served in turn; what was taken is given back when nobody views it.
    """

    def __init__(self, memory: MemoryBudget, *, threads: int) -> None:
        self._memory = memory
        self._taking = RequestThreads(1, name="s3plan-buffer", on_end=_nothing)
        self._summing = RequestThreads(threads, name="s3plan-sum", on_end=_nothing)

    def submit(self, request: BufferRequest, on_reply: Callable[[BufferReply | Failure], None]) -> None:
        """Answer; `on_reply` is called exactly once, on one of the threads."""
        threads = self._taking if isinstance(request, TakeBuffer) else self._summing
        threads.submit(partial(self._answer, request, on_reply))

    def close(self) -> None:
        """Take no more requests; those that were taken are still answered."""
        self._taking.close()
        self._summing.close()

    def _answer(self, request: BufferRequest, on_reply: Callable[[BufferReply | Failure], None]) -> None:
        try:
            reply = self._reply_to(request)
        except Exception as error:  # noqa: BLE001  the thread is for all
            reply = Failure(FailureKind.LOCAL_IO, type(request).__name__, type(error).__name__, str(error))
        del request
        on_reply(reply)

    def _reply_to(self, request: BufferRequest) -> BufferReply | Failure:
        if isinstance(request, SumBuffer):
            return BufferSummed(dict(hash_pieces((request.content,), request.algorithms)[0].digests))
        return BufferTaken(self._memory.wait_for_buffer(request.size_bytes))


def _nothing() -> None:
    return
