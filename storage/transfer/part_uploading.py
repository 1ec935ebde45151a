"""One large file that becomes an object in parts: each read as the plan saw it, and sent by UploadPart; resumable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from s3plan.schemas.failures import Failure
from s3plan.schemas.files.requests import FileRead, ReadFile
from s3plan.schemas.outcomes import Outcome
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
from s3plan.storage.transfer.evidence import Made
from s3plan.storage.transfer.multipart import (
    ByteRange,
    Upload,
    abort_known,
    expected_etag,
    make_in_parts,
    note_part,
)
from s3plan.storage.transfer.part_sizes import DEFAULT_SENT_PART_BYTES, choose_part_size
from s3plan.storage.transfer.settlement import ended_badly, settle
from s3plan.storage.transfer.uploading import (
    attributes_of,
    body_of,
    ended_at_source,
    is_of_file,
    look_for_made,
    reading_of,
)


def upload_in_parts(context: BatchContext, position: int, action: Action) -> Procedure:
    """Upload one large file; tells exactly one outcome, and each part as it is stored.

    Where an earlier attempt may have ended well, or the store does not hold the pin, the destination is looked at
    first.
    """
    pin = action.destination_pin
    is_held = context.is_enforced(Condition.COMPLETE_ABSENT if pin is None else Condition.COMPLETE_MATCH)
    if context.unclear_since_ms(position) is not None or not is_held:
        made = _made(action, expected_etag(context, position, action), context.unclear_since_ms(position))
        ended = yield from look_for_made(context, position, action, made)
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
                look=lambda since_ms: look_for_made(
                    self._context, self._position, self._action, _made(self._action, multipart_etag, since_ms)
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


def _made(action: Action, etag: str | None, since_ms: int | None) -> Made | None:
    """Return what an upload in parts makes: only the ETag of its parts shows that it is ours."""
    if etag is None:
        return None
    as_object = ObjectFound(etag, action.size_bytes, 0)
    return Made(action._replace(source_pin=etag), since_ms, etag, source=as_object, tells_time=False)
