"""What a listing by many requests asks the store for."""

from __future__ import annotations

from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.requests.objects import ListObjects
from s3plan.storage.listing.range_cuts import FoldersWanted


def first_page_request(bucket: str, prefix: str, *, owner: str | None) -> ListObjects:
    """Return the request that every listing begins with."""
    return ListObjects(bucket, prefix=prefix, owner=owner, unparsed=True)


def page_request(location: PlanLocation, prefix: str, *, after: bytes | None, token: str | None) -> ListObjects:
    """Return the request for the page behind a key, or behind the page that gave the token."""
    return ListObjects(
        location.bucket,
        prefix=prefix,
        start_after=None if after is None or token is not None else after.decode(),
        token=token,
        owner=location.owner,
        unparsed=True,
    )


def folders_request(location: PlanLocation, wanted: FoldersWanted) -> ListObjects:
    """Return the request for the folders of one level."""
    return ListObjects(
        location.bucket,
        prefix=wanted.parent,
        start_after=wanted.start_after,
        delimiter="/",
        owner=location.owner,
    )
