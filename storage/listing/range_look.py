"""What stands at many keys, learnt by listing their range instead of asking for each.

Used where the store does not hold the pins itself (`checked`), to settle a batch delete whose reply is unclear, and by
`s3plan retry`. Stores list in orders of their own (by UTF-16, case-blind, none), so a listing that began in the middle
shows what is there and never what is not: that is believed only of a listing that is whole, or of a look at the key.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, takewhile

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import MAX_KEY_BYTES, ObjectRow
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import HeadObject, ListObjects, ObjectFound, ObjectsPage, Reply
from s3plan.schemas.s3_urls import is_directory_bucket
from s3plan.storage.listing.object_look import (
    are_below,
    is_ascending,
    is_whole,
    listing_of,
    says_nothing,
    told_by_listing,
)
from s3plan.storage.steps import NEXT, Answered, Ask, Asking, AskMany, ask

_LAST_CHARACTER = "\U0010ffff"
_OF_ONE_KEY = frozenset({FailureKind.NOT_FOUND, FailureKind.DENIED})
_WORTH_A_LISTING = 16  # keys that one request may show to be absent: a listing costs what a dozen looks cost
_WORTH_A_PAGE = 4  # keys found by one; below that a request for each key is as cheap, and many go at once
Found = dict[bytes, ObjectRow]


def look_at_keys(side: Side, location: PlanLocation, keys: Sequence[bytes]) -> Asking[Found | Failure | None]:
    """Return what stands at `keys` (whole keys); absent ones are not in the result.

    A Failure ends it. None: the run is stopping, so not all were asked for. All that begins like the keys is listed
    first: one request where that is little. Then the pages around them, as long as they show enough of them; then, all
    that begins like some of those not seen, which shows that they are not there. Then each key of which nothing is
    known is asked for. In a directory bucket that is the only way: it lists folders, and in no order
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).
    """
    found: Found = {}
    wanted = sorted(frozenset(keys))
    if len(wanted) > 1 and not is_directory_bucket(location.bucket):
        for look in (_look_by_pages, _look_below_prefixes):
            left = yield from look(side, location, wanted, found)
            if isinstance(left, Failure):
                return left
            wanted = left
    return (yield from _look_at_each(side, location, wanted, found))


def _look_by_pages(
    side: Side, location: PlanLocation, wanted: Sequence[bytes], found: Found
) -> Asking[list[bytes] | Failure]:
    """Put what pages show of the keys into `found`; return those of which more must be learnt."""
    prefix = _common_prefix(wanted[0].decode(), wanted[-1].decode())
    page = yield from ask(side, ListObjects(location.bucket, prefix, owner=location.owner))
    if not isinstance(page, ObjectsPage):
        return _as_failure(page, side)
    _take(page, wanted, found)
    if (unclear := _unclear_after(page, prefix, wanted, found)) is not None:
        return unclear
    at = 0
    while (at := _next_unseen(wanted, found, at)) < len(wanted):
        start_after = _just_before(wanted[at].decode())
        page = yield from ask(side, ListObjects(location.bucket, prefix, start_after=start_after, owner=location.owner))
        if not isinstance(page, ObjectsPage):
            return _as_failure(page, side)
        seen = _take(page, wanted, found)
        reached = bisect_right(wanted, page.rows[-1].key) if page.rows else at
        if seen < _WORTH_A_PAGE or is_whole(page) or not is_ascending(page.rows) or reached <= at:
            break
        at = reached
    return [key for key in wanted if key not in found]


def _look_below_prefixes(
    side: Side, location: PlanLocation, wanted: Sequence[bytes], found: Found
) -> Asking[list[bytes] | Failure]:
    """Learn what is not there from listings of how many of the keys begin; return those that no listing showed.

    All that begins like all of them is known not to fit a page, so it is listed with one character more each; where
    that is not whole either, with one more again.
    """
    unclear: list[bytes] = []
    groups = _split(wanted, unclear)
    while groups:
        requests = {key.encode(): ListObjects(location.bucket, key, owner=location.owner) for key in groups}
        pages = yield from _ask_for_each(side, requests)
        narrower: dict[str, list[bytes]] = {}
        for prefix, keys in groups.items():
            page = pages.get(prefix.encode())
            if page is None:  # the run is stopping, or another page was a failure
                unclear += keys
            elif not isinstance(page, ObjectsPage):
                return _as_failure(page, side)
            else:
                _take(page, keys, found)
                left = _unclear_after(page, prefix, keys, found)
                if left is None:
                    narrower |= _split([key for key in keys if key not in found], unclear)
                else:
                    unclear += left
        groups = narrower
    return sorted(unclear)


def _split(wanted: Sequence[bytes], too_few: list[bytes]) -> dict[str, list[bytes]]:
    """Return sorted keys by how many of them begin, which is longer than how all begin; the others go to `too_few`."""
    if len(wanted) < _WORTH_A_LISTING:
        too_few += wanted
        return {}
    length = len(_common_prefix(wanted[0].decode(), wanted[-1].decode())) + 1
    groups: dict[str, list[bytes]] = {}
    for _, same in groupby(wanted, key=lambda key: key.decode()[:length]):
        keys = list(same)
        if len(keys) < _WORTH_A_LISTING:
            too_few += keys
        else:
            groups[_common_prefix(keys[0].decode(), keys[-1].decode())] = keys
    return groups


def _unclear_after(page: ObjectsPage, prefix: str, wanted: Sequence[bytes], found: Found) -> list[bytes] | None:
    """Return those that a listing below the prefix names without saying enough; None: it is not whole."""
    if not (is_whole(page) and are_below(prefix, page.rows)):
        return None
    listed = {row.key for row in page.rows}
    return [key for key in wanted if key in listed and key not in found]


def _common_prefix(first: str, last: str) -> str:
    """Return how all keys from the one to the other begin."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(character for character, _ in pairs)


