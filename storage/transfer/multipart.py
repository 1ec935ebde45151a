"""One large object made in parts, under a multipart upload of our own: the same whatever its parts are made of.

An upload that an earlier attempt has journaled is taken up where it stopped; no other is ever touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Matched, Outcome, OutcomeKind, PartDone, Remark, UploadBegun, UploadEnded
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import ObjectFound, ObjectWritten
from s3plan.schemas.requests.uploads import (
    SUMS_OF_SUMS,
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    UploadOpened,
)
from s3plan.storage.checksums import CRC64NVME
from s3plan.storage.steps import Asking, AwaitTurn, BatchContext, Procedure, ask
from s3plan.storage.transfer.evidence import multipart_etag_of
from s3plan.storage.transfer.part_sizes import part_ranges
from s3plan.storage.transfer.settlement import ended_badly, look_at_destination, moved_destination, not_executed
from s3plan.storage.transfer.uploads import list_stored_parts, matching_parts, tell_open_uploads
from s3plan.storage.transfer.verifying import verify_written
from s3plan.storage.verification.asked_sides import AskedSide

ByteRange = tuple[int, int]
"""First and last byte of a part."""


@dataclass(slots=True)
class Upload:
    """An open upload and the parts that it is known to hold."""

    upload_id: str
    part_size_bytes: int
    etags: dict[int, str] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)  # of parts, in this attempt
    crcs: dict[int, str] = field(default_factory=dict)  # CRC64NVME of parts as they were read
    part_sums: dict[int, str] = field(default_factory=dict)  # of stored parts, by the checksum that was asked for
    proved: set[int] = field(default_factory=set)  # parts of this attempt whose ETag is the MD5 sum of what was sent


class Parts(Protocol):
    """Where the parts of one object come from, and what is looked at where they do not arrive."""

    @property
    def part_size_bytes(self) -> int:
        """How a new upload is cut."""

    def attributes(self) -> Asking[ObjectAttributes | Failure]:
        """Return what the new object carries."""

    def send(self, upload: Upload, ranges: Sequence[ByteRange]) -> Procedure:
        """Send the parts that are missing, noting each that is stored, and what went wrong with others."""

    def settle(self, failure: Failure, *, multipart_etag: str | None = None, is_write: bool = True) -> Asking[Outcome]:
        """Decide how the action ended by a request that failed; see settlement.py."""

    def proof(self, upload: Upload, reply: ObjectWritten, /) -> str:
        """Return by what the completed object has the bytes of the source; empty if nothing tells."""

    def crc64nvme(self, upload: Upload, ranges: Sequence[ByteRange], /) -> Asking[str | Failure | None]:
        """Return what the store is to find of the whole object, None if it does not make it of the parts'."""

    def source(self) -> AskedSide | None:
        """Return the source as it was looked at; None if nothing is known of it that the plan does not say."""

    def moved(self) -> Asking[str | Failure | None]:
        """Return how the source is another than the planned one, where no request of a part has seen to that."""


def make_in_parts(context: BatchContext, position: int, action: Action, parts: Parts) -> Asking[Outcome]:
    """Open an upload or take it up, send what is missing, and complete it; return how that ended."""
    upload = yield from _take_up_or_open(context, position, action, parts)
    if isinstance(upload, Outcome):
        return upload
    ended = yield from _send_parts(context, position, action, parts, upload)
    if ended is not None:
        return ended
    return (yield from _complete(context, position, action, parts, upload))


def note_part(context: BatchContext, position: int, upload: Upload, number: int, etag: str) -> None:
    """Take note of a part that is stored."""
    upload.etags[number] = etag
    context.emit(PartDone(position, upload.upload_id, number, etag))


def expected_etag(context: BatchContext, position: int, action: Action) -> str | None:
    """Return the ETag of an upload whose parts are all journaled, as they make it; None if it is not known."""
    for upload in context.task.uploads:
        if upload.position == position:
            count = len(part_ranges(action.size_bytes, upload.part_size_bytes))
            if len(upload.parts) == count:
                return multipart_etag_of([etag for _, etag in sorted(upload.parts)])
    return None


def abort_known(context: BatchContext, position: int, action: Action) -> Procedure:
    """Abort what earlier attempts have opened: it is not needed any more."""
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


