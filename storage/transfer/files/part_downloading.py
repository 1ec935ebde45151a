"""One large object that becomes a file in parts: ranges fetched by its ETag into a staged file, resumable part by part.

The journal keeps the name of the staged file as the id of an upload, and the CRC64NVME of each part as its ETag. What
an earlier attempt has fetched is read back and compared before it counts.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Sequence

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.requests import (
    DropStaged,
    FileFound,
    FileStaged,
    FindFile,
    ReopenStaged,
    StagedDropped,
    StagedName,
    StagedPart,
    StagedSink,
    StageFile,
)
from s3plan.schemas.outcomes import Evidence, Outcome, OutcomeKind, PartDone, UploadBegun, UploadEnded
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import GetObject, ObjectFound, ObjectRead
from s3plan.schemas.tasks import KnownUpload
from s3plan.storage.checksums import CRC64NVME, combined_crc64nvme, difference
from s3plan.storage.steps import NEXT, Answered, Ask, Asking, AskMany, BatchContext, Procedure, ask_file
from s3plan.storage.transfer.fetching import suffered
from s3plan.storage.transfer.files.downloading import (
    Download,
    ended_at_folder,
    prove,
    publish,
    return_left,
    settle_fetch,
)
from s3plan.storage.transfer.multipart import ByteRange
from s3plan.storage.transfer.part_sizes import DEFAULT_SENT_PART_BYTES, choose_part_size, part_ranges
from s3plan.storage.transfer.settlement import already_done, ended_badly, look_at_source, moved_source, not_executed


def download_in_parts(context: BatchContext, position: int, action: Action) -> Procedure:
    """Download one large object; tells exactly one outcome, and each part as it is written."""
    outcome = yield from _downloaded(context, position, action)
    context.emit(outcome)


class _Fetched:
    """A staged file on its way: how it is cut, and the checksums of the parts that it has."""

    def __init__(self, staged: FileStaged, part_size_bytes: int, crcs: dict[int, str]) -> None:
        self.file = staged.file
        self.part_size_bytes = part_size_bytes
        self.crcs = crcs
        self.failures: list[Failure] = []


def _downloaded(context: BatchContext, position: int, action: Action) -> Asking[Outcome]:
    job = Download.of(context, position, action)
    known = next((upload for upload in context.task.uploads if upload.position == position), None)
    left_name = None if known is None else StagedName.parse(job.staged.plan_digest, known.upload_id)
    found = FileFound()
    if context.unclear_since_ms(position) is not None:
        wanted = FindFile(job.staged, job.parts, job.pinned, action.size_bytes, keeps=left_name)
        answer = yield from ask_file(Side.DESTINATION, wanted, FileFound)
        if isinstance(answer, Failure):
            return ended_at_folder(position, answer)
        found = answer
        if found.md5 == action.source_pin and not found.left:
            if left_name is not None:
                yield from _drop(context, job, left_name)
            return already_done(position, Evidence.BY_ETAG)
    source = yield from _planned_source(context, position, action)
    if isinstance(source, Outcome):
        is_final = source.kind is not OutcomeKind.UNKNOWN
        return (yield from _ended(context, job, left_name, source)) if is_final else source
    job.take_time(context, source)
    if left_name is not None:
        job.staged = left_name
    fetched = yield from _take_up_or_begin(context, job, known if left_name is not None else None)
    if isinstance(fetched, Outcome):
        return fetched
    ended = yield from _fetch_parts(context, job, fetched)
    if ended is not None and ended.kind is OutcomeKind.UNKNOWN:
        return ended  # the next attempt takes up what there is
    ended = ended or _judge(job, fetched, source)
    proved: str | Outcome = ""
    if ended is None:
        crc64nvme = frozenset({CRC64NVME})
        proved = yield from prove(context, position, action, source, fetched.file, compared=crc64nvme)
        ended = proved if isinstance(proved, Outcome) else None
    if ended is None and found.left:
        ended = yield from return_left(job, found.left)
    if ended is not None:
        return (yield from _ended(context, job, job.staged, ended))
    ended = yield from publish(context, job, fetched.file, proved if isinstance(proved, str) else "")
    context.emit(UploadEnded(position, job.staged.name.decode()))
    return ended


def _planned_source(context: BatchContext, position: int, action: Action) -> Asking[ObjectFound | Outcome]:
    """Return the source if it is the planned object; its checksum is told for the whole of it only."""
    source = yield from look_at_source(context, action)
    if isinstance(source, ObjectFound):
        moved = moved_source(action, source)
        return source if moved is None else Outcome(position, OutcomeKind.STALE, moved)
    assert isinstance(source, Failure)  # noqa: S101  a look answers nothing else
    if source.kind is FailureKind.NOT_FOUND:
        return Outcome(position, OutcomeKind.STALE, "source gone")
    return ended_badly(position, source)


def _take_up_or_begin(context: BatchContext, job: Download, known: KnownUpload | None) -> Asking[_Fetched | Outcome]:
    action, position = job.action, job.position
    if known is not None:
        ranges = part_ranges(action.size_bytes, known.part_size_bytes)
        told = {number: crc for number, crc in known.parts if 1 <= number <= len(ranges)}
        parts = tuple(
            StagedPart(number, ranges[number - 1][0], ranges[number - 1][1] - ranges[number - 1][0] + 1, crc)
            for number, crc in sorted(told.items())
        )
        reopened = yield from ask_file(Side.DESTINATION, ReopenStaged(job.staged, action.size_bytes, parts), FileStaged)
        if isinstance(reopened, FileStaged):
            return _Fetched(reopened, known.part_size_bytes, {number: told[number] for number in reopened.kept})
        context.emit(UploadEnded(position, known.upload_id))
        yield from ask_file(Side.DESTINATION, DropStaged(job.staged), StagedDropped)
    wanted = context.task.settings.part_size_bytes
    part_size_bytes = choose_part_size(action.size_bytes, wanted, default_bytes=DEFAULT_SENT_PART_BYTES)
    staged = yield from ask_file(Side.DESTINATION, StageFile(job.staged, action.size_bytes), FileStaged)
    if isinstance(staged, Failure):
        return ended_at_folder(position, staged)
    context.emit(UploadBegun(position, job.staged.name.decode(), part_size_bytes))
    return _Fetched(staged, part_size_bytes, {})


def _fetch_parts(context: BatchContext, job: Download, fetched: _Fetched) -> Asking[Outcome | None]:
    """Fetch the parts that are missing, several at a time; None when all are written."""
    ranges = part_ranges(job.action.size_bytes, fetched.part_size_bytes)
    sinks: dict[int, tuple[int, StagedSink]] = {}
    answer = yield AskMany(_asks(context, job, fetched, ranges, sinks))
    while isinstance(answer, Answered):
        request, reply = answer
        assert isinstance(request, GetObject)  # noqa: S101
        number, sink = sinks.pop(request.first_byte or 0)
        if isinstance(reply, ObjectRead) and reply.etag == job.action.source_pin:
            fetched.crcs[number] = sink.checksums[CRC64NVME]
            context.emit(PartDone(job.position, job.staged.name.decode(), number, fetched.crcs[number]))
        elif isinstance(reply, Failure):
            fetched.failures.append(reply)
        else:  # of another object, from a store that does not know If-Match
            said = "another object stands there by now"
            fetched.failures.append(Failure(FailureKind.PRECONDITION, "GetObject", "ETagDiffers", said))
        answer = yield NEXT
    if len(fetched.crcs) == len(ranges):
        return None
    final = [failure for failure in fetched.failures if not failure.kind.is_retryable]
    if final:
        return (yield from settle_fetch(context, job.position, job.action, final[0]))
    if fetched.failures:
        return not_executed(job.position, fetched.failures[0])
    kept = f"interrupted; {len(fetched.crcs)} of {len(ranges)} parts are kept"
    return Outcome(job.position, OutcomeKind.UNKNOWN, kept)


def _asks(
    context: BatchContext,
    job: Download,
    fetched: _Fetched,
    ranges: Sequence[ByteRange],
    sinks: dict[int, tuple[int, StagedSink]],
) -> Iterator[Ask]:
    source, action = context.source, job.action
    for number, (first_byte, last_byte) in enumerate(ranges, start=1):
        if any(not failure.kind.is_retryable for failure in fetched.failures):
            return
        if number in fetched.crcs:
            continue
        size_bytes = last_byte - first_byte + 1
        sink = fetched.file.sink(first_byte, size_bytes, is_of_part=True)
        sinks[first_byte] = number, sink
        request = GetObject(
            source.bucket,
            context.source_key(action),
            action.source_pin,
            action.source_version,
            first_byte,
            last_byte,
            source.owner,
            into=sink,
        )
        yield Ask(Side.SOURCE, request, size_bytes)


def _judge(job: Download, fetched: _Fetched, source: ObjectFound) -> Outcome | None:
    """Return how the file that was made is not the object by its checksum, None if nothing says so."""
    if CRC64NVME not in source.checksums:
        return None
    ranges = part_ranges(job.action.size_bytes, fetched.part_size_bytes)
    crcs = [int.from_bytes(b64decode(fetched.crcs[number])) for number in range(1, len(ranges) + 1)]
    whole = combined_crc64nvme(crcs, [last - first + 1 for first, last in ranges])
    differs = difference(source.checksums, {CRC64NVME: whole})
    return None if differs is None else suffered(job.position, differs)


def _ended(context: BatchContext, job: Download, staged: StagedName | None, outcome: Outcome) -> Asking[Outcome]:
    """Return an outcome once nothing is left of what was fetched: no part of it is of use any more."""
    if staged is not None:
        yield from _drop(context, job, staged)
    return outcome


def _drop(context: BatchContext, job: Download, staged: StagedName) -> Procedure:
    yield from ask_file(Side.DESTINATION, DropStaged(staged), StagedDropped)
    context.emit(UploadEnded(job.position, staged.name.decode()))