def _take(page: ObjectsPage, wanted: Sequence[bytes], found: Found) -> int:
    """Take the wanted rows of a page that say enough, which one without an ETag does not; return how many are new."""
    before = len(found)
    keys = frozenset(wanted)
    found.update((row.key, row) for row in page.rows if row.key in keys and row.etag)
    return len(found) - before


def _next_unseen(wanted: Sequence[bytes], found: Found, at: int) -> int:
    return next((place for place in range(at, len(wanted)) if wanted[place] not in found), len(wanted))


def _look_at_each(
    side: Side, location: PlanLocation, keys: Sequence[bytes], found: Found
) -> Asking[Found | Failure | None]:
    """Ask for each key, many at once; where HEAD says nothing, by a listing of that key."""
    replies = yield from _ask_for_each(
        side, {key: HeadObject(location.bucket, key.decode(), owner=location.owner) for key in keys}
    )
    untold = {key: failure for key, failure in replies.items() if says_nothing(failure)}
    listings = {key: listing_of(location, key.decode()) for key in untold}
    pages = yield from _ask_for_each(side, listings)
    for key, failure in untold.items():
        del replies[key]
        if key in pages:
            replies[key] = told_by_listing(key.decode(), listings[key], pages[key], otherwise=failure)
    for key, reply in replies.items():
        if isinstance(reply, ObjectFound):
            found[key] = _as_row(key, reply)
        elif not (isinstance(reply, Failure) and reply.kind is FailureKind.NOT_FOUND):
            return _as_failure(reply, side)
    return found if len(replies) == len(keys) else None


def _ask_for_each(side: Side, requests: Mapping[bytes, HeadObject | ListObjects]) -> Asking[dict[bytes, Reply]]:
    """Return the replies by key: not all if the run is stopping, or if one was a failure that all will share."""
    replies: dict[bytes, Reply] = {}
    if not requests:
        return replies
    is_over = False
    keys_of: dict[HeadObject | ListObjects, list[bytes]] = {}
    for key, request in requests.items():
        keys_of.setdefault(request, []).append(key)

    def asks() -> Iterator[Ask]:
        for wanted in keys_of:
            if is_over:
                return
            yield Ask(side, wanted)

    answer = yield AskMany(asks())
    while isinstance(answer, Answered):
        asked, reply = answer
        assert isinstance(asked, HeadObject | ListObjects)  # noqa: S101
        replies.update(dict.fromkeys(keys_of[asked], reply))
        is_over = is_over or (isinstance(reply, Failure) and reply.kind not in _OF_ONE_KEY)
        answer = yield NEXT
    return replies


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


def _as_failure(reply: Reply, side: Side) -> Failure:
    if isinstance(reply, Failure):
        return reply
    return Failure(FailureKind.BAD_REPLY, "ListObjectsV2", "UnexpectedReply", type(reply).__name__, side=side)


def _as_row(key: bytes, found: ObjectFound) -> ObjectRow:
    return ObjectRow(key, found.size_bytes, found.etag, found.mtime_ms, found.storage_class)
