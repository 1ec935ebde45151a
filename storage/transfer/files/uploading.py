"""One file that becomes an object, with all its pins: read as the plan saw it, and sent by PutObject."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace

from s3plan.schemas.bodies import Body
from s3plan.schemas.evidence.ladder import KnownBytes
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.paths import KeyRefusal, parts_of
from s3plan.schemas.files.requests import FileRead, HeldBytes, ReadFile
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.outcomes import Matched, Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import ObjectWritten, PutObject
from s3plan.storage.checksums import CRC64NVME
from s3plan.storage.steps import Asking, AwaitTurn, BatchContext, Procedure, ask, ask_file
from s3plan.storage.transfer.attributes.object_mapping import attributes_of_file
from s3plan.storage.transfer.sending import SENT_WITH_HEAD_BYTES, judge_written, look_for_sent, needs_look, settle_sent
from s3plan.storage.transfer.settlement import ended_badly
from s3plan.storage.transfer.verifying import source_of

_OF_FILES = frozenset({FailureKind.SOURCE_CHANGED, FailureKind.LOCAL_IO})  # whoever noticed it


def upload_file(context: BatchContext, position: int, action: Action) -> Procedure:
    """Upload one file; tells exactly one outcome. Its turn comes first: what was read and looked at is sent at once."""
    yield AwaitTurn(action.size_bytes)
    read = yield from _read(context, action)
    if isinstance(read, Failure):
        context.emit(ended_at_source(position, read))
        return
    if needs_look(context, action):
        since_ms = context.unclear_since_ms(position)
        ended = yield from look_for_sent(context, position, action, _known(action, read), since_ms=since_ms)
        if ended is not None:
            context.emit(ended if isinstance(ended, Outcome) else ended_badly(position, ended))
            return
    request = _request(context, action, read)
    reply = yield from ask(Side.DESTINATION, request, size_bytes=action.size_bytes, reserves=False)
    if isinstance(reply, Failure):
        context.emit((yield from _settle(context, position, action, read, reply)))
        return
    assert isinstance(reply, ObjectWritten)  # noqa: S101  PutObject answers nothing else
    known = _known(action, read)
    del read, request  # nobody has to hold the bytes while the object is looked at
    source = source_of(context, action, known=known)
    outcome = yield from judge_written(context, position, action, known, reply, source=source)
    if reply.etag is not None and outcome.kind is OutcomeKind.DONE:
        context.emit(Matched(position, reply.etag))
    context.emit(outcome)


def _known(action: Action, read: FileRead) -> KnownBytes:
    digests = read.digests
    checksums = {} if digests.crc64nvme is None else {CRC64NVME: digests.crc64nvme}
    checksums |= {} if digests.checksum is None else dict([digests.checksum])
    return KnownBytes(action.size_bytes, checksums, md5=b64decode(digests.md5 or "").hex() or None)


def _read(context: BatchContext, action: Action) -> Asking[FileRead | Failure]:
    return (yield from ask_file(Side.SOURCE, reading_of(context, action), FileRead))


def reading_of(context: BatchContext, action: Action) -> ReadFile:
    """Return the request that reads an action's whole file, with the digests that are sent."""
    parts, stamp = parts_of(action.key), Stamp.parse(action.source_pin or "")
    assert not isinstance(parts, KeyRefusal)  # noqa: S101  a plan is held to that when it is read
    assert stamp is not None  # noqa: S101
    is_signed = context.destination.is_plain
    checksum = context.task.settings.checksum
    return ReadFile(parts, stamp, with_md5=True, with_sha256=is_signed, checksum=checksum)


def _request(context: BatchContext, action: Action, read: FileRead) -> PutObject:
    destination, pin = context.destination, action.destination_pin
    is_held = not needs_look(context, action)
    return PutObject(
        bucket=destination.bucket,
        key=context.destination_key(action),
        body=body_of(read),
        if_absent=is_held and pin is None,
        if_match=pin if is_held else None,
        owner=destination.owner,
        digests=replace(read.digests, crc64nvme=None),
        attributes=attributes_of(context, action),
        storage_class=action.storage_class,
        encryption=context.task.settings.encryption,
        acl=context.task.settings.acl,
    )


def body_of(read: FileRead) -> bytes | Body:
    """Return the bytes of a file as a request takes them."""
    body = read.body
    is_small = body.size_bytes <= SENT_WITH_HEAD_BYTES
    return body.content if is_small and isinstance(body, HeldBytes) else body


def attributes_of(context: BatchContext, action: Action) -> ObjectAttributes:
    """Return what the new object carries besides the bytes of its file."""
    settings = context.task.settings
    stamp = Stamp.parse(action.source_pin or "") if settings.preserves_mtime else None
    mtime_ns = None if stamp is None else stamp.mtime_ns
    return attributes_of_file(settings.given, context.destination_key(action), mtime_ns=mtime_ns)


def is_of_file(failure: Failure) -> bool:
    """Return whether a failure, whoever noticed it, says something of the file that was being sent."""
    return failure.kind in _OF_FILES or failure.side is Side.SOURCE


def ended_at_source(position: int, failure: Failure) -> Outcome:
    """Return the outcome of a file that was not read: changed or gone it is stale, else it says what happened."""
    if failure.kind in {FailureKind.SOURCE_CHANGED, FailureKind.NOT_FOUND}:
        said = "source gone" if failure.kind is FailureKind.NOT_FOUND else failure.message.rpartition(": ")[2]
        return Outcome(position, OutcomeKind.STALE, said)
    if failure.kind.is_retryable:
        return ended_badly(position, failure)
    return Outcome(position, OutcomeKind.FAILED, str(failure), failure=failure.kind, side=Side.SOURCE)


def _settle(context: BatchContext, position: int, action: Action, read: FileRead, failure: Failure) -> Asking[Outcome]:
    """Decide how an upload ended that the store refused or left unclear, or whose file is another by now."""
    if is_of_file(failure):
        return ended_at_source(position, failure)
    return (yield from settle_sent(context, position, action, _known(action, read), failure))
