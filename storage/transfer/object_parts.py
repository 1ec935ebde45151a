"""One large object that is made of another one in parts: both are looked at before anything is sent.

An upload inherits nothing of its source, so what the new object is to carry is set again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import HeadObject, ObjectFound, Reply
from s3plan.storage.listing.object_look import as_unexplained, listing_of, says_nothing, told_by_listing
from s3plan.storage.s3.store_quirks import quirks_of
from s3plan.storage.steps import Asking, BatchContext, ask
from s3plan.storage.transfer.attributes.object_mapping import attributes_of_copy
from s3plan.storage.transfer.attributes.source_tags import read_tags
from s3plan.storage.transfer.attributes.untold_metadata import judge_untold_metadata
from s3plan.storage.transfer.evidence import Made, evidence_of
from s3plan.storage.transfer.multipart import Parts, abort_known, expected_etag, make_in_parts
from s3plan.storage.transfer.part_sizes import DEFAULT_PART_BYTES, choose_part_size
from s3plan.storage.transfer.settlement import (
    ended_badly,
    look_at_destination,
    moved_destination,
    moved_source,
    pinned,
    settle_copy,
    weigh,
)
from s3plan.storage.transfer.verifying import prove_ours, source_of
from s3plan.storage.verification.asked_sides import AskedSide

MakeParts = Callable[[BatchContext, int, Action, ObjectFound], Parts]
"""Gives the parts of an object, which was found to be the planned one."""


def make_of_object(context: BatchContext, position: int, action: Action, make: MakeParts) -> Asking[Outcome]:
    """Return how an action ended that makes an object of the parts of another one, which `make` gives."""
    source = yield from look_at_planned(context, action)
    found = yield from look_at_destination(context, action)
    ended = yield from _judge_first_look(context, position, action, source, found)
    if ended is not None:
        return ended
    assert isinstance(source, ObjectFound)  # noqa: S101  _judge_first_look ends every other case
    return (yield from make_in_parts(context, position, action, make(context, position, action, source)))


def look_at_planned(context: BatchContext, action: Action) -> Asking[Reply]:
    """Return the source with its attributes, which only HEAD tells; NOT_FOUND also where only a listing says so."""
    location, key = context.source, context.source_key(action)
    request = HeadObject(location.bucket, key, action.source_version, owner=location.owner)
    found = yield from ask(Side.SOURCE, request)
    if not says_nothing(found) or action.source_version is not None:
        return found
    listing = listing_of(location, key)
    listed = told_by_listing(key, listing, (yield from ask(Side.SOURCE, listing)), otherwise=found)
    return as_unexplained(found) if isinstance(listed, ObjectFound) else listed


def _judge_first_look(
    context: BatchContext, position: int, action: Action, source: Reply, found: Reply
) -> Asking[Outcome | None]:
    if isinstance(found, Failure) and found.kind is not FailureKind.NOT_FOUND:
        return ended_badly(position, found)
    here = found if isinstance(found, ObjectFound) else None
    if here is not None:
        known = expected_etag(context, position, action)
        made = Made(
            action,
            context.unclear_since_ms(position),
            known,
            pinned(action, source),
            tells_time=action.kind is ActionKind.COPY,
        )
        evidence = evidence_of(here, made)
        if evidence is not None:
            yield from abort_known(context, position, action)
            source_found = source if isinstance(source, ObjectFound) else None
            return (yield from weigh(context, position, action, evidence, here, source=source_found))
    moved = moved_destination(action, here)
    if moved is None and isinstance(source, Failure):
        if source.kind is not FailureKind.NOT_FOUND:
            return ended_badly(position, source)
        moved = "source gone"
    if moved is None and isinstance(source, ObjectFound):
        moved = moved_source(action, source)
    if moved is None:
        return None
    yield from abort_known(context, position, action)
    stale = Outcome(position, OutcomeKind.STALE, moved)
    if action.kind is not ActionKind.RELAY or pinned(action, source) is None:
        return stale
    # Killed between Complete and the next commit, an attempt has left an object of parts that nobody has journaled.
    since_ms = context.unclear_since_ms(position)
    return (yield from prove_ours(context, position, action, found, since_ms=since_ms, stale=stale, reads=True))


class ObjectParts:
    """What holds for the Parts of an object, however they come across; `found` is the source as it was looked at."""

    DEFAULT_BYTES: ClassVar[int] = DEFAULT_PART_BYTES

    def __init__(self, context: BatchContext, position: int, action: Action, source: ObjectFound) -> None:
        self.context = context
        self.position = position
        self.action = action
        self.found = source
        self.part_size_bytes = choose_part_size(
            action.size_bytes,
            context.task.settings.part_size_bytes,
            default_bytes=self.DEFAULT_BYTES,
            quirks=quirks_of(context.destination.store),
        )

    def attributes(self) -> Asking[ObjectAttributes | Failure]:
        """Return those of the source as the job changes them: a multipart copy inherits nothing."""
        given, source = self.context.task.settings.given, self.found.attributes
        untold = judge_untold_metadata(self.context, self.position, self.found)
        if untold is not None:
            return untold
        if given.keeps_tags:
            tags = yield from read_tags(self.context, self.position, self.action, self.found)
            if isinstance(tags, Failure):
                return tags
            source = replace(source, tags=tags)
        return attributes_of_copy(given, self.context.destination_key(self.action), source)

    def settle(self, failure: Failure, *, multipart_etag: str | None = None, is_write: bool = True) -> Asking[Outcome]:
        """Look at both sides."""
        context, position, action = self.context, self.position, self.action
        return (
            yield from settle_copy(
                context,
                position,
                action,
                failure,
                multipart_etag=multipart_etag,
                is_write=is_write,
                tells_time=action.kind is ActionKind.COPY,
            )
        )

    def source(self) -> AskedSide | None:
        """Return what was looked at before the first part."""
        return source_of(self.context, self.action, found=self.found)
