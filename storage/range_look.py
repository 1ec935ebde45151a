"""What stands at many keys, learnt by listing their range instead of asking for each.

Used where the store does not hold the pins itself (`checked`), and to settle a batch delete whose reply is unclear.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Sequence
from itertools import pairwise

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import MAX_KEY_BYTES, ObjectRow
from s3plan.schemas.plan import PlanLocation
from s3plan.schemas.requests import HeadObject, ListObjects, ObjectFound, ObjectsPage, Reply
from s3plan.storage.steps import Answer, Ask, AskMany, Next, Side, ask

_LAST_CHARACTER = "\U0010ffff"
Found = dict[bytes, ObjectRow]


def look_at_keys(
    side: Side, location: PlanLocation, keys: Sequence[bytes]
) -> Generator[Ask | AskMany | Next, Reply | Answer | None, Found | Failure]:
    """Return what stands at `keys` (whole keys); absent ones are not in the result. A Failure ends it.

    Lists from just before the next wanted key, so a dense range costs one request for 1,000 objects; a page that
    says nothing of that key, or is out of order, is followed by a HeadObject, so a sparse range costs at most two
    requests for each key. So is a row without an ETag, which says too little.
    """
    found: Found = {}
    wanted = frozenset(keys)
    keys = sorted(wanted)
    position = 0
    while position < len(keys):
        page = yield from ask(side, _page_from(location, keys[position]))
        if not isinstance(page, ObjectsPage):
            return _as_failure(page)
        if all(before.key < after.key for before, after in pairwise(page.rows)):
            failure = yield from _look_singly(side, location, _told_of(page, wanted, found), found)
            if failure is not None:
                return failure
            if not page.truncated:
                return found
            reached = bisect_right(keys, page.rows[-1].key) if page.rows else position
            if reached > position:
                position = reached
                continue
        failure = yield from _look_singly(side, location, [keys[position]], found)
        if failure is not None:
            return failure
        position += 1
    return found


def _told_of(page: ObjectsPage, wanted: frozenset[bytes], found: Found) -> list[bytes]:
    """Add the page's rows of wanted keys to `found`; return the keys of those that say too little of an object."""
    rows = [row for row in page.rows if row.key in wanted]
    found.update((row.key, row) for row in rows if row.etag)
    return [row.key for row in rows if not row.etag]


def _look_singly(
    side: Side, location: PlanLocation, keys: Sequence[bytes], found: Found
) -> Generator[Ask | AskMany | Next, Reply | Answer | None, Failure | None]:
    """Add what HeadObject tells of these keys to `found`; return the Failure that ends it."""
    for key in keys:
        reply = yield from ask(side, HeadObject(location.bucket, key.decode(), owner=location.owner))
        if isinstance(reply, ObjectFound):
            found[key] = _as_row(key, reply)
        elif isinstance(reply, Failure) and reply.kind is not FailureKind.NOT_FOUND:
            return reply
    return None


def _page_from(location: PlanLocation, key: bytes) -> ListObjects:
    return ListObjects(location.bucket, location.prefix, start_after=_just_before(key.decode()), owner=location.owner)


def _just_before(key: str) -> str | None:
    """Return a text that is listed before `key` with next to nothing between; None: from the beginning.

    It is no longer than a key may be.
    """
    head, last = key[:-1], key[-1]
    if last.isascii() and last.isalnum():
        before = f"{head}{chr(ord(last) - 1)}{_LAST_CHARACTER}"
        if len(before.encode()) <= MAX_KEY_BYTES:
            return before
    return head or None


def _as_failure(reply: Reply) -> Failure:
    if isinstance(reply, Failure):
        return reply
    return Failure(FailureKind.BAD_REPLY, "ListObjectsV2", "UnexpectedReply", type(reply).__name__)


def _as_row(key: bytes, found: ObjectFound) -> ObjectRow:
    return ObjectRow(key, found.size_bytes, found.etag, found.mtime_ms, found.storage_class)


def as_found(row: ObjectRow | None) -> ObjectFound | None:
    """Return a listing's row as if HeadObject had told it (without checksums)."""
    return None if row is None else ObjectFound(row.etag, row.size_bytes, row.mtime_ms, row.storage_class)
