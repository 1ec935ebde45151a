"""What stands at one key: HeadObject, and a listing of that very key where HEAD may not say that there is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan import PlanLocation
from s3plan.schemas.requests import HeadObject, ListObjects, ObjectFound, ObjectsPage, Reply
from s3plan.storage.steps import Asking, Side, ask

LOOK_HOLDS_S = 2.0
"""How old a look may be when the request that relies on it is sent."""


def look_at_object(side: Side, location: PlanLocation, key: str, *, version: str | None = None) -> Asking[Reply]:
    """Return ObjectFound, or a Failure: NOT_FOUND only if the store has said so of this very key (a whole one).

    Without s3:ListBucket, or with it under a condition on the prefix, HEAD of an absent key is a 403
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html), so a 403 says nothing: the key is listed
    then. What only a listing has shown comes without checksums and attributes.
    """
    found = yield from ask(side, HeadObject(location.bucket, key, version, owner=location.owner))
    if version is not None or not is_denied(found):
        return found
    page = yield from ask(side, listing_of(location, key))
    return told_by_listing(key, page, otherwise=found)


def look_by_listing(side: Side, location: PlanLocation, key: str, *, otherwise: Failure) -> Asking[Reply]:
    """Return what a listing of one key says of it; `otherwise` where it says nothing."""
    page = yield from ask(side, listing_of(location, key))
    return told_by_listing(key, page, otherwise=otherwise)


def is_denied(reply: Reply) -> bool:
    """Return whether a look was refused, so that it says nothing of what stands there."""
    return isinstance(reply, Failure) and reply.kind is FailureKind.DENIED


def listing_of(location: PlanLocation, key: str) -> ListObjects:
    """Return the request that lists one key; what begins like it comes with it."""
    return ListObjects(location.bucket, key, owner=location.owner)


def told_by_listing(key: str, page: Reply, *, otherwise: Reply) -> Reply:
    """Return what a page of `listing_of(key)` says of the key; `otherwise` where it says nothing."""
    if isinstance(page, Failure) and (page.kind.is_retryable or page.kind.is_credentials):
        return page
    if not isinstance(page, ObjectsPage):
        return otherwise
    row = next((row for row in page.rows if row.key == key.encode()), None)
    if row is not None:
        return as_found(row) if row.etag else otherwise
    # Where each key of a page begins with this one, it is the first of them in any order of letters.
    if is_whole(page) or (len(page.rows) > 1 and is_ascending(page.rows) and page.rows[0].key.startswith(key.encode())):
        return Failure(FailureKind.NOT_FOUND, "ListObjectsV2", "NotListed", "the key is not in the listing")
    return otherwise


def is_whole(page: ObjectsPage) -> bool:
    """Return whether nothing comes after a page."""
    return not page.truncated and page.next_token is None


def is_ascending(rows: Sequence[ObjectRow]) -> bool:
    """Return whether the rows of a page are in the order of their keys' bytes."""
    return all(before.key < after.key for before, after in pairwise(rows))


def as_found(row: ObjectRow) -> ObjectFound:
    """Return a listing's row as if HeadObject had told it (without checksums and attributes)."""
    return ObjectFound(row.etag, row.size_bytes, row.mtime_ms, row.storage_class)
