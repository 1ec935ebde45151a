"""One large object copied in parts: UploadPartCopy under a multipart upload of our own, resumable part by part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind, PartDone, Remark, UploadBegun, UploadEnded
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import HeadObject, ObjectFound, ObjectWritten, Reply
from s3plan.schemas.requests.uploads import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    UploadOpened,
    UploadPartCopy,
)
from s3plan.storage.listing.object_look import as_unexplained, listing_of, says_nothing, told_by_listing
from s3plan.storage.steps import NEXT, Answered, Ask, Asking, AskMany, AwaitTurn, BatchContext, Procedure, ask
from s3plan.storage.transfer.evidence import Made, evidence_of, multipart_etag_of
from s3plan.storage.transfer.part_sizes import choose_part_size, part_ranges
from s3plan.storage.transfer.settlement import (
    already_done,
    ended_badly,
    look_at_destination,
    moved_destination,
    moved_source,
    not_executed,
    pinned,
    settle_copy,
)
from s3plan.storage.transfer.source_tags import read_tags
from s3plan.storage.transfer.uploads import list_stored_parts, matching_parts, tell_open_uploads


@dataclass(slots=True)
class _Upload:
    """An open upload and the parts that it is known to hold."""

    upload_id: str
    part_size_bytes: int
    etags: dict[int, str] = field(default_factory=dict)


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
    upload = yield from _take_up_or_open(context, position, action, source)
    if isinstance(upload, Outcome):
        return upload
    ended = yield from _copy_parts(context, position, action, upload)
    if ended is not None:
        return ended
    return (yield from _complete(context, position, action, upload))


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
        known = _expected_etag(context, position, action)
        made = Made(action, context.unclear_since_ms(position), known, pinned(action, source))
        evidence = evidence_of(here, made)
        if evidence is not None:
            yield from _abort_known(context, position, action)
            return already_done(position, evidence)
    moved = moved_destination(action, here)
    if moved is None and isinstance(source, Failure):
        if source.kind is not FailureKind.NOT_FOUND:
            return ended_badly(position, source)
        moved = "source gone"
    if moved is None and isinstance(source, ObjectFound):
        moved = moved_source(action, source)
    if moved is None:
        return None
    yield from _abort_known(context, position, action)
    return Outcome(position, OutcomeKind.STALE, moved)


def _expected_etag(context: BatchContext, position: int, action: Action) -> str | None:
    for upload in context.task.uploads:
        if upload.position == position:
            count = len(part_ranges(action.size_bytes, upload.part_size_bytes))
            if len(upload.parts) == count:
                return multipart_etag_of([etag for _, etag in sorted(upload.parts)])
    return None


def _abort_known(context: BatchContext, position: int, action: Action) -> Procedure:
    for upload in context.task.uploads:
        if upload.position == position:
            yield from _abort(context, position, action, upload.upload_id)


def _abort(context: BatchContext, position: int, action: Action, upload_id: str) -> Procedure:
    location = context.destination
    reply = yield from ask(
        Side.DESTINATION,
        AbortMultipartUpload(location.bucket, context.destination_key(action), upload_id, owner=location.owner),
    )
    if isinstance(reply, Failure) and reply.kind is not FailureKind.NO_SUCH_UPLOAD:
        context.emit(
            Remark(
                position,
                f"upload {upload_id} could not be aborted and still takes space ({reply}); abort it with another tool",
            )
        )
        return
    context.emit(UploadEnded(position, upload_id))


def _take_up_or_open(
    context: BatchContext, position: int, action: Action, source: ObjectFound
) -> Asking[_Upload | Outcome]:
    part_size_bytes = choose_part_size(action.size_bytes, context.task.settings.part_size_bytes)
    known = next((upload for upload in context.task.uploads if upload.position == position), None)
    if known is not None:
        stored = yield from list_stored_parts(context, action, known.upload_id)
        if not isinstance(stored, Failure):
            ranges = part_ranges(action.size_bytes, known.part_size_bytes)
            etags = matching_parts(stored, ranges, journaled=dict(known.parts))
            return _Upload(known.upload_id, known.part_size_bytes, etags)
        if stored.kind is not FailureKind.NO_SUCH_UPLOAD:
            return ended_badly(position, stored)
        context.emit(UploadEnded(position, known.upload_id))
    elif (since_ms := context.unclear_since_ms(position)) is not None:
        yield from tell_open_uploads(context, position, action, since_ms=since_ms)
    return (yield from _open(context, position, action, source, part_size_bytes))


def _open(
    context: BatchContext, position: int, action: Action, source: ObjectFound, part_size_bytes: int
) -> Asking[_Upload | Outcome]:
    tags = yield from read_tags(context, position, action, source)
    if isinstance(tags, Failure):
        return ended_badly(position, tags)
    attributes = ObjectAttributes(source.attributes.metadata, source.attributes.headers, tags)
    location = context.destination
    reply = yield from ask(
        Side.DESTINATION,
        CreateMultipartUpload(
            location.bucket,
            context.destination_key(action),
            attributes,
            action.storage_class,
            context.task.settings.encryption,
            owner=location.owner,
        ),
    )
    if isinstance(reply, Failure):
        # Nothing is visible at the destination yet; an upload that was opened by it takes space, though.
        if reply.kind.is_unclear or (reply.status or 0) >= 500:
            yield from tell_open_uploads(context, position, action, since_ms=context.task.begun_at_ms)
        return ended_badly(position, reply)
    assert isinstance(reply, UploadOpened)  # noqa: S101
    context.emit(UploadBegun(position, reply.upload_id, part_size_bytes))
    return _Upload(reply.upload_id, part_size_bytes)


def _copy_parts(context: BatchContext, position: int, action: Action, upload: _Upload) -> Asking[Outcome | None]:
    """Copy the parts that are missing, several at a time; None when all are stored."""
    ranges = part_ranges(action.size_bytes, upload.part_size_bytes)
    failures: list[Failure] = []
    answer = yield AskMany(_part_asks(context, action, upload, ranges, failures))
    while isinstance(answer, Answered):
        request, reply = answer
        assert isinstance(request, UploadPartCopy)  # noqa: S101
        if isinstance(reply, ObjectWritten) and reply.etag is not None:
            upload.etags[request.number] = reply.etag
            context.emit(PartDone(position, upload.upload_id, request.number, reply.etag))
        elif isinstance(reply, Failure):
            failures.append(reply)
        answer = yield NEXT
    if len(upload.etags) == len(ranges):
        return None
    if failures:
        return (yield from _settle_parts(context, position, action, upload, failures))
    stored = yield from list_stored_parts(context, action, upload.upload_id)
    if isinstance(stored, Failure):
        return ended_badly(position, stored)
    upload.etags.update(matching_parts(stored, ranges))  # some stores send no ETag with a part copy
    if len(upload.etags) == len(ranges):
        return None
    kept = f"interrupted; {len(upload.etags)} of {len(ranges)} parts are kept"
    return Outcome(position, OutcomeKind.UNKNOWN, kept)


def _part_asks(
    context: BatchContext,
    action: Action,
    upload: _Upload,
    ranges: list[tuple[int, int]],
    failures: list[Failure],
) -> Iterator[Ask]:
    for number, (first_byte, last_byte) in enumerate(ranges, start=1):
        if any(not failure.kind.is_retryable for failure in failures):
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


def _settle_parts(
    context: BatchContext, position: int, action: Action, upload: _Upload, failures: list[Failure]
) -> Asking[Outcome]:
    """Decide by the worst failure: parts that were stored are kept unless the copy cannot be finished."""
    final = [failure for failure in failures if not (failure.kind.is_retryable or failure.kind.is_credentials)]
    if not final:
        credentials = [failure for failure in failures if failure.kind.is_credentials]
        return not_executed(position, (credentials or failures)[0])
    failure = final[0]
    if failure.kind is FailureKind.NO_SUCH_UPLOAD:
        context.emit(UploadEnded(position, upload.upload_id))
        outcome = yield from settle_copy(context, position, action, failure, is_write=False)
        return outcome._replace(failure=FailureKind.CONFLICT) if outcome.kind is OutcomeKind.UNKNOWN else outcome
    outcome = yield from settle_copy(context, position, action, failure, is_write=False)
    if outcome.kind is not OutcomeKind.UNKNOWN:
        yield from _abort(context, position, action, upload.upload_id)
    return outcome


def _complete(context: BatchContext, position: int, action: Action, upload: _Upload) -> Asking[Outcome]:
    if context.left_of_first_second_s:
        # LastModified has whole seconds: only in a later one is the object known for ours if this attempt is killed.
        yield AwaitTurn(0, reserves=False, wait_s=context.left_of_first_second_s)
    ended = yield from _look_before_complete(context, position, action, upload)
    if ended is not None:
        return ended
    location, pin = context.destination, action.destination_pin
    is_held = context.is_enforced(Condition.COMPLETE_ABSENT if pin is None else Condition.COMPLETE_MATCH)
    parts = sorted(upload.etags.items())
    reply = yield from ask(
        Side.DESTINATION,
        CompleteMultipartUpload(
            location.bucket,
            context.destination_key(action),
            upload.upload_id,
            parts,
            if_absent=is_held and pin is None,
            if_match=pin if is_held else None,
            owner=location.owner,
        ),
    )
    if not isinstance(reply, Failure):
        context.emit(UploadEnded(position, upload.upload_id))
        return Outcome(position, OutcomeKind.DONE)
    if reply.kind is FailureKind.INVALID_PART:
        # The next attempt asks the store which parts it holds.
        return not_executed(position, replace(reply, kind=FailureKind.CONFLICT))
    etag = multipart_etag_of([etag for _, etag in parts])
    outcome = yield from settle_copy(context, position, action, reply, multipart_etag=etag)
    must_start_over = reply.kind is FailureKind.CONFLICT  # S3: after a 409 every part must be uploaded again
    is_gone = reply.kind is FailureKind.NO_SUCH_UPLOAD
    if is_gone:
        context.emit(UploadEnded(position, upload.upload_id))
        if outcome.kind is OutcomeKind.UNKNOWN:
            return outcome._replace(failure=FailureKind.CONFLICT)
    elif outcome.kind is not OutcomeKind.UNKNOWN or must_start_over:
        yield from _abort(context, position, action, upload.upload_id)
    return outcome


def _look_before_complete(
    context: BatchContext, position: int, action: Action, upload: _Upload
) -> Asking[Outcome | None]:
    """Look once more at the side whose pin the store does not hold itself."""
    condition = Condition.COMPLETE_ABSENT if action.destination_pin is None else Condition.COMPLETE_MATCH
    moved: str | None = None
    if not context.is_enforced(Condition.PART_SOURCE_MATCH):
        source = yield from _look_at_source(context, action)
        if isinstance(source, Failure) and source.kind is not FailureKind.NOT_FOUND:
            return ended_badly(position, source)
        moved = moved_source(action, source) if isinstance(source, ObjectFound) else "source gone"
    if moved is None and not context.is_enforced(condition):
        found = yield from look_at_destination(context, action)
        if isinstance(found, Failure) and found.kind is not FailureKind.NOT_FOUND:
            return ended_badly(position, found)
        moved = moved_destination(action, found if isinstance(found, ObjectFound) else None)
    if moved is None:
        return None
    yield from _abort(context, position, action, upload.upload_id)
    return Outcome(position, OutcomeKind.STALE, moved)
