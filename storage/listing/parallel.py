"""Lists one location by many requests at once and hands the pages on in the order of their keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.storage.listing.pace import ReaderWaits
from s3plan.storage.listing.walk import ListingWalk
from s3plan.storage.s3.patience import Patience

DEFAULT_CONCURRENCY = 32
DEFAULT_BUFFER_BYTES = 20 << 20


class ParallelLister:
    """Lists with up to `concurrency` requests under way; see ports.Lister and PageChecker.

    At most `buffer_bytes` of pages wait for their turn, and at least one page. At most keys/1000 + 4 x `ranges`
    requests are sent, those not counted that are sent again. Where pages do not fit together, what is left is listed by
    one request after another, and `note` says so; where that listing does not either, it raises as S3Lister does.
    """

    def __init__(
        self,
        engine: Engine,
        location: PlanLocation,
        *,
        below: bytes = b"",
        concurrency: int = DEFAULT_CONCURRENCY,
        buffer_bytes: int = DEFAULT_BUFFER_BYTES,
        patience: Patience | None = None,
        reader: ReaderWaits | None = None,
    ) -> None:
        self._engine = engine
        self._location = location
        self._below = below
        self._concurrency = concurrency
        self._buffer_bytes = buffer_bytes
        self._patience = Patience() if patience is None else patience
        self._reader = ReaderWaits() if reader is None else reader
        self._walk: ListingWalk | None = None

    @property
    def note(self) -> str | None:
        """Say if the last listing had to be finished serially, and why."""
        return None if self._walk is None else self._walk.note

    @property
    def requests(self) -> int:
        """How many requests the last listing has sent."""
        return 0 if self._walk is None else self._walk.requests

    @property
    def ranges(self) -> int:
        """Into how many ranges that hold objects the last listing has been split."""
        return 0 if self._walk is None else self._walk.ranges

    @property
    def most_buffered_bytes(self) -> int:
        """The size of the pages that have waited at one time."""
        return 0 if self._walk is None else self._walk.most_buffered_bytes

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        """Yield the rows of each page that has any; a reply that comes after the iteration has ended is dropped.

        Raises ListingUnusable (OutOfOrder), BucketMissing, StoreRefused, CredentialsUnusable.
        """
        self._walk = ListingWalk(
            self._engine,
            self._location,
            below=self._below,
            concurrency=self._concurrency,
            buffer_bytes=self._buffer_bytes,
            patience=self._patience,
            reader=self._reader,
        )
        return self._walk.pages()
