"""One object that becomes a file, with all its pins: fetched by its ETag, and put into place whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping

from s3plan.schemas.bodies import Sink, SinkInMemory
from s3plan.schemas.evidence.ladder import BY_EMPTINESS, parts_of_etag, stated_checksum
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.mtimes import mtime_ns_of
from s3plan.schemas.files.paths import KeyRefusal, parts_of
from s3plan.schemas.files.requests import (
    DropStaged,
    FileFound,
    FilePublished,
    FileStaged,
    FindFile,
    LeftEnd,
    LeftReturned,
    Parts,
    Published,
    PublishFile,
    ReturnLeft,
    StagedDropped,
    StagedFile,
    StagedName,
    StagedSink,
    StageFile,
)
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.outcomes import Evidence, Matched, Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import GetObject, ObjectFound, ObjectRead
from s3plan.storage.checksums import PASSING, PassingChecksums, difference
from s3plan.storage.s3.store_quirks import quirks_of
from s3plan.storage.steps import Asking, AwaitTurn, BatchContext, Procedure, ask, ask_file
from s3plan.storage.transfer.fetching import settle_read, suffered
from s3plan.storage.transfer.part_sizes import likely_part_sizes
from s3plan.storage.transfer.settlement import already_done, ended_badly, moved_source
from s3plan.storage.transfer.verifying import not_proved
from s3plan.storage.verification.fetched_bytes import prove_fetched

_UNTOLD = "nothing that the store states can be compared with the bytes that came"
HELD_BYTES = 1 << 20
"""Objects up to this size are held in memory until they are written, larger ones are written as they come."""


def download_object(context: BatchContext, position: int, action: Action) -> Procedure:
    """Download one object; tells exactly one outcome."""
    job = Download.of(context, position, action)
    found = FileFound()
    if context.unclear_since_ms(position) is not None:
        wanted = FindFile(job.staged, job.parts, job.pinned, action.size_bytes)
        answer = yield from ask_file(Side.DESTINATION, wanted, FileFound)
        if isinstance(answer, Failure):
            context.emit(ended_at_folder(position, answer))
            return
        found = answer
        if found.md5 == action.source_pin and not found.left:
            context.emit(already_done(position, Evidence.BY_ETAG))
            return
    context.emit((yield from _fetch(context, job, found)))


class Download:
    """What is known of one download before it begins; `staged` is the file that it fills.

    `mtime_ns` is the time that the file is to have: LastModified, unless the object keeps another.
    """

    __slots__ = ("action", "mtime_ns", "parts", "pinned", "position", "staged")

    def __init__(self, position: int, action: Action, parts: Parts, staged: StagedName) -> None:
        self.position = position
        self.action = action
        self.parts = parts
        self.pinned = None if action.destination_pin is None else Stamp.parse(action.destination_pin)
        self.staged = staged
        self.mtime_ns = (action.source_mtime_ms or 0) * 1_000_000

    @classmethod
    def of(cls, context: BatchContext, position: int, action: Action) -> Download:
        """Return that of an action, with a staged file of this attempt."""
        return cls(position, action, file_parts(action), staged_name(context, position))

    def take_time(self, context: BatchContext, found: ObjectFound | None) -> None:
        """Have the file get the time that its object keeps, if it is to come back."""
        kept = mtime_ns_of(found.attributes.metadata) if context.task.settings.preserves_mtime and found else None
        self.mtime_ns = self.mtime_ns if kept is None else kept


def file_parts(action: Action) -> Parts:
    """Return the path of an action's file; a plan is held to have one when it is read."""
    parts = parts_of(action.key if action.destination_key is None else action.destination_key)
    assert not isinstance(parts, KeyRefusal)  # noqa: S101
    return parts


def staged_name(context: BatchContext, position: int) -> StagedName:
    """Return what an action's file is called in the staging folder, in this attempt."""
    task = context.task
    return StagedName(task.settings.plan_digest, task.batch_id, task.generation, position)


def _fetch(context: BatchContext, job: Download, found: FileFound) -> Asking[Outcome]:
    action, position = job.action, job.position
    yield AwaitTurn(action.size_bytes, side=Side.SOURCE)  # before a disk is asked for room
    is_small = action.size_bytes <= HELD_BYTES and not found.left
    room = context.buffer(action.size_bytes) if is_small else None
    sink: SinkInMemory | StagedSink = SinkInMemory(action.size_bytes if room else 0, into=room)
    content: memoryview | StagedFile = memoryview(b"")
    if room is None:
        staged = yield from ask_file(Side.DESTINATION, StageFile(job.staged, action.size_bytes), FileStaged)
        if isinstance(staged, Failure):
            return ended_at_folder(position, staged)
        sink, content = staged.file.sink(0, action.size_bytes), staged.file
    reply = yield from ask(Side.SOURCE, _request(context, action, sink), size_bytes=action.size_bytes, reserves=False)
    ended: Outcome | None
    proved_by = ""
    if isinstance(reply, Failure):
        ended = yield from settle_fetch(context, position, action, reply)
    else:
        assert isinstance(reply, ObjectRead)  # noqa: S101  GetObject answers nothing else
        job.take_time(context, reply.found)
        ended = _judge(position, action, reply, sink)
        if ended is None:
            held = sink.content if isinstance(sink, SinkInMemory) else content
            proved = yield from prove(context, position, action, reply.found, held, compared=PASSING)
            ended, proved_by = (None, proved) if isinstance(proved, str) else (proved, "")
    if ended is None and found.left:
        ended = yield from return_left(job, found.left)
    if ended is None:
        return (
            yield from publish(context, job, sink.content if isinstance(sink, SinkInMemory) else content, proved_by)
        )
    if not isinstance(sink, SinkInMemory):
        yield from ask_file(Side.DESTINATION, DropStaged(job.staged), StagedDropped)
    return ended


