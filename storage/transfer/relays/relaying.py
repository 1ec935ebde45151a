"""One object that goes from one store to another through this process, with all its pins: GetObject, then PutObject."""

from __future__ import annotations

from base64 import b64decode, b64encode

from s3plan.schemas.bodies import Body, BodyInMemory, Digests, SinkInMemory
from s3plan.schemas.evidence.ladder import CHECKSUM_BYTES, KnownBytes, compare_bytes, is_digest, known_of_object
from s3plan.schemas.failures import Failure
from s3plan.schemas.outcomes import Evidence, Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.buffers import BufferSummed, BufferTaken, SumBuffer, TakeBuffer
from s3plan.schemas.requests.objects import GetObject, ObjectFound, ObjectRead, ObjectWritten, PutObject
from s3plan.storage.checksums import CRC64NVME
from s3plan.storage.steps import Asking, AwaitTurn, BatchContext, Procedure, ask, ask_buffer
from s3plan.storage.transfer.evidence import Made, evidence_of
from s3plan.storage.transfer.fetching import settle_read, suffered
from s3plan.storage.transfer.relays.passed_bytes import PassedBytes
from s3plan.storage.transfer.relays.second_reading import is_lost_unseen
from s3plan.storage.transfer.relays.source_attributes import read_attributes
from s3plan.storage.transfer.sending import SENT_WITH_HEAD_BYTES, judge_written, look_for_sent, needs_look, settle_sent
from s3plan.storage.transfer.settlement import (
    already_done,
    ended_badly,
    look_at_destination,
    look_at_source,
    moved_source,
)


class _Fetched:
    """An object in memory: what its store says of it, and what its bytes come to."""

    __slots__ = ("content", "found", "known", "sha256")

    def __init__(self, content: memoryview, found: ObjectFound, known: KnownBytes, sha256: str | None) -> None:
        self.content = content
        self.found = found
        self.known = known
        self.sha256 = sha256


def relay_object(context: BatchContext, position: int, action: Action) -> Procedure:
    """Relay one object; tells exactly one outcome.

    Where an earlier attempt may have ended well, the destination is looked at first: an object of the source's ETag
    need not be fetched again.
    """
    if context.unclear_since_ms(position) is not None:
        ended = yield from _look_first(context, position, action)
        if ended is not None:
            context.emit(ended)
            return
    yield AwaitTurn(action.size_bytes, side=Side.SOURCE)  # before memory is taken that others could use
    fetched = yield from _fetch(context, position, action)
    if isinstance(fetched, Outcome):
        context.emit(fetched)
        return
    attributes = yield from read_attributes(context, position, action, fetched.found, is_fetched=True)
    if isinstance(attributes, Failure):
        context.emit((yield from settle_read(context, position, action, attributes)))
        return
    known = fetched.known
    if needs_look(context, action):
        since_ms = context.unclear_since_ms(position)
        looked = yield from look_for_sent(context, position, action, known, since_ms=since_ms)
        if looked is not None:
            context.emit(looked if isinstance(looked, Outcome) else ended_badly(position, looked))
            return
    request = _request(context, action, fetched, attributes)
    del fetched
    reply = yield from ask(Side.DESTINATION, request)  # its bytes were counted as they came
    del request  # nobody has to hold the bytes while the object is looked at
    if isinstance(reply, Failure):
        context.emit((yield from settle_sent(context, position, action, known, reply)))
        return
    assert isinstance(reply, ObjectWritten)  # noqa: S101  PutObject answers nothing else
    source = PassedBytes(known)
    context.emit((yield from judge_written(context, position, action, known, reply, source=source)))


def _look_first(context: BatchContext, position: int, action: Action) -> Asking[Outcome | None]:
    """Return that an earlier attempt has made the object, if the MD5 sums that both stores have for ETags show it."""
    if not is_digest((action.source_pin or "").lower()):
        return None
    found = yield from look_at_destination(context, action)
    if not isinstance(found, ObjectFound):
        return None
    made = Made(action, context.unclear_since_ms(position), tells_time=False)
    evidence = evidence_of(found, made)
    return already_done(position, evidence) if evidence is Evidence.BY_ETAG else None


