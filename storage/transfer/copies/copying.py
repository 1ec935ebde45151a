"""One server-side copy, with all its pins: CopyObject."""

from __future__ import annotations

from s3plan.schemas.evidence.ladder import BY_EMPTINESS, BY_MD5, BY_PARTS, is_digest, parts_of_etag
from s3plan.schemas.failures import Failure
from s3plan.schemas.outcomes import Outcome, OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import CopyObject, ObjectWritten
from s3plan.storage.steps import BatchContext, Procedure, ask
from s3plan.storage.transfer.attributes.replacing import NOTHING_REPLACED, Replacing, read_replacing
from s3plan.storage.transfer.settlement import settle_copy
from s3plan.storage.transfer.verifying import verify_written


def copy_request(context: BatchContext, action: Action, replacing: Replacing = NOTHING_REPLACED) -> CopyObject:
    """Return the one request of a small copy, with the pins that the store holds.

    The others were looked at (needs_look). On the request they would do harm: OpenStack Swift answers 501 to any PUT
    with If-Match, and Ceph 16 a 412 to the right one.
    """
    source, destination, settings = context.source, context.destination, context.task.settings
    pin = action.destination_pin
    is_held = context.is_enforced(Condition.COPY_ABSENT if pin is None else Condition.COPY_MATCH)
    return CopyObject(
        bucket=destination.bucket,
        key=context.destination_key(action),
        source_bucket=source.bucket,
        source_key=context.source_key(action),
        source_if_match=action.source_pin if context.is_enforced(Condition.COPY_SOURCE_MATCH) else None,
        source_version=action.source_version,
        if_absent=is_held and pin is None,
        if_match=pin if is_held else None,
        storage_class=action.storage_class,
        encryption=settings.encryption,
        acl=settings.acl,
        checksum=settings.checksum,
        owner=destination.owner,
        source_owner=source.owner,
        requester_pays=settings.source_requester_pays,
        attributes=replacing.attributes,
        tags=replacing.tags,
    )


def copy_object(context: BatchContext, position: int, action: Action) -> Procedure:
    """Copy one object; tells exactly one outcome."""
    replacing = yield from read_replacing(context, position, action)
    if isinstance(replacing, Outcome):
        context.emit(replacing)
        return
    yield from copy_replacing(context, position, action, replacing)


def copy_replacing(
    context: BatchContext, position: int, action: Action, replacing: Replacing, *, reserves: bool = True
) -> Procedure:
    """Do so with what it replaces, which was read. Without `reserves` the request's turn was taken before."""
    request = copy_request(context, action, replacing)
    reply = yield from ask(Side.DESTINATION, request, size_bytes=action.size_bytes, reserves=reserves)
    if isinstance(reply, Failure):
        context.emit((yield from settle_copy(context, position, action, reply)))
    else:
        assert isinstance(reply, ObjectWritten)  # noqa: S101  CopyObject answers nothing else
        proved_by = proof_of_copy(action, reply)
        if proved_by:
            context.emit(Outcome(position, OutcomeKind.DONE, evidence=proved_by))
        else:
            context.emit((yield from verify_written(context, position, action, reply)))


def proof_of_copy(action: Action, reply: ObjectWritten) -> str:
    """Return by what a copy has the bytes of its source, as its reply tells; empty if it does not.

    Equal ETags prove it also where they are no MD5 sums of the bytes; different ones prove nothing.
    """
    if reply.etag is None or reply.etag != action.source_pin:
        return "" if action.size_bytes else BY_EMPTINESS
    etag = reply.etag.lower()
    if is_digest(etag) or parts_of_etag(etag) is not None:
        return BY_MD5 if is_digest(etag) else BY_PARTS
    return "" if action.size_bytes else BY_EMPTINESS


def needs_look(context: BatchContext, action: Action, *, is_doubtful: bool) -> bool:
    """Return whether the two sides must be looked at before this copy is sent.

    Where the store holds the pins, it is not needed: a copy that an earlier attempt had made comes back as a 412 and
    is looked at then. An overwrite by an object of the same ETag would pass its own pin, so it is looked at if an
    earlier attempt may have made it.
    """
    destination = Condition.COPY_ABSENT if action.destination_pin is None else Condition.COPY_MATCH
    if not (context.is_enforced(destination) and context.is_enforced(Condition.COPY_SOURCE_MATCH)):
        return True
    return is_doubtful and action.destination_pin is not None and action.destination_pin == action.source_pin
