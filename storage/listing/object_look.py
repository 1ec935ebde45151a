"""What stands at one key: HeadObject, and a listing of that very key where HEAD may not say that there is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeGuard

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import HeadObject, ListObjects, ObjectFound, ObjectsPage, Reply
from s3plan.schemas.s3_urls import is_directory_bucket
from s3plan.storage.steps import Asking, ask

LOOK_HOLDS_S = 2.0
"""How old a look may be when the request that relies on it is sent."""
_ENOUGH_TO_SHOW_AN_ORDER = 12  # rows: fewer may be in order by chance


def look_at_object(side: Side, location: PlanLocation, key: str, *, version: str | None = None) -> Asking[Reply]:
    """Return ObjectFound, or a Failure: NOT_FOUND only if the store has said so of this very key (a whole one).

    Without s3:ListBucket, or with it under a condition on the prefix, HEAD of an absent key is a 403
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html), so a 403 says nothing: the key is listed
    then. So it is after a 404 that may be a gateway's own, and where a key of SSE-C was sent and refused (400): what
    stands there may be under another key or none. What only a listing has shown comes without checksums and attributes.
    """
    found = yield from ask(side, HeadObject(location.bucket, key, version, owner=location.owner))
    is_refused = says_nothing(found) or _is_under_another_key(location, found)
    if version is not None or not (is_refused and isinstance(found, Failure)):
        return found
    listing = listing_of(location, key)
    return told_by_listing(key, listing, (yield from ask(side, listing)), otherwise=found)


def _is_under_another_key(location: PlanLocation, reply: Reply) -> bool:
    return location.customer_key is not None and isinstance(reply, Failure) and reply.kind is FailureKind.INVALID


def says_nothing(reply: Reply) -> TypeGuard[Failure]:
    """Return whether an answer to HEAD says nothing of what stands there: a 403, or a 404 of unknown origin.

    It has no body that could say NoSuchKey, but a store names each of its answers
    (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonResponseHeaders.html).
    """
    if not isinstance(reply, Failure):
        return False
    is_of_unknown_origin = reply.kind is FailureKind.NOT_FOUND and reply.request_id is None
    return is_of_unknown_origin or reply.kind is FailureKind.DENIED


def as_unexplained(failure: Failure) -> Failure:
    """Return a 404 that may not be about this key as what it is: an answer that tells nothing."""
    return replace(failure, kind=FailureKind.BAD_REPLY) if failure.kind is FailureKind.NOT_FOUND else failure


def listing_of(location: PlanLocation, key: str) -> ListObjects:
    """Return the request that lists one key; what begins like it comes with it, in a directory bucket its folder."""
    prefix = key[: key.rfind("/") + 1] if is_directory_bucket(location.bucket) else key
    return ListObjects(location.bucket, prefix, owner=location.owner)


def told_by_listing(key: str, listing: ListObjects, page: Reply, *, otherwise: Failure) -> Reply:
    """Return what the answer to `listing_of(key)` says of the key; if nothing, `otherwise`, which is why it was asked.

    An answer that shows other objects than it was asked for says nothing: it is that to another question.
    """
    otherwise = as_unexplained(otherwise)
    if isinstance(page, Failure) and (page.kind.is_retryable or page.kind.is_credentials):
        return page
    if not (isinstance(page, ObjectsPage) and are_below(listing.prefix, page.rows)):
        return otherwise
    row = next((row for row in page.rows if row.key == key.encode()), None)
    if row is not None:
        return as_found(row) if row.etag else otherwise
    if is_whole(page) or _comes_first(key, page.rows):
        return Failure(FailureKind.NOT_FOUND, "ListObjectsV2", "NotListed", "the key is not in the listing")
    return otherwise


def _comes_first(key: str, rows: Sequence[ObjectRow]) -> bool:
    """Whether a page would begin with the key: each of its keys begins so, and it is in an order of letters."""
    is_in_order = len(rows) >= _ENOUGH_TO_SHOW_AN_ORDER and is_ascending(rows)
    return is_in_order and rows[0].key.startswith(key.encode())


def are_below(prefix: str, rows: Sequence[ObjectRow]) -> bool:
    """Return whether all these rows begin with the prefix that they were asked by."""
    return all(row.key.startswith(prefix.encode()) for row in rows)


def is_whole(page: ObjectsPage) -> bool:
    """Return whether nothing comes after a page."""
    return not page.truncated and page.next_token is None


def is_ascending(rows: Sequence[ObjectRow]) -> bool:
    """Return whether the rows of a page are in the order of their keys' bytes."""
    return all(before.key < after.key for before, after in pairwise(rows))


def as_found(row: ObjectRow) -> ObjectFound:
    """Return a listing's row as if HeadObject had told it (without checksums and attributes)."""
    return ObjectFound(row.etag, row.size_bytes, row.mtime_ms, row.storage_class)
