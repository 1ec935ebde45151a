"""One large file that becomes an object in parts: each read as the plan saw it, and sent by UploadPart; resumable."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import replace

from s3plan.schemas.evidence.ladder import BY_PARTS, KnownBytes
from s3plan.schemas.failures import Failure
from s3plan.schemas.files.requests import FileRead, ReadFile
from s3plan.schemas.outcomes import Evidence, Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import ObjectFound, ObjectWritten
from s3plan.schemas.requests.uploads import UploadPart
from s3plan.storage.checksums import CRC64NVME, combined_crc64nvme
from s3plan.storage.s3.store_quirks import quirks_of
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
    ask_file,
)
from s3plan.storage.transfer.evidence import Made, multipart_etag_of
from s3plan.storage.transfer.files.uploading import (
    attributes_of,
    body_of,
    ended_at_source,
    is_of_file,
    reading_of,
)
from s3plan.storage.transfer.multipart import (
    ByteRange,
    Upload,
    abort_known,
    expected_etag,
    make_in_parts,
    note_part,
)
from s3plan.storage.transfer.part_sizes import DEFAULT_SENT_PART_BYTES, choose_part_size, part_ranges
from s3plan.storage.transfer.sending import judge_made, look_for_made
from s3plan.storage.transfer.settlement import already_done, ended_badly, look_at_destination, settle
from s3plan.storage.transfer.verifying import prove_made, prove_ours, source_of
from s3plan.storage.verification.asked_sides import AskedSide


def upload_in_parts(context: BatchContext, position: int, action: Action) -> Procedure:
    """Upload one large file; tells exactly one outcome, and each part as it is stored.

    Where an earlier attempt may have ended well, or the store does not hold the pin, the destination is looked at
    first.
    """
    pin = action.destination_pin
    is_held = context.is_enforced(Condition.COMPLETE_ABSENT if pin is None else Condition.COMPLETE_MATCH)
    if context.unclear_since_ms(position) is not None or not is_held:
        ended = yield from _look_first(context, position, action)
        if ended is not None:
            if isinstance(ended, Outcome):
                yield from abort_known(context, position, action)
            context.emit(ended if isinstance(ended, Outcome) else ended_badly(position, ended))
            return
    context.emit((yield from make_in_parts(context, position, action, _SentParts(context, position, action))))


def _look_first(context: BatchContext, position: int, action: Action) -> Asking[Outcome | Failure | None]:
    """Return how an earlier attempt has ended, as a Look does.

    What the journal does not know of its parts, since it was cut off, the file tells: it is read once more if an object
    stands there that may be of its parts.
    """
    since_ms = context.unclear_since_ms(position)
    found = yield from look_at_destination(context, action)
    ended = judge_made(position, action, found, _made(action, expected_etag(context, position, action), since_ms))
    if isinstance(ended, Outcome) and ended.evidence == Evidence.BY_ETAG and isinstance(found, ObjectFound):
        return (yield from _weigh(context, position, action, found))
    is_stale = isinstance(ended, Outcome) and ended.kind is OutcomeKind.STALE
    if since_ms is None or not is_stale or not isinstance(found, ObjectFound):
        return ended
    ranges = _ranges(context, position, action)
    if found.size_bytes == action.size_bytes and found.etag.endswith(f"-{len(ranges)}"):
        etag = yield from _etag_of_file(context, action, ranges)
        ended = judge_made(position, action, found, _made(action, etag, since_ms))
    if isinstance(ended, Outcome) and ended.kind is OutcomeKind.STALE:
        return (yield from prove_ours(context, position, action, found, since_ms=since_ms, stale=ended))
    return ended


def _weigh(context: BatchContext, position: int, action: Action, here: ObjectFound) -> Asking[Outcome]:
    """Return the outcome for an object that is made of our parts: that it has our bytes is another question.

    Not all stores have MD5 sums for the ETags of parts, nor compare what they are told of them.
    """
    if here.etag == (yield from _etag_of_file(context, action, _ranges(context, position, action))):
        return already_done(position, Evidence.BY_ETAG)
    ended = yield from prove_made(context, position, action, here, None)
    return already_done(position, Evidence.BY_SIZE_AND_TIME) if ended is None else ended


def _ranges(context: BatchContext, position: int, action: Action) -> Sequence[ByteRange]:
    """Return how an earlier attempt has cut the file, or how this one does."""
    known = [upload.part_size_bytes for upload in context.task.uploads if upload.position == position]
    return part_ranges(action.size_bytes, known[0] if known else _part_size(context, action))


def _etag_of_file(context: BatchContext, action: Action, ranges: Sequence[ByteRange]) -> Asking[str | None]:
    """Return the ETag of an object that is made of these ranges of the planned file; None if it cannot be read."""
    sums: list[str] = []
    whole = replace(reading_of(context, action), with_crc64nvme=False, with_sha256=False, checksum=None)
    for first_byte, last_byte in ranges:
        part = replace(whole, offset=first_byte, part_bytes=last_byte - first_byte + 1)
        read = yield from ask_file(Side.SOURCE, part, FileRead)
        if isinstance(read, Failure):
            return None
        sums.append(b64decode(read.digests.md5 or "").hex())
    return multipart_etag_of(sums)


def _part_size(context: BatchContext, action: Action) -> int:
    wanted = context.task.settings.part_size_bytes
    quirks = quirks_of(context.destination.store)
    return choose_part_size(action.size_bytes, wanted, default_bytes=DEFAULT_SENT_PART_BYTES, quirks=quirks)


class _SentParts:
    """The Parts of an upload: ranges of a file."""

    def __init__(self, context: BatchContext, position: int, action: Action) -> None:
        self._context = context
        self._position = position
        self._action = action
        self.part_size_bytes = _part_size(context, action)
        self._whole: str | None = None  # CRC64NVME of the file, once all parts are read

    def attributes(self) -> Asking[ObjectAttributes | Failure]:
        """Return what the new object carries besides its bytes."""
        yield from ()
        return attributes_of(self._context, self._action)

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
                if request.digests.md5 is not None and b64decode(request.digests.md5).hex() == reply.etag:
                    upload.proved.add(request.number)
                if request.digests.crc64nvme is not None:
                    upload.crcs[request.number] = request.digests.crc64nvme
                if request.digests.checksum is not None:
                    upload.part_sums[request.number] = request.digests.checksum[1]
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
                look=lambda since_ms: self._look(multipart_etag, since_ms),
                is_write=is_write,
            )
        )

    def _look(self, multipart_etag: str | None, since_ms: int | None) -> Asking[Outcome | Failure | None]:
        context, position, action = self._context, self._position, self._action
        made = _made(action, multipart_etag, since_ms)
        ended = yield from look_for_made(context, position, action, made, since_ms=since_ms)
        if not (isinstance(ended, Outcome) and ended.evidence == Evidence.BY_ETAG):
            return ended
        found = yield from look_at_destination(context, action)
        if not isinstance(found, ObjectFound):
            return found if isinstance(found, Failure) else ended
        return (yield from _weigh(context, position, action, found)) if found.etag == multipart_etag else None

    def proof(self, upload: Upload, reply: ObjectWritten, /) -> str:
        """Return BY_PARTS if the object is made of parts that are all known to be those of the file."""
        if upload.proved != upload.etags.keys():
            return ""
        return BY_PARTS if reply.etag == multipart_etag_of([etag for _, etag in sorted(upload.etags.items())]) else ""

    def crc64nvme(self, upload: Upload, ranges: Sequence[ByteRange], /) -> Asking[str | Failure | None]:
        """Combine it of the parts'; those that an earlier attempt has sent are read once more for it."""
        if not self._context.task.settings.sums_parts:
            return None
        whole = self._reading()
        for number, (first_byte, last_byte) in enumerate(ranges, start=1):
            if number not in upload.crcs:
                part = replace(whole, with_sha256=False, offset=first_byte, part_bytes=last_byte - first_byte + 1)
                read = yield from ask_file(Side.SOURCE, part, FileRead)
                if isinstance(read, Failure):
                    return read
                upload.crcs[number] = read.digests.crc64nvme or ""
        crcs = [int.from_bytes(b64decode(upload.crcs[number])) for number in range(1, len(ranges) + 1)]
        self._whole = combined_crc64nvme(crcs, [last - first + 1 for first, last in ranges])
        return self._whole

    def source(self) -> AskedSide | None:
        """Return the file with the checksum of all its parts, if that is known."""
        if self._whole is None:
            return None
        known = KnownBytes(self._action.size_bytes, {CRC64NVME: self._whole})
        return source_of(self._context, self._action, known=known)

    def moved(self) -> Asking[str | Failure | None]:
        """Return None: each part was read from the planned file."""
        yield from ()
        return None

    def _reads(self, upload: Upload, ranges: Sequence[ByteRange]) -> Iterator[AskFile]:
        whole = self._reading()
        for number, (first_byte, last_byte) in enumerate(ranges, start=1):
            if any(not failure.kind.is_retryable for failure in upload.failures):
                return
            if number not in upload.etags:
                size_bytes = last_byte - first_byte + 1
                yield AskFile(Side.SOURCE, replace(whole, offset=first_byte, part_bytes=size_bytes))

    def _reading(self) -> ReadFile:
        whole = reading_of(self._context, self._action)
        if self._context.task.settings.sums_parts:
            return replace(whole, with_md5=False, checksum=None)
        return replace(whole, with_crc64nvme=False)

    def _part(self, upload: Upload, number: int, request: ReadFile, read: FileRead) -> Ask:
        context, location = self._context, self._context.destination
        part = UploadPart(
            location.bucket,
            context.destination_key(self._action),
            upload.upload_id,
            number,
            body_of(read),
            location.owner,
            read.digests,
        )
        return Ask(Side.DESTINATION, part, request.size_bytes)


def _made(action: Action, etag: str | None, since_ms: int | None) -> Made | None:
    """Return what an upload in parts makes: only the ETag of its parts shows that it is ours."""
    if etag is None:
        return None
    as_object = ObjectFound(etag, action.size_bytes, 0)
    return Made(action._replace(source_pin=etag), since_ms, etag, source=as_object, tells_time=False)
