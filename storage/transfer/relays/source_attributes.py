"""What a relayed object carries besides its bytes: what the answer to a GET or a HEAD of its source says, and tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import ObjectFound
from s3plan.schemas.stores.quirks import Support
from s3plan.storage.s3.store_quirks import quirks_of
from s3plan.storage.steps import Asking, BatchContext, TagHabit
from s3plan.storage.transfer.attributes.object_mapping import attributes_of_copy
from s3plan.storage.transfer.attributes.source_tags import place_of_tags, read_tags
from s3plan.storage.transfer.attributes.untold_metadata import judge_untold_metadata
from s3plan.storage.transfer.settlement import look_at_source, moved_source


def read_attributes(
    context: BatchContext, position: int, action: Action, found: ObjectFound, *, is_fetched: bool = False
) -> Asking[ObjectAttributes | Failure]:
    """Return what a new object is to carry; `found` is its source, as the store has just described it.

    Tags cost a request only where the store may have some and does not count them: one that has once counted some
    always does, and one that has none never will. No condition can go with that request: where all bytes were fetched
    before it (`is_fetched`), the source is looked at once more, so that another object's tags never go with them.
    """
    given, key = context.task.settings.given, context.destination_key(action)
    source = found.attributes
    untold = judge_untold_metadata(context, position, found)
    if untold is not None:
        return untold
    if given.keeps_tags:
        tags = yield from _tags(context, position, action, found)
        if not isinstance(tags, Failure) and is_fetched and (tags or found.tag_count):
            tags = (yield from _moved(context, action)) or tags
        if isinstance(tags, Failure):
            return tags
        if tags:
            source = replace(source, tags=tags)
    return attributes_of_copy(given, key, source)


def _moved(context: BatchContext, action: Action) -> Asking[Failure | None]:
    looked = yield from look_at_source(context, action)
    if isinstance(looked, Failure):
        return looked
    assert isinstance(looked, ObjectFound)  # noqa: S101  a look answers nothing else
    moved = moved_source(action, looked)
    if moved is None:
        return None
    return Failure(FailureKind.PRECONDITION, "GetObjectTagging", "SourceChanged", moved, side=Side.SOURCE)


def _tags(
    context: BatchContext, position: int, action: Action, found: ObjectFound
) -> Asking[Mapping[str, str] | Failure]:
    habits, where = context.tag_habits, place_of_tags(context)
    if found.tag_count:
        habits[where] = TagHabit.COUNTED
    elif found.tag_count == 0 or where in habits or quirks_of(context.source.store).tags is Support.NO:
        return {}
    return (yield from read_tags(context, position, action, found))
