"""One large file that becomes an object in parts: each read as the plan saw it, and sent by UploadPart; resumable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.requests import FileRead, ReadFile
from s3plan.schemas.outcomes import Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import ObjectFound, ObjectWritten
from s3plan.schemas.requests.uploads import UploadPart
from s3plan.storage.steps import (
    NEXT,
    Answered,
    Ask,
    AskAlso,
    AskFile,
    Asking,
    AskManyFiles,
    BatchContext,
    FileAnswered,
    Procedure,
)
from s3plan.storage.transfer.evidence import Made, evidence_of
from s3plan.storage.transfer.multipart import (
    ByteRange,
    Upload,
    abort_known,
    expected_etag,
    make_in_parts,
    note_part,
)
from s3plan.storage.transfer.part_sizes import DEFAULT_SENT_PART_BYTES, choose_part_size
from s3plan.storage.transfer.settlement import already_done, ended_badly, look_at_destination, moved_destination, settle
from s3plan.storage.transfer.uploading import attributes_of, body_of, ended_at_source, is_of_file, reading_of


def upload_in_parts(context: BatchContext, position: int, action: Action) -> Procedure:
    """Upload one large file; tells exactly one outcome, and each part as it is stored.

    Where an earlier attempt may have ended well, or the store does not hold the pin, the destination is looked at
    first.
    """
    pin = action.destination_pin
    is_held = context.is_enforced(Condition.COMPLETE_ABSENT if pin is None else Condition.COMPLETE_MATCH)
    if context.unclear_since_ms(position) is not None or not is_held:
        etag = expected_etag(context, position, action)
        ended = yield from _look(
            context, position, action, since_ms=context.unclear_since_ms(position), multipart_etag=etag
        )
        if ended is not None:
            if isinstance(ended, Outcome):
                yield from abort_known(context, position, action)
            context.emit(ended if isinstance(ended, Outcome) else ended_badly(position, ended))
            return
    context.emit((yield from make_in_parts(context, position, action, _SentParts(context, position, action))))


class _SentParts:
    """The Parts of an upload: ranges of a file."""

    def __init__(self, context: BatchContext, position: int, action: Action) -> None:
        self._context = context
        self._position = position
        self._action = action
        wanted = context.task.settings.part_size_bytes
        self.part_size_bytes = choose_part_size(action.size_bytes, wanted, default_bytes=DEFAULT_SENT_PART_BYTES)

    def attributes(self) -> Asking[ObjectAttributes | Failure]:
        """Return what the name of the file says of its content."""
        yield from ()
        return attributes_of(self._context.destination_key(self._action))

    def send(self, upload: Upload, ranges: Sequence[ByteRange]) -> Procedure:
        """Read the parts that are missing, several at a time, and send each as soon as it is read."""
        numbers = {first: number for number, (first, _) in enumerate(ranges, start=1)}
        answer = yield AskManyFiles(self._reads(upload, ranges))
        while isinstance(answer, Answered | FileAnswered):
            request, reply = answer
            if isinstance(request, ReadFile) and isinstance(reply, FileRead):
                answer = yield AskAlso(self._part(upload, numbers[request.offset], request, reply))
                continue
            if isinstance(reply, ObjectWritten) and isinstance(request, UploadPart) and reply.etag is not None:
                note_part(self._context, self._position, upload, request.number, reply.etag)
            elif isinstance(reply, Failure):
                upload.failures.append(reply)
            answer = yield NEXT

    def settle(self, failure: Failure, *, multipart_etag: str | None = None, is_write: bool = True) -> Asking[Outcome]:
        """Look at the destination: what the file was is known by its parts."""
        if is_of_file(failure):
            return ended_at_source(self._position, failure)
        return (
            yield from settle(
                self._context,
                self._position,
                failure,
                look=lambda since_ms: _look(
                    self._context, self._position, self._action, since_ms=since_ms, multipart_etag=multipart_etag
                ),
                is_write=is_write,
            )
        )

    def moved(self) -> Asking[str | Failure | None]:
        """Return None: each part was read from the planned file."""
        yield from ()
        return None

    def _reads(self, upload: Upload, ranges: Sequence[ByteRange]) -> Iterator[AskFile]:
        whole = reading_of(self._context, self._action)
        for number, (first_byte, last_byte) in enumerate(ranges, start=1):
            if any(not failure.kind.is_retryable for failure in upload.failures):
                return
            if number not in upload.etags:
                size_bytes = last_byte - first_byte + 1
                yield AskFile(Side.SOURCE, replace(whole, offset=first_byte, part_bytes=size_bytes))

    def _part(self, upload: Upload, number: int, request: ReadFile, read: FileRead) -> Ask:
        context, location = self._context, self._context.destination
        part = UploadPart(
            location.bucket,
            context.destination_key(self._action),
            upload.upload_id,
            number,
            body_of(read),
            location.owner,
            replace(read.digests, crc64nvme=None),
        )
        return Ask(Side.DESTINATION, part, request.size_bytes)


def _look(
    context: BatchContext, position: int, action: Action, *, since_ms: int | None, multipart_etag: str | None
) -> Asking[Outcome | Failure | None]:
    """Return how an upload has ended by what stands at the destination, as a Look does.

    Only the ETag that its parts make shows that it is ours: never size and time alone.
    """
    found = yield from look_at_destination(context, action)
    if isinstance(found, Failure) and found.kind is not FailureKind.NOT_FOUND:
        return found
    here = found if isinstance(found, ObjectFound) else None
    if here is not None and multipart_etag is not None:
        as_object = ObjectFound(multipart_etag, action.size_bytes, 0)
        made = Made(
            action._replace(source_pin=multipart_etag), since_ms, multipart_etag, source=as_object, tells_time=False
        )
        evidence = evidence_of(here, made)
        if evidence is not None:
            return already_done(position, evidence)
    moved = moved_destination(action, here)
    return None if moved is None else Outcome(position, OutcomeKind.STALE, moved)
