"""What the store knows of multipart uploads: the parts of our own, and others of the same key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Remark
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.uploads import ListMultipartUploads, ListParts, PartsPage, UploadsPage
from s3plan.storage.s3.wire.store_clock import DATE_GRAIN_MS
from s3plan.storage.steps import Asking, BatchContext, Procedure, ask
from s3plan.storage.transfer.part_sizes import MAX_PARTS

_MOST_PAGES = 50  # of a thousand uploads of one key; a store may send markers without end


def list_stored_parts(
    context: BatchContext, action: Action, upload_id: str, *, sums: dict[int, str]
) -> Asking[dict[int, tuple[str, int]] | Failure]:
    """Return number -> (etag, size in bytes) of every part that the upload holds; `sums` gets what is said of them."""
    stored: dict[int, tuple[str, int]] = {}
    marker: int | None = 0
    location = context.destination
    while marker is not None:
        reply = yield from ask(
            Side.DESTINATION,
            ListParts(location.bucket, context.destination_key(action), upload_id, marker, owner=location.owner),
        )
        if isinstance(reply, Failure):
            return reply
        assert isinstance(reply, PartsPage)  # noqa: S101  ListParts answers nothing else
        sums.update(reply.sums)
        stored.update((number, (etag, size_bytes)) for number, etag, size_bytes in reply.parts)
        if reply.next_marker is not None and not marker < reply.next_marker <= MAX_PARTS:
            said = "the store repeats a page of parts, or has more than there can be"
            return Failure(FailureKind.BAD_REPLY, "ListParts", "LoopingMarker", said, side=Side.DESTINATION)
        marker = reply.next_marker
    return stored


def matching_parts(
    stored: Mapping[int, tuple[str, int]],
    ranges: Sequence[tuple[int, int]],
    *,
    journaled: Mapping[int, str] | None = None,
) -> dict[int, str]:
    """Return the ETags of the stored parts that are whole parts of an object cut so; others are copied again.

    So is a part that is not the one that was journaled under its number: somebody else has put it there since.
    """
    told = journaled or {}
    return {
        number: etag
        for number, (etag, size_bytes) in stored.items()
        if 1 <= number <= len(ranges)
        and size_bytes == ranges[number - 1][1] - ranges[number - 1][0] + 1
        and told.get(number, etag) == etag
    }


def tell_open_uploads(context: BatchContext, position: int, action: Action, *, since_ms: int) -> Procedure:
    """Tell of open uploads for this very key that were begun since an attempt whose end is unclear.

    One may be ours, its id lost with a reply or with a process. Nothing in S3 says whose it is, and what it would carry
    (metadata, encryption, parts of other bytes) would become the object, so none is ever taken up: see
    docs/decisions/2026-11-26-uploads-are-not-adopted.md. `since_ms` is by the store's clock.
    """
    found = yield from _uploads_since(context, action, since_ms=since_ms)
    if isinstance(found, Failure):
        _tell(
            context, position, f"an earlier attempt may have left an upload open, and that cannot be looked up: {found}"
        )
    elif found:
        ids = ", ".join(found)
        _tell(
            context,
            position,
            "an attempt that was cut off may have left an upload open. These of this key were begun since and are left "
            f"alone, as each may be somebody else's: {ids}; abort those that nobody needs",
        )


def _tell(context: BatchContext, position: int, message: str) -> None:
    context.emit(Remark(position, message))


def _uploads_since(context: BatchContext, action: Action, *, since_ms: int) -> Asking[list[str] | Failure]:
    """Return the ids of the open uploads of exactly this key that were begun since."""
    location = context.destination
    key = context.destination_key(action)
    before_ms = since_ms - DATE_GRAIN_MS
    found: list[str] = []
    key_marker: str | None = None
    id_marker: str | None = None
    for _ in range(_MOST_PAGES):
        reply = yield from ask(
            Side.DESTINATION,
            ListMultipartUploads(location.bucket, key, key_marker, id_marker, owner=location.owner),
        )
        if isinstance(reply, Failure):
            return reply
        assert isinstance(reply, UploadsPage)  # noqa: S101  ListMultipartUploads answers nothing else
        found += [upload_id for name, upload_id, at_ms in reply.uploads if name == key and at_ms > before_ms]
        markers = (reply.next_key_marker, reply.next_upload_id_marker)
        past_key = reply.next_key_marker is not None and reply.next_key_marker > key
        if markers[0] is None or past_key or markers == (key_marker, id_marker):
            return found
        key_marker, id_marker = markers
    said = f"{_MOST_PAGES} pages were not all"
    return Failure(FailureKind.BAD_REPLY, "ListMultipartUploads", "EndlessPages", said, side=Side.DESTINATION)
