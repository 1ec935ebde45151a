"""One side of a job: what its listing gives, reduced to the objects that the job is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from operator import lt

from s3plan.planner.filtering.filters import KeyFilter
from s3plan.planner.filtering.key_list import ListedKeys
from s3plan.schemas.errors import ListingUnusable
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.header import ListingRecord
from s3plan.schemas.ports import Lister

_MARKER_KEY = b""


class Scope:
    """The objects of one location in key order, without the location's own marker and what the key filters leave out.

    To be read once. The order is verified here as well, since a diff of unordered streams loses objects.
    """

    def __init__(
        self,
        lister: Lister | None,
        *,
        side: str,
        passes: KeyFilter | None,
        on_page: Callable[[], None],
        look: Callable[[Sequence[bytes]], None] = lambda _: None,
        listed: ListedKeys | None = None,
    ) -> None:
        """Take a lister, None for a bucket that does not exist yet; `side` is for messages.

        `on_page` is called after each page, `look` is shown the keys of each page, before any
        pattern. With `listed` only the keys of a list are in scope.
        """
        self._lister = lister
        self._side = side
        self._passes = passes
        self._on_page = on_page
        self._look = look
        self._listed = listed
        self._left_out = 0
        self._pages = 0
        self._last_key: bytes | None = None
        self.marker: ObjectRow | None = None
        self.objects = 0  # in scope, the marker not among them
        self.size_bytes = 0

    @property
    def listed(self) -> int:
        """How many objects the listing has given so far, whatever became of them."""
        return self.objects + self._left_out + (self.marker is not None)

    def rows(self) -> Iterator[ObjectRow]:
        """Return the objects in scope; raises what the lister raises, and ListingUnusable if it is out of order."""
        return chain.from_iterable(self._pages_in_scope())

    def record(self) -> ListingRecord:
        """Return what the whole listing gave; to be called once `rows` is exhausted.

        The marker is counted only if the key filters leave it out.
        """
        return ListingRecord(
            objects=self.objects,
            bytes=self.size_bytes,
            left_out=self._left_out,
            pages=self._pages,
            complete=True,  # a lister that cannot be complete raises
            bucket_exists=self._lister is not None,
            note=None if self._lister is None else self._lister.note,
        )

    def _pages_in_scope(self) -> Iterator[Sequence[ObjectRow]]:
        if self._lister is None:
            return
        for page in self._lister.pages():
            self._pages += 1
            if page:
                yield self._in_scope(page)
            self._on_page()
        if self._listed is not None:
            self._listed.end()

    def _in_scope(self, page: Sequence[ObjectRow]) -> Sequence[ObjectRow]:
        keys = [row[0] for row in page]
        self._verify_order(keys)
        rows = page
        if self._listed is not None:
            rows = self._listed.among(page)
            self._left_out += len(page) - len(rows)
            keys = [row[0] for row in rows]
        self._look(keys)
        if self._passes is not None:
            passes = self._passes
            kept = [row for row in rows if passes(row[0])]
            self._left_out += len(rows) - len(kept)
            rows = kept
        if rows and rows[0].key == _MARKER_KEY:
            self.marker = rows[0]
            rows = rows[1:]
        self.objects += len(rows)
        self.size_bytes += sum(row[1] for row in rows)
        return rows

    def _verify_order(self, keys: Sequence[bytes]) -> None:
        follows = self._last_key is None or self._last_key < keys[0]
        if not (follows and all(map(lt, keys, islice(keys, 1, None)))):
            raise ListingUnusable(
                f"the listing of the {self._side} is out of order or repeats a key; nothing was planned"
            )
        self._last_key = keys[-1]