def _request(context: BatchContext, action: Action, sink: Sink) -> GetObject:
    source = context.source
    return GetObject(
        bucket=source.bucket,
        key=context.source_key(action),
        if_match=action.source_pin,
        version=action.source_version,
        owner=source.owner,
        into=sink,
        with_checksums=True,
    )


def _judge(position: int, action: Action, reply: ObjectRead, sink: SinkInMemory | StagedSink) -> Outcome | None:
    """Return why the bytes that came are not those of the plan, or None; the store may not know If-Match."""
    if reply.etag != action.source_pin:
        moved = moved_source(action, ObjectFound(reply.etag, action.size_bytes, 0))
        return Outcome(position, OutcomeKind.STALE, moved or "")
    stated = {} if reply.found is None else reply.found.checksums
    differs = difference(stated, _checksums(sink)) if stated else None
    return None if differs is None else suffered(position, differs)


def prove(
    context: BatchContext,
    position: int,
    action: Action,
    found: ObjectFound | None,
    content: memoryview | StagedFile,
    *,
    compared: frozenset[str],
) -> Asking[str | Outcome]:
    """Return by what bytes that came down are proved, empty if nothing does; an Outcome if they may not be published.

    `found` is what the store says of the object; its checksums by these algorithms were `compared` as they passed.
    """
    if not action.size_bytes:
        return BY_EMPTINESS
    stated = {} if found is None else found.checksums
    by = stated_checksum({name: value for name, value in stated.items() if name in compared})
    if by is not None:
        return by
    quirks = quirks_of(context.source.store)
    likely = likely_part_sizes(action.size_bytes, parts_of_etag(action.source_pin or "") or 1, quirks=quirks)
    read = yield from prove_fetched(context, action, found, content, likely_sizes=likely)
    if isinstance(read, Failure):
        return ended_at_folder(position, read)
    if read is not None:
        said = f"its {read.by} is {read.of_one}, the store states {read.of_other}"
        return read.by if read.is_same else suffered(position, said)
    if context.task.settings.verification.is_strict:
        return not_proved(position, _UNTOLD, side=Side.SOURCE)
    return ""


def _checksums(sink: SinkInMemory | StagedSink) -> Mapping[str, str]:
    if not isinstance(sink, SinkInMemory):
        return sink.checksums
    found = PassingChecksums()
    found.update(sink.content)
    return found.values()


def settle_fetch(context: BatchContext, position: int, action: Action, failure: Failure) -> Asking[Outcome]:
    """Say how a download ended whose object did not come, or which the folder did not take."""
    if failure.kind is FailureKind.LOCAL_IO:
        return ended_at_folder(position, failure)
    return (yield from settle_read(context, position, action, failure))


def return_left(job: Download, left: tuple[bytes, ...]) -> Asking[Outcome | None]:
    """Decide about what an earlier attempt has left; None if the file may be published."""
    for name in left:
        answer = yield from ask_file(Side.DESTINATION, ReturnLeft(name, job.staged, job.parts), LeftReturned)
        if isinstance(answer, Failure):
            return ended_at_folder(job.position, answer)
        if answer.end is not LeftEnd.OURS:
            return left_outcome(job.position, answer)
    return None


def left_outcome(position: int, answer: LeftReturned) -> Outcome:
    """Return the outcome of an action whose earlier attempt had somebody's file under its hands."""
    where = "" if answer.kept is None else f": the change lies in {answer.kept}"
    return Outcome(position, OutcomeKind.STALE, f"{answer.end.value}{where}")


def publish(context: BatchContext, job: Download, content: memoryview | StagedFile, proved_by: str) -> Asking[Outcome]:
    """Bring what was fetched into its place; return how the action ended. `proved_by` shows that it is the object."""
    held_bytes = len(content) if isinstance(content, memoryview) else 0
    request = PublishFile(job.staged, job.parts, job.pinned, job.mtime_ns, content)
    published = yield from ask_file(Side.DESTINATION, request, FilePublished, held_bytes=held_bytes)
    if isinstance(published, Failure):  # midway, perhaps: the next attempt looks at what this one has left
        return ended_at_folder(job.position, published)._replace(is_unclear=True)
    if published.how is Published.DONE:
        if published.stamp is not None:
            context.emit(Matched(job.position, str(published.stamp)))
        return Outcome(job.position, OutcomeKind.DONE, evidence=proved_by)
    if published.how in {Published.TAKEN, Published.CHANGED}:
        dropped = yield from ask_file(Side.DESTINATION, DropStaged(job.staged, compared_with=job.parts), StagedDropped)
        if isinstance(dropped, StagedDropped) and dropped.was_same:
            return already_done(job.position, Evidence.BY_BYTES)
    return Outcome(job.position, OutcomeKind.STALE, published.how.value)


def ended_at_folder(position: int, failure: Failure) -> Outcome:
    """Return the outcome of what the folder did not take: nothing there has changed, and hardly any try mends it."""
    if failure.kind is FailureKind.BAD_REPLY or failure.kind.is_retryable:
        return ended_badly(position, failure)
    return Outcome(position, OutcomeKind.FAILED, str(failure), failure=failure.kind, side=Side.DESTINATION)