def _take_up_or_open(context: BatchContext, position: int, action: Action, parts: Parts) -> Asking[Upload | Outcome]:
    known = next((upload for upload in context.task.uploads if upload.position == position), None)
    if known is not None:
        sums: dict[int, str] = {}
        stored = yield from list_stored_parts(context, action, known.upload_id, sums=sums)
        if not isinstance(stored, Failure):
            ranges = part_ranges(action.size_bytes, known.part_size_bytes)
            etags = matching_parts(stored, ranges, journaled=dict(known.parts))
            upload = Upload(known.upload_id, known.part_size_bytes, etags, part_sums=sums)
            for number in sorted(etags.keys() - dict(known.parts).keys()):  # stored, and not noted any more
                note_part(context, position, upload, number, etags[number])
            return upload
        if stored.kind is not FailureKind.NO_SUCH_UPLOAD:
            return ended_badly(position, stored)
        context.emit(UploadEnded(position, known.upload_id))
    elif (since_ms := context.unclear_since_ms(position)) is not None:
        yield from tell_open_uploads(context, position, action, since_ms=since_ms)
    return (yield from _open(context, position, action, parts))


def _open(context: BatchContext, position: int, action: Action, parts: Parts) -> Asking[Upload | Outcome]:
    attributes = yield from parts.attributes()
    if isinstance(attributes, Failure):
        return ended_badly(position, attributes)
    location = context.destination
    is_summed_here = action.kind is not ActionKind.COPY and context.task.settings.sums_parts
    reply = yield from ask(
        Side.DESTINATION,
        CreateMultipartUpload(
            location.bucket,
            context.destination_key(action),
            attributes,
            action.storage_class,
            context.task.settings.encryption,
            owner=location.owner,
            acl=context.task.settings.acl,
            checksum=CRC64NVME if is_summed_here else context.task.settings.checksum,
        ),
    )
    if isinstance(reply, Failure):
        # Nothing is visible at the destination yet; an upload that was opened by it takes space, though.
        if reply.may_have_opened:
            yield from tell_open_uploads(context, position, action, since_ms=context.task.begun_at_ms)
        return ended_badly(position, reply)
    assert isinstance(reply, UploadOpened)  # noqa: S101
    context.emit(UploadBegun(position, reply.upload_id, parts.part_size_bytes))
    return Upload(reply.upload_id, parts.part_size_bytes)


def _send_parts(
    context: BatchContext, position: int, action: Action, parts: Parts, upload: Upload
) -> Asking[Outcome | None]:
    """Send the parts that are missing; None when all are stored."""
    ranges = part_ranges(action.size_bytes, upload.part_size_bytes)
    yield from parts.send(upload, ranges)
    if len(upload.etags) == len(ranges):
        return None
    if upload.failures:
        return (yield from _settle_parts(context, position, action, parts, upload))
    stored = yield from list_stored_parts(context, action, upload.upload_id, sums=upload.part_sums)
    if isinstance(stored, Failure):
        return ended_badly(position, stored)
    upload.etags.update(matching_parts(stored, ranges))  # some stores send no ETag with a part copy
    if len(upload.etags) == len(ranges):
        return None
    kept = f"interrupted; {len(upload.etags)} of {len(ranges)} parts are kept"
    return Outcome(position, OutcomeKind.UNKNOWN, kept)


def _settle_parts(
    context: BatchContext, position: int, action: Action, parts: Parts, upload: Upload
) -> Asking[Outcome]:
    """Decide by the worst failure: parts that were stored are kept unless the object cannot be finished."""
    final = [failure for failure in upload.failures if not (failure.kind.is_retryable or failure.kind.is_credentials)]
    if not final:
        credentials = [failure for failure in upload.failures if failure.kind.is_credentials]
        return not_executed(position, (credentials or upload.failures)[0])
    failure = final[0]
    if failure.kind is FailureKind.NO_SUCH_UPLOAD:
        context.emit(UploadEnded(position, upload.upload_id))
        outcome = yield from parts.settle(failure, is_write=False)
        return outcome._replace(failure=FailureKind.CONFLICT) if outcome.kind is OutcomeKind.UNKNOWN else outcome
    outcome = yield from parts.settle(failure, is_write=False)
    if outcome.kind is not OutcomeKind.UNKNOWN:
        yield from _abort(context, position, action, upload.upload_id)
    return outcome


