"""What the store knows of multipart uploads that an earlier attempt of ours left open."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

from s3plan.schemas.actions import Action
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Remark
from s3plan.schemas.requests import ListMultipartUploads, ListParts, PartsPage, Reply, UploadsPage
from s3plan.storage.steps import Answer, Ask, AskMany, BatchContext, Next, Side, ask


def list_stored_parts(
    context: BatchContext, action: Action, upload_id: str
) -> Generator[Ask | AskMany | Next, Reply | Answer | None, dict[int, tuple[str, int]] | Failure]:
    """Return number -> (etag, size in bytes) of every part that the upload holds."""
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
        stored.update((number, (etag, size_bytes)) for number, etag, size_bytes in reply.parts)
        if reply.next_marker is not None and reply.next_marker <= marker:
            return Failure(FailureKind.BAD_REPLY, "ListParts", "LoopingMarker", "the store repeats a page of parts")
        marker = reply.next_marker
    return stored


def matching_parts(stored: Mapping[int, tuple[str, int]], ranges: Sequence[tuple[int, int]]) -> dict[int, str]:
    """Return the ETags of the stored parts that are whole parts of an object cut so; others are copied again."""
    return {
        number: etag
        for number, (etag, size_bytes) in stored.items()
        if 1 <= number <= len(ranges) and size_bytes == ranges[number - 1][1] - ranges[number - 1][0] + 1
    }


def find_own_upload(
    context: BatchContext, position: int, action: Action, ranges: Sequence[tuple[int, int]]
) -> Generator[Ask | AskMany | Next, Reply | Answer | None, tuple[str, dict[int, str]] | Failure | None]:
    """Return id and part ETags of the one open upload for this key that began since the batch did, if it is ours.

    Its id was lost with the reply, or with the process, before it was journaled. If there are several, or its parts
    are not those of an object cut in `ranges`, it may be somebody else's: it is left alone and told of. None then, and
    where there is none or the store does not say.
    """
    own = yield from _uploads_since(context, position, action)
    if isinstance(own, Failure):
        return own
    if len(own) > 1:
        _tell(
            context,
            position,
            f"{len(own)} uploads for this key are open since this batch began; they are left alone: {', '.join(own)}",
        )
    if len(own) != 1:
        return None
    stored = yield from list_stored_parts(context, action, own[0])
    if isinstance(stored, Failure):
        return None if stored.kind is FailureKind.NO_SUCH_UPLOAD else stored
    etags = matching_parts(stored, ranges)
    if len(etags) < len(stored):
        _tell(context, position, f"an upload for this key has other parts than ours; it is left alone: {own[0]}")
        return None
    return own[0], etags


def _tell(context: BatchContext, position: int, message: str) -> None:
    context.emit(Remark(position, message))


def _uploads_since(
    context: BatchContext, position: int, action: Action
) -> Generator[Ask | AskMany | Next, Reply | Answer | None, list[str] | Failure]:
    """Return the ids of the key's open uploads that began since the batch did."""
    location = context.destination
    key = context.destination_key(action)
    begun_ms = context.begun_by_store_clock_ms()
    own: list[str] = []
    key_marker: str | None = None
    id_marker: str | None = None
    while True:
        reply = yield from ask(
            Side.DESTINATION,
            ListMultipartUploads(location.bucket, key, key_marker, id_marker, owner=location.owner),
        )
        if isinstance(reply, Failure):
            if reply.kind not in (FailureKind.UNSUPPORTED, FailureKind.DENIED):
                return reply
            _tell(context, position, f"an upload that an earlier attempt left open cannot be looked for: {reply}")
            return []
        assert isinstance(reply, UploadsPage)  # noqa: S101  ListMultipartUploads answers nothing else
        own += [upload_id for name, upload_id, at_ms in reply.uploads if name == key and at_ms >= begun_ms]
        markers = (reply.next_key_marker, reply.next_upload_id_marker)
        past_key = reply.next_key_marker is not None and reply.next_key_marker > key
        if markers[0] is None or past_key or markers == (key_marker, id_marker):
            break
        key_marker, id_marker = markers
    return own
