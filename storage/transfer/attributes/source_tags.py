"""The tags of a source, read where they are set again on what is made of it: copies in parts, relays, changed tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Remark
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import GetObjectTags, ObjectFound, TagsFound
from s3plan.schemas.stores.quirks import Support
from s3plan.storage.s3.store_quirks import is_known_by_host, quirks_of
from s3plan.storage.steps import Asking, BatchContext, TagHabit, ask

_NONE = "NoSuchTagSet"  # what stores other than AWS say of an object without tags
_GONE = frozenset({FailureKind.NO_SUCH_BUCKET, FailureKind.NO_SUCH_UPLOAD})
_GONE_CODES = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchObject"})
_NOT_IMPLEMENTED = 501
_NOT_OFFERED = frozenset({404, 405, _NOT_IMPLEMENTED})
_UNREADABLE = "it is copied without its tags, if it has any: they cannot be read without s3:GetObjectTagging"
_WOULD_BE_GONE = (
    "nobody says whether it has tags, and its source would be removed with them: to move it without, leave tags out "
    "of preserve"
)
_REFUSED = "it is copied without its tags, if it has any: the store refuses to list them"


def place_of_tags(context: BatchContext) -> tuple[str, str | None, str]:
    """Return what habits are kept by: stores count tags for callers that may read them, so whose request it is, too."""
    return context.source.connection, context.source.endpoint, context.source.bucket


def read_tags(
    context: BatchContext, position: int, action: Action, source: ObjectFound
) -> Asking[Mapping[str, str] | Failure]:
    """Return the source's tags, or why they are not known and the copy must not go on without them.

    AWS counts the tags of an object that has some in its HEAD, but not for a caller that may not read them, and some
    stores never do: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html. So they are asked for unless
    there are none, or the store is known to have no tags. Where nobody says that there are any, a refusal is told, and
    does not stop the copy; but it does where the source is removed afterwards.

    Stores without tags answer 404, 405 or 501, some a bare 400, which may have another reason, so that one is told.
    Where HEAD has counted tags, none of these is believed. What an answer shows of the whole bucket is noted.
    """
    if source.tag_count == 0 or (source.tag_count is None and quirks_of(context.source.store).tags is Support.NO):
        return {}
    request = GetObjectTags(
        context.source.bucket, context.source_key(action), action.source_version, owner=context.source.owner
    )
    reply = yield from ask(Side.SOURCE, request)
    where = place_of_tags(context)
    if isinstance(reply, TagsFound):
        if _counts_tags(context.source):  # to these credentials, as it turns out
            context.tag_habits[where] = TagHabit.COUNTED
        return reply.tags
    assert isinstance(reply, Failure)  # noqa: S101  GetObjectTagging answers nothing else
    if source.tag_count is not None or reply.kind in _GONE or reply.code in _GONE_CODES:
        return reply
    if reply.code == _NONE or reply.status in _NOT_OFFERED or reply.kind is FailureKind.UNSUPPORTED:
        if reply.status == _NOT_IMPLEMENTED:
            context.tag_habits[where] = TagHabit.NOT_OFFERED
        return {}
    if reply.kind in (FailureKind.DENIED, FailureKind.INVALID):
        if context.task.settings.removes_source:
            return replace(reply, message=f"{reply.message or 'refused'}; {_WOULD_BE_GONE}")
        context.emit(Remark(position, _UNREADABLE if reply.kind is FailureKind.DENIED else f"{_REFUSED} ({reply})"))
        return {}
    return reply


def _counts_tags(source: PlanLocation) -> bool:
    """Return whether a store is known to count tags: by its host, since a row that is merely named may be wrong."""
    return quirks_of(source.store).counts_tags is Support.YES and is_known_by_host(source.store, source.endpoint)
