"""What a server-side copy has instead of what its source carries: it is replaced whole, so what is kept is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Outcome
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import NO_ATTRIBUTES, GivenAttributes, ObjectAttributes
from s3plan.schemas.requests.objects import HeadObject, ObjectFound
from s3plan.storage.steps import Asking, BatchContext, ask
from s3plan.storage.transfer.attributes.object_mapping import attributes_of_copy
from s3plan.storage.transfer.attributes.source_tags import read_tags
from s3plan.storage.transfer.attributes.untold_metadata import judge_untold_metadata
from s3plan.storage.transfer.settlement import ended_badly, moved_source, settle_copy


@dataclass(frozen=True, slots=True)
class Replacing:
    """What the new object has instead of its source's; None: the store copies that itself."""

    attributes: ObjectAttributes | None = None
    tags: Mapping[str, str] | None = None


NOTHING_REPLACED = Replacing()


def read_replacing(context: BatchContext, position: int, action: Action) -> Asking[Replacing | Outcome]:
    """Return what a copy in one request replaces, or how it has ended: its source is not the planned one any more.

    The source is asked only where some of what is replaced is kept of it.
    """
    given = context.task.settings.given
    if not (given.changes_metadata or given.changes_tags):
        return NOTHING_REPLACED
    source = NO_ATTRIBUTES
    if _keeps_some(given):
        found = yield from _read_source(context, position, action, given)
        if isinstance(found, Outcome):
            return found
        source = found
    made = attributes_of_copy(given, context.destination_key(action), source)
    return Replacing(made if given.changes_metadata else None, made.tags if given.changes_tags else None)


def _keeps_some(given: GivenAttributes) -> bool:
    keeps_metadata = given.changes_metadata and (given.keeps_metadata or given.keeps_content)
    return keeps_metadata or (given.changes_tags and given.keeps_tags)


def _read_source(
    context: BatchContext, position: int, action: Action, given: GivenAttributes
) -> Asking[ObjectAttributes | Outcome]:
    location = context.source
    request = HeadObject(location.bucket, context.source_key(action), action.source_version, owner=location.owner)
    found = yield from ask(Side.SOURCE, request)
    if isinstance(found, Failure):
        return (yield from settle_copy(context, position, action, found, is_write=False))
    assert isinstance(found, ObjectFound)  # noqa: S101  HeadObject answers nothing else
    moved = moved_source(action, found)
    if moved is not None:
        failure = Failure(FailureKind.PRECONDITION, "HeadObject", "SourceChanged", moved)
        return (yield from settle_copy(context, position, action, failure, is_write=False))
    untold = judge_untold_metadata(context, position, found) if given.changes_metadata else None
    if untold is not None:
        return ended_badly(position, untold)
    if not (given.changes_tags and given.keeps_tags):
        return found.attributes
    tags = yield from read_tags(context, position, action, found)
    return ended_badly(position, tags) if isinstance(tags, Failure) else replace(found.attributes, tags=tags)
