"""Pages of one listing, trusted only as far as each proves itself: order, repeats, prefix, UTF-8, tokens."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import lt

from s3plan.schemas.errors import ListingUnusable, S3PlanError
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.requests.objects import ObjectsPage, UnparsedPage
from s3plan.storage.probe_keys import is_probe_key
from s3plan.storage.s3.refusals import refusal_of
from s3plan.storage.s3.wire.listing_page import parse_page
from s3plan.storage.s3.wire.page_ends import PageContradicts, PageUnreadable
from s3plan.storage.s3.wire.page_scan import PageGlance, PageScanner, glance

MAX_EMPTY_PAGES = 1000
"""AWS may send empty pages where many deleted versions lie; a store that sends nothing else is broken."""
ASK_THE_STORE = "nothing was changed; try again, and if it happens again, the store is at fault"

_PROBE_MARK = b".s3plan-probe-"
_SAMPLES = 16
_MAX_SEEN = 3_000  # two keys, and all that S3 allows in them
_ROW_SIZE_BYTES = 400  # of a parsed row, about


class OutOfOrder(ListingUnusable):
    """The store lists, but not in the order of key bytes: `open_listing(..., unordered=True)` can use it."""


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A page whose rows may not have been read yet. `sampled` are some of its keys, the first and the last too."""

    content: PageGlance | ObjectsPage
    sampled: Sequence[bytes]
    next_token: str | None
    truncated: bool
    size_bytes: int