def _fetch(context: BatchContext, position: int, action: Action) -> Asking[_Fetched | Outcome]:
    """Return the planned object as it came, or how the action ended without it."""
    room = context.buffer(action.size_bytes)
    if room is None:
        taken = yield from ask_buffer(TakeBuffer(action.size_bytes), BufferTaken)
        if isinstance(taken, Failure):
            return ended_badly(position, taken)
        room = taken.content
        del taken
    reply = yield from ask(Side.SOURCE, _get(context, action, room), size_bytes=action.size_bytes, reserves=False)
    if isinstance(reply, Failure):
        return (yield from settle_read(context, position, action, reply))
    assert isinstance(reply, ObjectRead)  # noqa: S101  GetObject answers nothing else
    found: ObjectFound | None = reply.found
    if reply.etag == action.source_pin and found is None:
        looked = yield from look_at_source(context, action)
        if isinstance(looked, Failure):
            return (yield from settle_read(context, position, action, looked))
        assert isinstance(looked, ObjectFound)  # noqa: S101  a look answers nothing else
        found = looked
    moved = moved_source(action, found or ObjectFound(reply.etag, action.size_bytes, 0))
    if moved is not None or found is None:
        return Outcome(position, OutcomeKind.STALE, moved or "source changed")
    return (yield from _summed_up(context, position, action, room, found))


def _get(context: BatchContext, action: Action, room: memoryview) -> GetObject:
    return GetObject(
        bucket=context.source.bucket,
        key=context.source_key(action),
        if_match=action.source_pin,
        version=action.source_version,
        owner=context.source.owner,
        into=SinkInMemory(action.size_bytes, into=room),
        with_checksums=True,
    )


def _summed_up(
    context: BatchContext, position: int, action: Action, content: memoryview, found: ObjectFound
) -> Asking[_Fetched | Outcome]:
    """Return an object with what its bytes come to, if that is what its store states of them."""
    is_signed = context.destination.is_plain
    stated = found.checksums.keys() & CHECKSUM_BYTES.keys()
    asked = context.task.settings.checksum
    algorithms = {CRC64NVME, "MD5", *stated, *(["SHA256"] if is_signed else []), *([asked] if asked else [])}
    summed = yield from ask_buffer(SumBuffer(content, frozenset(algorithms)), BufferSummed)
    if isinstance(summed, Failure):
        return ended_badly(position, summed)
    sums = dict(summed.digests)
    md5 = sums.pop("MD5")
    known = KnownBytes(action.size_bytes, sums, md5=md5)
    settings = context.task.settings.verification
    is_exact = settings.etags_are_md5 if found.encryption is None else found.encryption == "AES256"
    stated_there = known_of_object(found.size_bytes, found.etag, checksums=found.checksums, is_exact=is_exact)
    compared = compare_bytes(known, stated_there)
    if compared is not None and not compared.is_same:
        return suffered(position, f"its {compared.by} is {compared.of_one}, the store states {compared.of_other}")
    looks_other = stated_there.md5 is not None and found.encryption is None
    if compared is None and (looks_other or is_lost_unseen(context)):
        differs = yield from _read_again(context, position, action, content, md5=md5)
        if differs is not None:
            return differs
    sha256 = b64decode(sums["SHA256"]).hex() if is_signed else None
    return _Fetched(content, found, known, sha256)


def _read_again(
    context: BatchContext, position: int, action: Action, content: memoryview, *, md5: str
) -> Asking[Outcome | None]:
    """Return how an action ended whose object comes as other bytes when it is read once more; None: as the same.

    For an object whose ETag looks like an MD5 sum, which is not that of what came, and of which nobody knows whether it
    is one: either it is not, or the bytes have suffered. Also for one of which nothing is stated, and that is removed.
    """
    reply = yield from ask(Side.SOURCE, _get(context, action, content), size_bytes=action.size_bytes)
    if isinstance(reply, Failure):
        return (yield from settle_read(context, position, action, reply))
    assert isinstance(reply, ObjectRead)  # noqa: S101  GetObject answers nothing else
    if reply.etag != action.source_pin:
        return Outcome(position, OutcomeKind.STALE, "source changed")
    summed = yield from ask_buffer(SumBuffer(content, frozenset({"MD5"})), BufferSummed)
    if isinstance(summed, Failure):
        return ended_badly(position, summed)
    again = summed.digests["MD5"]
    return None if again == md5 else suffered(position, f"its MD5 is {again}, and was {md5} when it was read before")


def _request(context: BatchContext, action: Action, fetched: _Fetched, attributes: ObjectAttributes) -> PutObject:
    destination, pin = context.destination, action.destination_pin
    is_held = not needs_look(context, action)
    content = fetched.content
    body: bytes | Body = bytes(content) if len(content) <= SENT_WITH_HEAD_BYTES else BodyInMemory(content)
    md5 = b64encode(bytes.fromhex(fetched.known.md5 or "")).decode()
    asked = context.task.settings.checksum
    checksum = None if asked is None else (asked, fetched.known.checksums[asked])
    return PutObject(
        bucket=destination.bucket,
        key=context.destination_key(action),
        body=body,
        if_absent=is_held and pin is None,
        if_match=pin if is_held else None,
        owner=destination.owner,
        digests=Digests(md5=md5, sha256=fetched.sha256, checksum=checksum),
        attributes=attributes,
        storage_class=action.storage_class,
        encryption=context.task.settings.encryption,
        acl=context.task.settings.acl,
    )
