"""The objects of one S3 location, page after page, trusted only as far as each page proves itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import lt

from s3plan.schemas.errors import ListingUnusable
from s3plan.schemas.failures import Failure
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan import PlanLocation
from s3plan.schemas.ports import Engine, Lister
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.requests import ListObjects, ObjectsPage
from s3plan.storage.disk_sort import SortedOnDisk
from s3plan.storage.patience import Patience
from s3plan.storage.probe_keys import is_probe_key
from s3plan.storage.refusals import refusal_of

MAX_EMPTY_PAGES = 1000
"""AWS may send empty pages where many deleted versions lie; a store that sends nothing else is broken."""


class OutOfOrder(ListingUnusable):
    """The store lists, but not in the order of key bytes: `open_listing(..., unordered=True)` can use it."""


def open_listing(
    engine: Engine, location: PlanLocation, *, unordered: bool = False, patience: Patience | None = None
) -> Lister:
    """Return the lister of a location; with `unordered`, through a sort on disk."""
    lister = S3Lister(engine, location, in_order=not unordered, patience=patience)
    return SortedOnDisk(lister) if unordered else lister


class S3Lister:
    """Lists with one request after another; see ports.Lister.

    Pages are verified as they flow: order and repeats on decoded bytes, the prefix, tokens that loop or are missing.
    Objects of our own probes are left out. With `in_order=False` nothing is verified or promised of the order.
    """

    def __init__(
        self, engine: Engine, location: PlanLocation, *, in_order: bool = True, patience: Patience | None = None
    ) -> None:
        self._engine = engine
        self._location = location
        self._in_order = in_order
        self._patience = Patience() if patience is None else patience
        self._prefix = location.prefix.encode()

    @property
    def note(self) -> str | None:
        """Nothing to say: this is the usual way."""
        return None

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        """Yield the rows of each page that has any.

        Raises ListingUnusable (OutOfOrder), BucketMissing, StoreRefused, CredentialsUnusable.
        """
        token: str | None = None
        seen_tokens: set[int] = set()
        last_key: bytes | None = None
        number, empty = 0, 0
        while True:
            number += 1
            page = self._page(number, token)
            if page.rows:
                self._verify(page.rows, last_key, number)
                last_key, empty = page.rows[-1].key, 0
                rows = self._relative(page.rows)
                if rows:
                    yield rows
            else:
                empty += 1
            if not page.truncated:
                return
            token = self._next_token(page, seen_tokens, number, empty=empty)

    def _page(self, number: int, token: str | None) -> ObjectsPage:
        location = self._location
        request = ListObjects(location.bucket, prefix=location.prefix, token=token, owner=location.owner)
        reply = self._patience.call(self._engine, request)
        if isinstance(reply, ObjectsPage):
            return reply
        if not isinstance(reply, Failure):
            raise TypeError(f"{type(reply).__name__} answers no listing")
        if reply.kind.is_retryable or reply.kind.is_unclear:
            raise self._unusable(
                number, f"it broke off after {self._patience.attempts} attempts ({reply})", "try again later"
            )
        raise refusal_of(
            reply,
            bucket=location.bucket,
            doing=f"listing {self._where} (page {number})",
            permission="s3:ListBucket",
            clock_offset_ms=self._engine.clock_offset_ms,
        )

    def _verify(self, rows: Sequence[ObjectRow], last_key: bytes | None, number: int) -> None:
        keys = [row.key for row in rows]
        if not all(key.startswith(self._prefix) for key in keys):
            stray = next(key for key in keys if not key.startswith(self._prefix))
            raise self._unusable(number, f"{_shown(stray)} lies outside the prefix", _ASK_THE_STORE)
        try:
            b"\0".join(keys).decode()
        except UnicodeDecodeError as error:
            wrong = next(key for key in keys if not _is_utf8(key))
            raise self._unusable(
                number, f"{_shown(wrong)} is not UTF-8", "leave it out of the location, or rename it with its own tool"
            ) from error
        if self._in_order:
            self._verify_order(keys if last_key is None else [last_key, *keys], number)

    def _verify_order(self, keys: Sequence[bytes], number: int) -> None:
        if all(map(lt, keys, keys[1:])):
            return
        before, after = next(pair for pair in pairwise(keys) if not pair[0] < pair[1])
        if before == after:
            raise self._unusable(number, f"{_shown(after)} is listed twice", _ASK_THE_STORE)
        said = f"{_shown(after)} comes after {_shown(before)}, but belongs before it"
        raise OutOfOrder(self._sentence(number, said, "the store lists out of order"))

    def _relative(self, rows: Sequence[ObjectRow]) -> Sequence[ObjectRow]:
        skipped = len(self._prefix)
        return [
            ObjectRow(row.key[skipped:], row.size_bytes, row.etag, row.mtime_ms, row.storage_class)
            for row in rows
            if not (b".s3plan-probe-" in row.key and is_probe_key(row.key[skipped:]))
        ]

    def _next_token(self, page: ObjectsPage, seen: set[int], number: int, *, empty: int) -> str:
        token = page.next_token
        if not token:
            raise self._unusable(number, "it says that more follows, but not where (no token)", _ASK_THE_STORE)
        if hash(token) in seen:
            raise self._unusable(number, "its token has come before: the listing runs in a circle", _ASK_THE_STORE)
        seen.add(hash(token))
        if empty >= MAX_EMPTY_PAGES:
            raise self._unusable(number, f"{empty} pages in a row were empty", _ASK_THE_STORE)
        return token

    @property
    def _where(self) -> str:
        return escape_unprintable(f"s3://{self._location.bucket}/{self._location.prefix}")

    def _sentence(self, number: int, seen: str, advice: str) -> str:
        return f"the listing of {self._where} cannot be used: on page {number}, {escape_unprintable(seen)}; {advice}"

    def _unusable(self, number: int, seen: str, advice: str) -> ListingUnusable:
        return ListingUnusable(self._sentence(number, seen, advice))


_ASK_THE_STORE = "nothing was changed; try again, and if it happens again, the store is at fault"


def _is_utf8(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True


def _shown(key: bytes) -> str:
    return "'" + key.decode(errors="backslashreplace") + "'"