def listed_page(reply: ObjectsPage | UnparsedPage) -> ListedPage:
    """Return what a reply says of itself, its rows unread if that can be; raise PageUnreadable, PageContradicts."""
    if isinstance(reply, UnparsedPage):
        seen = glance(reply.body)
        if seen is not None:
            return ListedPage(seen, seen.sampled, seen.said.next_token, seen.said.truncated, len(seen.text))
        reply = parse_page(reply.body)
    rows = reply.rows
    sampled = [row.key for row in (*rows[:: len(rows) // _SAMPLES + 1], *rows[-1:])]
    return ListedPage(reply, sampled, reply.next_token, reply.truncated, len(rows) * _ROW_SIZE_BYTES)


def unreadable(problem: str) -> Failure:
    """Return the failure that an answer amounts to which is no page: it may have been cut off."""
    return Failure(FailureKind.TRANSIENT, "ListObjectsV2", "UnreadablePage", problem, 200)


class PageChecker:
    """Reads the pages of one listing in their order, and words what is wrong with them.

    Takes pages of whole keys below `location.prefix` and `below`, which is relative to it; gives rows with keys
    relative to the location. Objects of our own probes are left out. With `in_order=False` nothing is verified or
    promised of the order.
    """

    def __init__(self, location: PlanLocation, *, below: bytes = b"", in_order: bool = True) -> None:
        self._location = location
        self._prefix = location.prefix.encode()
        self._below = below
        self._in_order = in_order
        self._scanner = PageScanner(self._prefix, in_order=in_order)
        self._last_key: bytes | None = None
        self.pages = 0

    @property
    def last_key(self) -> bytes | None:
        """The last key that was read, whole; None before the first."""
        return None if self._last_key is None else self._prefix + self._last_key

    def rows(self, page: ListedPage, *, up_to: bytes | None = None) -> Sequence[ObjectRow]:
        """Return the rows of the next page, those after the whole key `up_to` cut off.

        Raises ListingUnusable, OutOfOrder, and PageUnreadable, after which the same page may be asked for again; not
        where it contradicts itself.
        """
        scanned = self._scanner.rows_of(page.content) if isinstance(page.content, PageGlance) else None
        if scanned is not None and self._is_plain(scanned.rows):
            self.pages += 1
            rows: Sequence[ObjectRow] = scanned.rows
            may_hold_probes = scanned.may_hold_probes
        else:
            try:
                whole = _parsed(page).rows
            except PageContradicts as error:
                raise self.contradicted(error) from error
            self.pages += 1
            self._verify(whole)
            skipped = len(self._prefix)
            rows = [ObjectRow(row.key[skipped:], *row[1:]) for row in whole]
            may_hold_probes = True
        if up_to is not None and rows and self._prefix + rows[-1].key > up_to:
            rows = rows[: bisect_right(rows, up_to[len(self._prefix) :], key=_key_of)]
        if rows:
            self._last_key = rows[-1].key
        if may_hold_probes:
            rows = [row for row in rows if not (_PROBE_MARK in row.key and is_probe_key(row.key))]
        return rows

    def _is_plain(self, rows: Sequence[ObjectRow]) -> bool:
        """Whether rows that were scanned need no closer look; within the page they are known to be in order."""
        if not rows:
            return True
        if not self._in_order:
            return not self._below or all(row.key.startswith(self._below) for row in rows)
        first, last = rows[0].key, rows[-1].key
        is_below = first.startswith(self._below) and last.startswith(self._below)
        return is_below and (self._last_key is None or self._last_key < first)

    def _verify(self, rows: Sequence[ObjectRow]) -> None:
        keys = [row.key for row in rows]
        prefix = self._prefix + self._below
        stray = next((key for key in keys if not key.startswith(prefix)), None)
        if stray is not None:
            raise self.unusable(f"{_shown(stray)} lies outside the prefix", ASK_THE_STORE)
        try:
            b"\0".join(keys).decode()
        except UnicodeDecodeError as error:
            wrong = next(key for key in keys if not _is_utf8(key))
            raise self.unusable(
                f"{_shown(wrong)} is not UTF-8",
                "leave it out of the location, or rename it with the tool that wrote it",
            ) from error
        if self._in_order:
            self._verify_order(keys if self.last_key is None else [self.last_key, *keys])

    def _verify_order(self, keys: Sequence[bytes]) -> None:
        if all(map(lt, keys, keys[1:])):
            return
        before, after = next(pair for pair in pairwise(keys) if not pair[0] < pair[1])
        if before == after:
            raise self.unusable(f"{_shown(after)} is listed twice", ASK_THE_STORE)
        said = f"{_shown(after)} comes after {_shown(before)}, but belongs before it"
        raise OutOfOrder(self._sentence(said, "the store lists out of order"))

    def refused(self, failure: Failure, *, attempts: int, clock_offset_ms: int) -> S3PlanError:
        """Return the error for a page, the one after those read, that could not be had."""
        self.pages += 1
        if failure.kind.is_retryable or failure.kind.is_unclear:
            return self.unusable(f"it broke off after {attempts} attempts ({failure})", "try again later")
        return refusal_of(
            failure,
            bucket=self._location.bucket,
            doing=f"listing {self._where} (page {self.pages})",
            clock_offset_ms=clock_offset_ms,
        )

    def contradicted(self, error: PageContradicts) -> ListingUnusable:
        """Return the error for a page, the one after those read, that does not go together."""
        self.pages += 1
        return self.unusable(str(error), ASK_THE_STORE)

    def begins_elsewhere(self, failure: Failure) -> OutOfOrder:
        """Return the error for a store that refuses to list from a key on; from the start it may be listed."""
        self.pages += 1
        return OutOfOrder(self._sentence(str(failure), "the store did not list from a key on"))

    def unusable(self, seen: str, advice: str) -> ListingUnusable:
        """Return the error for what was seen on the page read last."""
        return ListingUnusable(self._sentence(seen, advice))

    @property
    def _where(self) -> str:
        return escape_unprintable(f"s3://{self._location.bucket}/{self._location.prefix}{self._below.decode()}")

    def _sentence(self, seen: str, advice: str) -> str:
        said = escape_unprintable(seen[:_MAX_SEEN])
        return f"the listing of {self._where} cannot be used: on page {self.pages}, {said}; {advice}"


class TokenTrail:
    """The tokens of one chain of pages: each leads somewhere new, or `problem` says what is wrong."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._empty = 0

    def problem(self, page: ListedPage) -> str | None:
        """Return what is wrong with how a page says what follows it; None if nothing is."""
        self._empty = 0 if page.sampled else self._empty + 1
        if not page.truncated:
            return None
        if not page.next_token:
            return "it says that more follows, but not where (no token)"
        if hash(page.next_token) in self._seen:
            return "its token has come before: the listing runs in a circle"
        self._seen.add(hash(page.next_token))
        return f"{self._empty} pages in a row were empty" if self._empty >= MAX_EMPTY_PAGES else None


def _parsed(page: ListedPage) -> ObjectsPage:
    if isinstance(page.content, ObjectsPage):
        return page.content
    parsed = parse_page(page.content.text.encode())
    ends = (parsed.rows[0].key, parsed.rows[-1].key) if parsed.rows else ()
    if ends != (*page.sampled[:1], *page.sampled[-1:]):
        raise PageUnreadable("its first or last key is not where it seems to be")
    return parsed


def _key_of(row: ObjectRow) -> bytes:
    return row.key


def _is_utf8(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True


def _shown(key: bytes) -> str:
    return "'" + key.decode(errors="backslashreplace") + "'"
