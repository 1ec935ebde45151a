"""The objects of one S3 location, page after page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.failures import Failure
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine, Lister
from s3plan.schemas.requests.objects import ListObjects, ObjectsPage, UnparsedPage
from s3plan.storage.listing.disk_sort import SortedOnDisk
from s3plan.storage.listing.pace import ReaderWaits
from s3plan.storage.listing.page_checks import (
    ASK_THE_STORE,
    ListedPage,
    PageChecker,
    TokenTrail,
    listed_page,
    unreadable,
)
from s3plan.storage.listing.parallel import DEFAULT_BUFFER_BYTES, DEFAULT_CONCURRENCY, ParallelLister
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.wire.page_ends import PageContradicts, PageUnreadable


def open_listing(
    engine: Engine,
    location: PlanLocation,
    *,
    unordered: bool = False,
    below: bytes = b"",
    concurrency: int = DEFAULT_CONCURRENCY,
    buffer_bytes: int = DEFAULT_BUFFER_BYTES,
    patience: Patience | None = None,
    reader: ReaderWaits | None = None,
) -> Lister:
    """Return the lister of a location: by up to `concurrency` requests at once, or by one after another if that is 1.

    With `unordered`, for a store that lists in an order of its own, serially and through a sort on disk. `below`
    narrows the listing to the keys that begin with it (relative to the location, UTF-8); keys still come relative to
    the location. `buffer_bytes` bounds the pages that wait for their turn. `reader` is shared by listings that are read
    in turns.
    """
    if unordered:
        return SortedOnDisk(S3Lister(engine, location, below=below, in_order=False, patience=patience))
    if concurrency == 1:
        return S3Lister(engine, location, below=below, patience=patience)
    return ParallelLister(
        engine,
        location,
        below=below,
        concurrency=concurrency,
        buffer_bytes=buffer_bytes,
        patience=patience,
        reader=reader,
    )


class S3Lister:
    """Lists with one request after another; see ports.Lister and PageChecker."""

    def __init__(
        self,
        engine: Engine,
        location: PlanLocation,
        *,
        below: bytes = b"",
        in_order: bool = True,
        patience: Patience | None = None,
    ) -> None:
        self._engine = engine
        self._location = location
        self._below = below
        self._in_order = in_order
        self._patience = Patience() if patience is None else patience

    @property
    def note(self) -> str | None:
        """Nothing to say: this is the plain way."""
        return None

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        """Yield the rows of each page that has any.

        Raises ListingUnusable (OutOfOrder), BucketMissing, StoreRefused, CredentialsUnusable.
        """
        checker = PageChecker(self._location, below=self._below, in_order=self._in_order)
        trail = TokenTrail()
        token: str | None = None
        while True:
            page, rows = self._page(checker, token)
            if rows:
                yield rows
            problem = trail.problem(page)
            if problem is not None:
                raise checker.unusable(problem, ASK_THE_STORE)
            if not page.truncated:
                return
            token = page.next_token

    def _page(self, checker: PageChecker, token: str | None) -> tuple[ListedPage, Sequence[ObjectRow]]:
        location = self._location
        request = ListObjects(
            location.bucket,
            prefix=location.prefix + self._below.decode(),
            token=token,
            owner=location.owner,
            unparsed=True,
        )
        problem = ""
        for attempt in range(self._patience.attempts):
            if attempt:
                self._patience.sleep(self._patience.pause_s(attempt - 1))
            reply = self._patience.call(self._engine, request)
            if isinstance(reply, Failure):
                raise self._refused(checker, reply)
            if not isinstance(reply, ObjectsPage | UnparsedPage):
                raise TypeError(f"{type(reply).__name__} answers no listing")
            try:
                page = listed_page(reply)
                return page, checker.rows(page)
            except PageContradicts as error:
                raise checker.contradicted(error) from error
            except PageUnreadable as error:
                problem = str(error)
        raise self._refused(checker, unreadable(problem))

    def _refused(self, checker: PageChecker, failure: Failure) -> S3PlanError:
        return checker.refused(failure, attempts=self._patience.attempts, clock_offset_ms=self._engine.clock_offset_ms)