def _complete(context: BatchContext, position: int, action: Action, parts: Parts, upload: Upload) -> Asking[Outcome]:
    if context.left_of_first_second_s:
        # LastModified has whole seconds: only in a later one is the object known for ours if this attempt is killed.
        yield AwaitTurn(0, reserves=False, wait_s=context.left_of_first_second_s)
    ended = yield from _look_before_complete(context, position, action, parts, upload)
    if ended is not None:
        return ended
    location, pin = context.destination, action.destination_pin
    is_held = context.is_enforced(Condition.COMPLETE_ABSENT if pin is None else Condition.COMPLETE_MATCH)
    whole = yield from parts.crc64nvme(upload, part_ranges(action.size_bytes, upload.part_size_bytes))
    if isinstance(whole, Failure):
        outcome = yield from parts.settle(whole, is_write=False)
        # Of VERIFICATION one of the stored parts is not what it was at the source.
        if whole.kind is FailureKind.VERIFICATION or outcome.kind is not OutcomeKind.UNKNOWN:
            yield from _abort(context, position, action, upload.upload_id)
        return outcome
    reply = yield from ask(
        Side.DESTINATION,
        CompleteMultipartUpload(
            location.bucket,
            context.destination_key(action),
            upload.upload_id,
            sorted(upload.etags.items()),
            if_absent=is_held and pin is None,
            if_match=pin if is_held else None,
            owner=location.owner,
            crc64nvme=whole,
            checksum=context.task.settings.checksum,
            part_sums=upload.part_sums if context.task.settings.checksum in SUMS_OF_SUMS else {},
        ),
    )
    if isinstance(reply, Failure):
        return (yield from _settle_complete(context, position, action, parts, upload, failure=reply))
    assert isinstance(reply, ObjectWritten)  # noqa: S101  CompleteMultipartUpload answers nothing else
    context.emit(UploadEnded(position, upload.upload_id))
    outcome = Outcome(
        position,
        OutcomeKind.DONE,
        evidence=CRC64NVME if whole and reply.crc64nvme == whole else parts.proof(upload, reply),
    )
    if not outcome.evidence:
        source, part_bytes = parts.source(), upload.part_size_bytes
        outcome = yield from verify_written(context, position, action, reply, source=source, part_bytes=part_bytes)
    if action.kind is ActionKind.UPLOAD and reply.etag is not None and outcome.kind is OutcomeKind.DONE:
        context.emit(Matched(position, reply.etag))
    return outcome


def _settle_complete(
    context: BatchContext, position: int, action: Action, parts: Parts, upload: Upload, *, failure: Failure
) -> Asking[Outcome]:
    """Decide how an action ended whose Complete the store refused or left unclear."""
    if failure.kind is FailureKind.INVALID_PART:
        # The next attempt asks the store which parts it holds.
        return not_executed(position, replace(failure, kind=FailureKind.CONFLICT))
    etag = multipart_etag_of([etag for _, etag in sorted(upload.etags.items())])
    outcome = yield from parts.settle(failure, multipart_etag=etag)
    must_start_over = failure.kind is FailureKind.CONFLICT  # S3: after a 409 every part must be uploaded again
    if failure.kind is FailureKind.NO_SUCH_UPLOAD:
        context.emit(UploadEnded(position, upload.upload_id))
        if outcome.kind is OutcomeKind.UNKNOWN:
            return outcome._replace(failure=FailureKind.CONFLICT)
    elif outcome.kind is not OutcomeKind.UNKNOWN or must_start_over:
        yield from _abort(context, position, action, upload.upload_id)
    return outcome


def _look_before_complete(
    context: BatchContext, position: int, action: Action, parts: Parts, upload: Upload
) -> Asking[Outcome | None]:
    """Look once more at the side whose pin the store does not hold itself."""
    condition = Condition.COMPLETE_ABSENT if action.destination_pin is None else Condition.COMPLETE_MATCH
    moved = yield from parts.moved()
    if isinstance(moved, Failure):
        return ended_badly(position, moved)
    if moved is None and not context.is_enforced(condition):
        found = yield from look_at_destination(context, action)
        if isinstance(found, Failure) and found.kind is not FailureKind.NOT_FOUND:
            return ended_badly(position, found)
        moved = moved_destination(action, found if isinstance(found, ObjectFound) else None)
    if moved is None:
        return (yield from _ask_for_sums(context, position, action, upload))
    yield from _abort(context, position, action, upload.upload_id)
    return Outcome(position, OutcomeKind.STALE, moved)


def _ask_for_sums(context: BatchContext, position: int, action: Action, upload: Upload) -> Asking[Outcome | None]:
    """Have the store say the checksums of parts that it has not said, where it makes the object's of them."""
    is_needed = context.task.settings.checksum in SUMS_OF_SUMS
    if not is_needed or upload.etags.keys() <= upload.part_sums.keys():
        return None
    told: dict[int, str] = {}
    stored = yield from list_stored_parts(context, action, upload.upload_id, sums=told)
    if isinstance(stored, Failure):
        return ended_badly(position, stored)
    upload.part_sums = {**told, **upload.part_sums}
    return None
