"""The last step of a write: whether the destination has the bytes of the source, where the reply does not prove it.

What is asked, and when, is said by Verification. Nothing is ever deleted, or written once more, because of what is
found.
"""

from __future__ import annotations

from s3plan.schemas.evidence.ladder import (
    BY_MD5,
    BY_PARTS,
    CHECKSUM_BYTES,
    Compared,
    KnownBytes,
    compare_bytes,
    stated_checksum,
)
from s3plan.schemas.evidence.verification import Verify
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.paths import KeyRefusal, parts_of
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.outcomes import Evidence, Outcome, OutcomeKind, Remark
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import ObjectFound, ObjectWritten, Reply
from s3plan.storage.checksums import CRC64NVME
from s3plan.storage.s3.wire.store_clock import DATE_GRAIN_MS
from s3plan.storage.steps import Asking, BatchContext
from s3plan.storage.verification.asked_sides import INTERRUPTED, AskedFile, AskedObject, AskedSide

_OVERWRITTEN = "destination overwritten right after it was written: other bytes are there by now, under another ETag"
_UNTOLD = "nothing that the two sides state can be compared"


def verify_written(
    context: BatchContext,
    position: int,
    action: Action,
    reply: ObjectWritten,
    *,
    source: AskedSide | None = None,
    part_bytes: int | None = None,
) -> Asking[Outcome]:
    """Return how a write to a store ended that was done and whose reply has proved nothing.

    `source` is that of the action if more is known of it than the plan says; `part_bytes` is how the object was cut.
    """
    verification = context.task.settings.verification
    if verification.asks is Verify.NONE:
        return Outcome(position, OutcomeKind.DONE)
    written = destination_of(context, action, etag=reply.etag, part_bytes=part_bytes, was_just_written=True)
    source = source or source_of(context, action)
    compared = yield from _compare(source, written, verification.asks)
    there = _another(written, compared)
    if there is not None:
        here = destination_of(context, action, etag=there.etag, found=there)
        compared = yield from _compare(source, here, verification.asks)
        if isinstance(compared, Compared) and not compared.is_same:
            return _overwritten(context, position)
    if isinstance(compared, Compared):
        if compared.is_same:
            return Outcome(position, OutcomeKind.DONE, evidence=compared.by)
        return not_verified(position, compared)
    if isinstance(compared, Failure):
        if compared.kind.is_credentials:
            return _awaits_credentials(position, compared)
        if compared.kind is FailureKind.NOT_FOUND and compared.side is not Side.SOURCE:
            return not_proved(position, "the store took it, and says now that no object is there")
    if verification.is_strict or _is_interrupted(compared):
        return not_proved(position, _why(compared))
    return Outcome(position, OutcomeKind.DONE)


def _overwritten(context: BatchContext, position: int) -> Outcome:
    """Return the outcome of a write that is done, and whose object somebody has replaced before it was looked at."""
    if context.task.settings.verification.is_strict:
        return Outcome(position, OutcomeKind.STALE, _OVERWRITTEN)
    context.emit(Remark(position, _OVERWRITTEN))
    return Outcome(position, OutcomeKind.DONE)


def _another(written: AskedSide, compared: Compared | Failure | None) -> ObjectFound | None:
    """Return what stands there in place of what was written: somebody's, or ours if replies name ETags of their own."""
    is_another = isinstance(compared, Failure) and compared.kind is FailureKind.PRECONDITION
    if not (is_another and isinstance(written, AskedObject)) or written.found is None:
        return None
    return written.found if written.found.etag != written.etag else None


def verify_pair(context: BatchContext, action: Action) -> Asking[Compared | Failure | None]:
    """Return whether the two objects, or the file and the object, of an action have the same bytes; nothing is written.

    Both as its pins say. The destination is asked in any case, so that it is there at this moment. Whatever
    `run.verify` says, what is stated is compared and a file is read; objects are if it says `checksum`. None: nothing
    proves it. A Failure: one side could not be asked (its `side` says which), or is not as planned any more
    (PRECONDITION, NOT_FOUND, SOURCE_CHANGED).
    """
    asks = context.task.settings.verification.asks
    source, destination = source_of(context, action), destination_of(context, action, etag=action.destination_pin)
    compared = yield from _compare(source, destination, asks if asks is Verify.CHECKSUM else Verify.ETAG)
    return (
        compared if compared is not None or asks is Verify.CHECKSUM else (yield from _read_files(source, destination))
    )


