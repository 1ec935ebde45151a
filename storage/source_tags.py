"""The tags that a copy in parts has to set again."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from s3plan.schemas.actions import Action
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Remark
from s3plan.schemas.requests import GetObjectTags, ObjectFound, Reply, TagsFound
from s3plan.storage.steps import Answer, Ask, AskMany, BatchContext, Next, Side, ask

_UNREADABLE = "it is copied without tags, should it have any: they cannot be read without s3:GetObjectTagging"


def read_tags(
    context: BatchContext, position: int, action: Action, source: ObjectFound
) -> Generator[Ask | AskMany | Next, Reply | Answer | None, Mapping[str, str] | Failure]:
    """Return the source's tags, or why they are not known and the copy must not go on without them.

    AWS counts the tags of an object that has some in its HEAD, but not for a caller that may not read them, and some
    stores never do: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html. So they are asked for unless
    there are none. Where nobody says that there are any, a refusal is told, and does not stop the copy.
    """
    if source.tag_count == 0:
        return {}
    request = GetObjectTags(
        context.source.bucket, context.source_key(action), action.source_version, owner=context.source.owner
    )
    reply = yield from ask(Side.SOURCE, request)
    if isinstance(reply, TagsFound):
        return reply.tags
    assert isinstance(reply, Failure)  # noqa: S101  GetObjectTagging answers nothing else
    if source.tag_count is None and reply.kind is FailureKind.UNSUPPORTED:
        return {}  # a store without tags
    if source.tag_count is None and reply.kind is FailureKind.DENIED:
        context.emit(Remark(position, _UNREADABLE))
        return {}
    return reply
