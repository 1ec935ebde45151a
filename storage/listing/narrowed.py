"""Lists no more of a location than a job's keys can lie in, and says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from s3plan.schemas.objects import MAX_KEY_BYTES, ObjectRow
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine, Lister
from s3plan.schemas.s3_urls import is_directory_bucket
from s3plan.storage.listing.lister import open_listing
from s3plan.storage.listing.pace import ReaderWaits


def open_narrowed_listing(
    engine: Engine, location: PlanLocation, *, shared: bytes, unordered: bool = False, reader: ReaderWaits | None = None
) -> Lister:
    """Return the lister of those keys that begin with `shared` (relative to the location, UTF-8), or of a few more.

    With `unordered` and `reader` as open_listing does.
    """
    below = askable_prefix(location.bucket, location.prefix, shared)
    lister = open_listing(engine, location, unordered=unordered, below=below, reader=reader)
    return NarrowedLister(lister, below) if below else lister


def askable_prefix(bucket: str, prefix: str, shared: bytes) -> bytes:
    """Return as much of `shared` as a listing below that prefix can be asked for.

    No prefix is longer than a key may be; one in a directory bucket ends in `/`
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).
    """
    room = max(0, MAX_KEY_BYTES - len(prefix.encode()))
    below = shared[:room].decode(errors="ignore").encode()  # no character is cut in two
    return below[: below.rfind(b"/") + 1] if is_directory_bucket(bucket) else below


class NarrowedLister:
    """Another lister, which lists what begins with `below`; adds that to its note."""

    def __init__(self, lister: Lister, below: bytes) -> None:
        self._lister = lister
        self._below = below

    @property
    def note(self) -> str:
        """Say what was listed: the keys that a filter leaves out are counted among these only."""
        narrowed = f"only keys that begin with {self._below.decode()} were listed"
        return narrowed if self._lister.note is None else f"{narrowed}; {self._lister.note}"

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        """Yield the other lister's pages; raise what it raises."""
        return self._lister.pages()