def prove_made(
    context: BatchContext,
    position: int,
    action: Action,
    here: ObjectFound,
    source: ObjectFound | None,
    *,
    reads: bool = False,
) -> Asking[Outcome | None]:
    """Return how a write ended whose reply is not known, by the bytes that stand there; None if nothing proves it.

    `source` is the pinned one, if it was looked at. Both sides are read only if what they state does not tell, and
    `run.verify` says `checksum` or `reads` does.
    """
    verification = context.task.settings.verification
    destination = destination_of(context, action, etag=here.etag, found=here)
    asks = Verify.CHECKSUM if reads or verification.asks is Verify.CHECKSUM else Verify.ETAG
    compared = yield from _compare(source_of(context, action, found=source), destination, asks)
    if isinstance(compared, Compared):
        return already_same(position, compared) if compared.is_same else not_verified(position, compared)
    if isinstance(compared, Failure) and compared.kind.is_credentials:
        return _awaits_credentials(position, compared)
    has_to_be = verification.is_strict or _is_interrupted(compared)
    return not_proved(position, _why(compared)) if has_to_be else None


def prove_ours(
    context: BatchContext,
    position: int,
    action: Action,
    found: Reply,
    *,
    since_ms: int | None,
    stale: Outcome,
    reads: bool = False,
) -> Asking[Outcome]:
    """Return that an attempt of unclear end, begun at that time, has made what stands there, if its bytes prove it.

    Only `checksum` reads them, or `reads`. Other bytes may be somebody else's as well: then it is `stale`, and says so.
    """
    is_asked = reads or context.task.settings.verification.asks is Verify.CHECKSUM
    if not is_asked or since_ms is None or not isinstance(found, ObjectFound) or found.size_bytes != action.size_bytes:
        return stale
    if found.mtime_ms <= since_ms - DATE_GRAIN_MS:
        return stale
    ended = yield from prove_made(context, position, action, found, None, reads=reads)
    if ended is not None and ended.failure is FailureKind.VERIFICATION:
        return stale._replace(reason=f"{stale.reason}; if this run has written it: {ended.reason}")
    return ended or stale


def not_verified(position: int, compared: Compared) -> Outcome:
    """Return the outcome of a write whose store says that it has other bytes; they are left there."""
    return not_proved(position, f"its {compared.by} is {compared.of_one}, the store has {compared.of_other}")


def not_proved(position: int, why: str, *, side: Side = Side.DESTINATION) -> Outcome:
    """Return the outcome of a write whose bytes are not proved, though they have to be."""
    said = f"verification: {why}"
    return Outcome(position, OutcomeKind.FAILED, said, failure=FailureKind.VERIFICATION, side=side)


def already_same(position: int, compared: Compared) -> Outcome:
    """Return the outcome for two sides that were compared and have the same bytes."""
    evidence = Evidence.BY_CHECKSUM if compared.by in CHECKSUM_BYTES else Evidence.BY_ETAG
    return Outcome(position, OutcomeKind.ALREADY_DONE, "", evidence)


def _awaits_credentials(position: int, failure: Failure) -> Outcome:
    """Return the outcome of a look that ends the run: it is looked at again once they are renewed."""
    return Outcome(
        position, OutcomeKind.UNKNOWN, str(failure), failure=failure.kind, is_unclear=True, side=failure.side
    )


def _is_interrupted(compared: Failure | None) -> bool:
    """Return whether the bytes are still to be read: the run that has begun to is being stopped."""
    return compared is not None and compared.code == INTERRUPTED


def _why(compared: Failure | None) -> str:
    return _UNTOLD if compared is None else str(compared)


