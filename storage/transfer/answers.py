"""What has come back for a request, as the procedure that asked is sent it."""

from __future__ import annotations

from dataclasses import replace

from s3plan.schemas.failures import Failure
from s3plan.schemas.files.requests import FileReply
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.buffers import BufferReply
from s3plan.schemas.requests.objects import KeysDeleted, Reply
from s3plan.storage.steps import Answered, Ask, AskBuffer, AskFile, BufferAnswered, FileAnswered

AskOne = Ask | AskFile | AskBuffer
OneReply = Reply | FileReply | BufferReply


def answered(asked: AskOne, reply: OneReply) -> Answered | FileAnswered | BufferAnswered:
    """Return an answer to one of many requests, as its procedure is sent it."""
    if isinstance(asked, AskFile):
        assert isinstance(reply, FileReply | Failure)  # noqa: S101  each kind of place has its own kind of reply
        return FileAnswered(asked.request, reply)
    if isinstance(asked, AskBuffer):
        assert isinstance(reply, BufferReply | Failure)  # noqa: S101
        return BufferAnswered(asked.request, reply)
    assert not isinstance(reply, FileReply | BufferReply)  # noqa: S101
    return Answered(asked.request, reply)


def from_side(side: Side, reply: Failure | KeysDeleted) -> Failure | KeysDeleted:
    """Return a reply whose failures say which side was asked."""
    if isinstance(reply, Failure):
        return replace(reply, side=side)
    if not reply.failures:
        return reply
    return replace(reply, failures={key: replace(failure, side=side) for key, failure in reply.failures.items()})
