"""One large object copied in parts: UploadPartCopy under a multipart upload of our own, resumable part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import HeadObject, ObjectFound, ObjectWritten, Reply
from s3plan.schemas.requests.uploads import UploadPartCopy
from s3plan.storage.listing.object_look import as_unexplained, listing_of, says_nothing, told_by_listing
from s3plan.storage.s3.store_quirks import quirks_of
from s3plan.storage.steps import NEXT, Answered, Ask, Asking, AskMany, BatchContext, Procedure, ask
from s3plan.storage.transfer.attributes.object_mapping import attributes_of_copy
from s3plan.storage.transfer.attributes.source_tags import read_tags
from s3plan.storage.transfer.copies.copying import proof_of_copy
from s3plan.storage.transfer.evidence import Made, evidence_of
from s3plan.storage.transfer.multipart import ByteRange, Upload, abort_known, expected_etag, make_in_parts, note_part
from s3plan.storage.transfer.part_sizes import choose_part_size
from s3plan.storage.transfer.settlement import (
    ended_badly,
    look_at_destination,
    moved_destination,
    moved_source,
    pinned,
    settle_copy,
    weigh,
)
from s3plan.storage.transfer.verifying import source_of
from s3plan.storage.verification.asked_sides import AskedSide


def copy_in_parts(context: BatchContext, position: int, action: Action) -> Procedure:
    """Copy one large object; tells exactly one outcome, and each part as it is stored.

    Both sides are looked at first: that is two requests against an object of a gibibyte or more. A multipart copy
    inherits nothing, so metadata, content headers, tags and encryption are set again. An upload that an earlier
    attempt has journaled is taken up where it stopped; no other is ever touched.
    """
    outcome = yield from _copy(context, position, action)
    context.emit(outcome)


def _copy(context: BatchContext, position: int, action: Action) -> Asking[Outcome]:
    source = yield from _look_at_source(context, action)
    found = yield from look_at_destination(context, action)
    ended = yield from _judge_first_look(context, position, action, source, found)
    if ended is not None:
        return ended
    assert isinstance(source, ObjectFound)  # noqa: S101  _judge_first_look ends every other case
    return (yield from make_in_parts(context, position, action, _CopiedParts(context, position, action, source)))


def _look_at_source(context: BatchContext, action: Action) -> Asking[Reply]:
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
        made = Made(action, context.unclear_since_ms(position), known, pinned(action, source))
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
    return Outcome(position, OutcomeKind.STALE, moved)


class _CopiedParts:
    """The Parts of a copy: ranges of the source, which the store copies itself."""

    def __init__(self, context: BatchContext, position: int, action: Action, source: ObjectFound) -> None:
        self._context = context
        self._position = position
        self._action = action
        self._source = source
        self.part_size_bytes = choose_part_size(
            action.size_bytes,
            context.task.settings.part_size_bytes,
            quirks=quirks_of(context.destination.store),
        )

    def attributes(self) -> Asking[ObjectAttributes | Failure]:
        """Return those of the source as the job changes them: a multipart copy inherits nothing."""
        given, source = self._context.task.settings.given, self._source.attributes
        if given.keeps_tags:
            tags = yield from read_tags(self._context, self._position, self._action, self._source)
            if isinstance(tags, Failure):
                return tags
            source = replace(source, tags=tags)
        return attributes_of_copy(given, self._context.destination_key(self._action), source)

    def send(self, upload: Upload, ranges: Sequence[ByteRange]) -> Procedure:
        """Have the parts copied that are missing, several at a time."""
        answer = yield AskMany(self._asks(upload, ranges))
        while isinstance(answer, Answered):
            request, reply = answer
            assert isinstance(request, UploadPartCopy)  # noqa: S101
            if isinstance(reply, ObjectWritten) and reply.etag is not None:
                note_part(self._context, self._position, upload, request.number, reply.etag)
            elif isinstance(reply, Failure):
                upload.failures.append(reply)
            answer = yield NEXT

    def settle(self, failure: Failure, *, multipart_etag: str | None = None, is_write: bool = True) -> Asking[Outcome]:
        """Look at both sides."""
        context, position, action = self._context, self._position, self._action
        return (
            yield from settle_copy(context, position, action, failure, multipart_etag=multipart_etag, is_write=is_write)
        )

    def proof(self, _upload: Upload, reply: ObjectWritten, /) -> str:
        """Return BY_PARTS if the source is made of the same parts."""
        return proof_of_copy(self._action, reply)

    def crc64nvme(self, _upload: Upload, _ranges: Sequence[ByteRange], /) -> Asking[str | Failure | None]:
        """Return None: the bytes do not pass through us."""
        yield from ()
        return None

    def source(self) -> AskedSide | None:
        """Return what was looked at before the first part."""
        return source_of(self._context, self._action, found=self._source)

    def moved(self) -> Asking[str | Failure | None]:
        """Look at the source once more, where the store does not hold its pin."""
        if self._context.is_enforced(Condition.PART_SOURCE_MATCH):
            return None
        source = yield from _look_at_source(self._context, self._action)
        if isinstance(source, Failure) and source.kind is not FailureKind.NOT_FOUND:
            return source
        return moved_source(self._action, source) if isinstance(source, ObjectFound) else "source gone"

    def _asks(self, upload: Upload, ranges: Sequence[ByteRange]) -> Iterator[Ask]:
        context, action = self._context, self._action
        for number, (first_byte, last_byte) in enumerate(ranges, start=1):
            if any(not failure.kind.is_retryable for failure in upload.failures):
                return
            if number not in upload.etags:
                request = UploadPartCopy(
                    context.destination.bucket,
                    context.destination_key(action),
                    upload.upload_id,
                    number,
                    context.source.bucket,
                    context.source_key(action),
                    first_byte,
                    last_byte,
                    action.source_pin if context.is_enforced(Condition.PART_SOURCE_MATCH) else None,
                    action.source_version,
                    context.destination.owner,
                    context.source.owner,
                    context.task.settings.source_requester_pays,
                )
                yield Ask(Side.DESTINATION, request, last_byte - first_byte + 1)