def source_of(
    context: BatchContext, action: Action, *, known: KnownBytes | None = None, found: ObjectFound | None = None
) -> AskedSide:
    """Return the source of an action as it was planned; what is known of a file's bytes, or HEAD has said."""
    if context.source.is_folder:
        return _file(Side.SOURCE, action.key, action.source_pin, known or KnownBytes(action.size_bytes))
    return AskedObject(
        Side.SOURCE,
        context.source,
        context.source_key(action),
        action.size_bytes,
        action.source_pin,
        action.source_version,
        context.task.settings.verification.etags_are_md5,
        found=found,
    )


def destination_of(
    context: BatchContext,
    action: Action,
    *,
    etag: str | None,
    part_bytes: int | None = None,
    found: ObjectFound | None = None,
    was_just_written: bool = False,
) -> AskedSide:
    """Return the destination of an action, an object with that ETag or a file with that stamp."""
    if context.destination.is_folder:
        key = action.key if action.destination_key is None else action.destination_key
        return _file(Side.DESTINATION, key, etag, KnownBytes(action.size_bytes))
    return AskedObject(
        Side.DESTINATION,
        context.destination,
        context.destination_key(action),
        action.size_bytes,
        etag,
        etags_are_md5=context.task.settings.verification.etags_are_md5,
        part_bytes=part_bytes,
        found=found,
        was_just_written=was_just_written,
    )


def _file(side: Side, key: bytes, pin: str | None, known: KnownBytes) -> AskedFile:
    parts, stamp = parts_of(key), Stamp.parse(pin or "")
    assert not isinstance(parts, KeyRefusal)  # noqa: S101  a plan is held to that when it is read
    assert stamp is not None  # noqa: S101
    return AskedFile(side, parts, stamp, known, is_to_last=side is Side.DESTINATION)


def _compare(source: AskedSide, destination: AskedSide, asks: Verify) -> Asking[Compared | Failure | None]:
    """Return what the first step says that knows something.

    Some stores have ETags that only look like MD5 sums: that they differ is no more than a suspicion if bytes are read.
    """
    compared: Compared | None = None
    for side in (destination, source):
        failure = yield from side.ask()
        if failure is not None:
            return failure
        compared = compare_bytes(source.known, destination.known)
        is_decided = compared is not None and not (asks is Verify.CHECKSUM and _is_suspicion(compared))
        if asks is Verify.SIZE or is_decided:
            return compared
    if asks is not Verify.CHECKSUM:
        return None
    read = (yield from _read_files(source, destination)) or (yield from _read_both(source, destination))
    return compared if compared is not None and not isinstance(read, Compared) else read


def _is_suspicion(compared: Compared) -> bool:
    return not compared.is_same and compared.by in (BY_MD5, BY_PARTS)


def _read_files(source: AskedSide, destination: AskedSide) -> Asking[Compared | Failure | None]:
    """Compare a file with what the store of the other side states."""
    for one, other in ((source, destination), (destination, source)):
        algorithm = _of_stated(one, other.known)
        part_bytes = other.known.part_bytes if algorithm is None else None
        if not isinstance(one, AskedFile) or (algorithm is None and part_bytes is None):
            continue
        failure = yield from one.read(*([] if algorithm is None else [algorithm]), part_bytes=part_bytes)
        compared = compare_bytes(source.known, destination.known)
        if failure is not None or (compared is not None and not _is_suspicion(compared)):
            return failure or compared
    return None


def _read_both(source: AskedSide, destination: AskedSide) -> Asking[Compared | Failure | None]:
    """Compare by the bytes themselves."""
    for side in (destination, source):
        if stated_checksum({CRC64NVME: side.known.checksums.get(CRC64NVME, "")}) is None:
            failure = yield from side.read(CRC64NVME)
            if failure is not None:
                return failure
    return compare_bytes(source.known, destination.known)


def _of_stated(one: AskedSide, other: KnownBytes) -> str | None:
    """Return the digest of one side that can be compared with what is known of the other."""
    algorithm = stated_checksum(other.checksums)
    if algorithm is None and other.md5 is not None and one.known.md5 is None:
        return "MD5"
    return algorithm
