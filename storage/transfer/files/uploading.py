"""One file that becomes an object, with all its pins: read as the plan saw it, and sent by PutObject."""

from __future__ import annotations

from base64 import b64decode

from s3plan.schemas.bodies import Body, Digests
from s3plan.schemas.evidence.ladder import KnownBytes, compare_bytes, known_of_object
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.paths import KeyRefusal, parts_of
from s3plan.schemas.files.requests import FileRead, HeldBytes, ReadFile
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.outcomes import Matched, Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import ObjectFound, ObjectWritten, PutObject, Reply
from s3plan.storage.checksums import CRC64NVME
from s3plan.storage.steps import Asking, AwaitTurn, BatchContext, Procedure, ask, ask_file
from s3plan.storage.transfer.attributes.object_mapping import attributes_of_file
from s3plan.storage.transfer.evidence import Made, evidence_of
from s3plan.storage.transfer.settlement import (
    already_done,
    ended_badly,
    look_at_destination,
    moved_destination,
    settle,
)
from s3plan.storage.transfer.verifying import not_verified, prove_ours, source_of, verify_written

_OF_FILES = frozenset({FailureKind.SOURCE_CHANGED, FailureKind.LOCAL_IO})  # whoever noticed it
_SENT_WITH_HEAD_BYTES = 64 << 10  # in one piece with the request's head


def upload_file(context: BatchContext, position: int, action: Action) -> Procedure:
    """Upload one file; tells exactly one outcome. Its turn comes first: what was read and looked at is sent at once."""
    yield AwaitTurn(action.size_bytes)
    read = yield from _read(context, action)
    if isinstance(read, Failure):
        context.emit(ended_at_source(position, read))
        return
    if needs_look(context, action):
        since_ms = context.unclear_since_ms(position)
        ended = yield from look_for_made(context, position, action, _made(action, read, since_ms), since_ms=since_ms)
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
    context.emit((yield from _judge_written(context, position, action, known, reply)))


def _judge_written(
    context: BatchContext, position: int, action: Action, known: KnownBytes, reply: ObjectWritten
) -> Asking[Outcome]:
    """Return how an upload ended that the store took, and by what it is proved that it has the file's bytes."""
    compared = compare_bytes(known, known_of_written(action.size_bytes, reply))
    if compared is None:
        source = source_of(context, action, known=known)
        outcome = yield from verify_written(context, position, action, reply, source=source)
    elif compared.is_same:
        outcome = Outcome(position, OutcomeKind.DONE, evidence=compared.by)
    else:
        outcome = not_verified(position, compared)
    if reply.etag is not None and outcome.kind is OutcomeKind.DONE:
        context.emit(Matched(position, reply.etag))
    return outcome


def _known(action: Action, read: FileRead) -> KnownBytes:
    digests = read.digests
    checksums = {} if digests.crc64nvme is None else {CRC64NVME: digests.crc64nvme}
    return KnownBytes(action.size_bytes, checksums, md5=b64decode(digests.md5 or "").hex() or None)


def known_of_written(size_bytes: int, reply: ObjectWritten) -> KnownBytes:
    """Return what the reply to a write tells of the bytes that were stored; its ETag need not be an MD5 sum."""
    checksums = {} if reply.crc64nvme is None else {CRC64NVME: reply.crc64nvme}
    return known_of_object(size_bytes, reply.etag or "", checksums=checksums, is_exact=False)


def needs_look(context: BatchContext, action: Action) -> bool:
    """Return whether the destination must be looked at before the upload: its store does not hold the pin."""
    pin = action.destination_pin
    return not context.is_enforced(Condition.PUT_ABSENT if pin is None else Condition.PUT_MATCH)


def _read(context: BatchContext, action: Action) -> Asking[FileRead | Failure]:
    return (yield from ask_file(Side.SOURCE, reading_of(context, action), FileRead))


def reading_of(context: BatchContext, action: Action) -> ReadFile:
    """Return the request that reads an action's whole file, with the digests that are sent."""
    parts, stamp = parts_of(action.key), Stamp.parse(action.source_pin or "")
    assert not isinstance(parts, KeyRefusal)  # noqa: S101  a plan is held to that when it is read
    assert stamp is not None  # noqa: S101
    is_signed = (context.destination.endpoint or "").startswith("http:")
    return ReadFile(parts, stamp, with_md5=True, with_sha256=is_signed)


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
        digests=Digests(md5=read.digests.md5, sha256=read.digests.sha256),
        attributes=attributes_of(context, action),
        storage_class=action.storage_class,
        encryption=context.task.settings.encryption,
    )


def body_of(read: FileRead) -> bytes | Body:
    """Return the bytes of a file as a request takes them."""
    body = read.body
    is_small = body.size_bytes <= _SENT_WITH_HEAD_BYTES
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
    """Decide how an upload ended that the store refused or left unclear.

    What the file is, is known: an upload is never taken for done by its size and time alone.
    """
    if is_of_file(failure):
        return ended_at_source(position, failure)
    return (
        yield from settle(
            context,
            position,
            failure,
            look=lambda since_ms: look_for_made(
                context, position, action, _made(action, read, since_ms), since_ms=since_ms
            ),
        )
    )


def look_for_made(
    context: BatchContext, position: int, action: Action, made: Made | None, *, since_ms: int | None
) -> Asking[Outcome | Failure | None]:
    """Return how an upload has ended by what stands at the destination, as a Look does; `made`: if that is known."""
    found = yield from look_at_destination(context, action)
    ended = judge_made(position, action, found, made)
    if isinstance(ended, Outcome) and ended.kind is OutcomeKind.STALE:
        return (yield from prove_ours(context, position, action, found, since_ms=since_ms, stale=ended))
    return ended


def judge_made(position: int, action: Action, found: Reply, made: Made | None) -> Outcome | Failure | None:
    """Return that by what a look has found."""
    if isinstance(found, Failure) and found.kind is not FailureKind.NOT_FOUND:
        return found
    here = found if isinstance(found, ObjectFound) else None
    if here is not None and made is not None:
        evidence = evidence_of(here, made)
        if evidence is not None:
            return already_done(position, evidence)
    moved = moved_destination(action, here)
    return None if moved is None else Outcome(position, OutcomeKind.STALE, moved)


def _made(action: Action, read: FileRead, since_ms: int | None) -> Made:
    """Return what the upload makes, as if its source were an object of these bytes."""
    digests = read.digests
    etag = b64decode(digests.md5 or "").hex()
    checksums = {} if digests.crc64nvme is None else {"CRC64NVME": digests.crc64nvme}
    as_object = ObjectFound(etag, action.size_bytes, 0, checksums=checksums)
    return Made(action._replace(source_pin=etag), since_ms, source=as_object, tells_time=False)
