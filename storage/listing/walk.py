"""One pass over the keys of a location by many requests at once, its pages in order.

The keys are split into ranges, each listed page after page: S3 lists from any key on (`start-after`), and where a range
ends is for us to see. Ranges are made just ahead of the reader and are a few pages long, because pages wait for their
turn in memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from s3plan.schemas.errors import ListingUnusable, S3PlanError
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import ListObjects, ObjectsPage, Reply, UnparsedPage
from s3plan.storage.listing.key_range import KeyRange
from s3plan.storage.listing.pace import ListingPace, ReaderWaits
from s3plan.storage.listing.page_checks import ASK_THE_STORE, ListedPage, PageChecker, listed_page, unreadable
from s3plan.storage.listing.range_cuts import FoldersWanted
from s3plan.storage.listing.range_splitting import RangeSplitter
from s3plan.storage.listing.ranges_left import RangesLeft
from s3plan.storage.listing.reader_turn import ReaderTurn
from s3plan.storage.listing.requests import folders_request, page_request
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.wire.page_ends import PageContradicts, PageUnreadable

# What a store that knows no `start-after` answers to it.
_LISTS_FROM_THE_START_ONLY = frozenset({FailureKind.INVALID, FailureKind.UNSUPPORTED})


@dataclass(frozen=True, slots=True)
class _Arrival:
    range: KeyRange
    folders: FoldersWanted | None  # what it answers, if that is not a page of the range
    reply: Reply


class ListingWalk:
    """One iteration over a location; one thread at a time does anything here, see ReaderTurn."""

    def __init__(
        self,
        engine: Engine,
        location: PlanLocation,
        *,
        below: bytes,
        concurrency: int,
        buffer_bytes: int,
        patience: Patience,
        reader: ReaderWaits,
    ) -> None:
        self._engine = engine
        self._location = location
        self._prefix = location.prefix + below.decode()
        self._patience = patience
        self._checker = PageChecker(location, below=below)
        self._pace = ListingPace(concurrency, reader=reader)
        self._splitter = RangeSplitter(self._prefix)
        self._turn: ReaderTurn[_Arrival] = ReaderTurn(self._advance)
        self._left = RangesLeft(buffer_bytes=buffer_bytes)
        self._unreadable = 0  # pages in a row whose rows could not be read after all
        self.note: str | None = None

    @property
    def ranges(self) -> int:
        return self._splitter.ranges_found

    @property
    def requests(self) -> int:
        return self._left.requests

    @property
    def most_buffered_bytes(self) -> int:
        return self._left.most_buffered_bytes

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        try:
            while True:
                with self._turn:
                    rows, problem = self._next_rows()
                if rows:
                    yield rows
                    with self._turn:
                        self._pace.handed_on()
                if problem is not None:
                    raise self._checker.unusable(problem, ASK_THE_STORE)
                if rows is None:
                    return
        finally:
            self._turn.end()

    def _next_rows(self) -> tuple[Sequence[ObjectRow] | None, str | None]:
        """Return what comes next, and what is wrong with what follows it; waits for it; None at the end."""
        while self._left:
            self._turn.check()
            self._advance()
            first = self._left.first
            if first.waiting:
                rows, problem = self._read_next(first)
                if rows or problem is not None:
                    return rows, problem
            elif first.is_complete:
                self._left.end_first()
            else:
                self._wait()
        return None, None

    def _advance(self) -> None:
        """Take what has arrived and ask for more."""
        for arrival in self._turn.delivered():
            self._take(arrival)
        self._send()

    def _wait(self) -> None:
        began_s = time.monotonic()
        due_s = self._left.next_due_s(began_s)
        try:
            arrival = self._turn.wait(None if due_s is None else max(0.0, due_s - began_s))
        finally:
            self._pace.waited(time.monotonic() - began_s)
        if arrival is not None:
            self._take(arrival)

    # What is sent

    def _send(self) -> None:
        self._ask_for_pages()
        if self._left.under_way < self._pace.width and self.note is None:
            self._split()
            self._ask_for_pages()

    def _ask_for_pages(self) -> None:
        for found in self._left.to_ask(width=self._pace.width, now_s=time.monotonic()):
            found.ask(now_s=time.monotonic())
            request = page_request(self._location, self._prefix, after=found.after, token=found.token)
            self._submit(found, request, folders=None)

    def _submit(self, asked: KeyRange, request: ListObjects, *, folders: FoldersWanted | None) -> None:
        self._left.sent()
        self._engine.submit(request, lambda reply: self._turn.deliver(_Arrival(asked, folders, reply)))

    # Where ranges are split

    def _split(self) -> None:
        made = 0  # those made before that nobody has asked for are out of reach
        for found in self._left.to_cut():
            wanted_ranges = self._pace.width - self._left.under_way - made
            if wanted_ranges <= 0 or not self._splitter.may_risk or not self._left.has_room:
                return
            folders = self._splitter.folders_wanted(found)
            if folders is not None:
                self._submit(found, folders_request(self._location, folders), folders=folders)
            else:
                cut = self._splitter.cut_by_guess(found, pages=self._pages_of_a_range(), most=wanted_ranges)
                made += len(cut)
                self._left.insert(found, cut)

    def _pages_of_a_range(self) -> float:
        return self._left.pages_of_a_range(width=self._pace.width)

    # What comes back

    def _take(self, arrival: _Arrival) -> None:
        self._left.answered()
        found, reply = arrival.range, arrival.reply
        if found.is_dropped:
            return
        if arrival.folders is not None:
            made = self._splitter.cut_by_folders(found, arrival.folders, reply, pages=self._pages_of_a_range())
            self._left.insert(found, made)
            return
        found.be_answered()
        if isinstance(reply, Failure):
            self._take_failure(found, reply)
            return
        if not isinstance(reply, ObjectsPage | UnparsedPage):
            raise TypeError(f"{type(reply).__name__} answers no listing")
        try:
            page = listed_page(reply)
        except PageContradicts as error:
            if not self._left.is_split or found is self._left.first:
                raise self._checker.contradicted(error) from error
            self._distrust(found, str(error))
            return
        except PageUnreadable as error:
            self._take_failure(found, unreadable(str(error)))
            return
        self._take_page(found, page)

    def _take_failure(self, found: KeyRange, failure: Failure) -> None:
        passing = failure.kind.is_retryable or failure.kind is FailureKind.BAD_REPLY
        if failure.kind is FailureKind.THROTTLED:
            self._pace.throttled()
        if passing and found.attempts + 1 < self._patience.attempts:
            pause_s = self._patience.pause_s(found.attempts, retry_after_s=failure.retry_after_s)
            found.fail(due_s=time.monotonic() + pause_s)
        elif not passing and self._left.is_split and not found.pages and found is not self._left.first:
            self._distrust(found, f"the store did not list from a key on ({failure.code})")
        elif failure.kind in _LISTS_FROM_THE_START_ONLY and found.after is not None and not found.pages:
            raise self._checker.begins_elsewhere(failure)  # what comes before it is handed on by now
        else:
            raise self._refused(failure)

    def _take_page(self, found: KeyRange, page: ListedPage) -> None:
        problem = found.trail.problem(page)
        begins_after = found.last_known
        is_new = not found.sampled
        self._left.took(found, page)
        self._pace.arrived(after_s=time.monotonic() - found.asked_s)
        if page.sampled:
            first, last = page.sampled[0], page.sampled[-1]
            if self._left.is_split and ((begins_after is not None and first <= begins_after) or last < first):
                self._distrust(found, "what the store listed from a key on did not begin there")
                return
            found.see(page.sampled)
            self._splitter.learn(page.sampled)
            for passed in self._left.absorb_passed(found, last):
                self._splitter.forget(passed)
        is_past_end = found.passes_end(page)
        if problem is not None and self._left.is_split and not is_past_end:
            self._distrust(found, problem)
            return
        has_keys = found.holds_keys_of(page)
        if is_past_end or not page.truncated or problem is not None:
            self._left.completed(found)
        if is_new and (has_keys or found.is_complete):
            self._splitter.settle(found, has_keys=has_keys)
        if has_keys or problem is not None:
            self._left.keep(found, page, None if is_past_end else problem)

    # What is handed on

    def _read_next(self, first: KeyRange) -> tuple[Sequence[ObjectRow], str | None]:
        """Return the rows of the first range's next page, and what is wrong with what follows it."""
        page, problem = self._left.next_page()
        try:
            rows = self._checker.rows(page, up_to=first.end)
        except PageUnreadable as error:
            self._unreadable += 1
            if self._unreadable >= self._patience.attempts:
                raise self._refused(unreadable(str(error))) from error
            self._begin_again(pause_s=self._patience.pause_s(self._unreadable - 1))
            return (), None
        except ListingUnusable:
            if not self._left.is_split:
                raise
            self._distrust(first, "its pages did not fit together")
            return (), None
        self._unreadable = 0
        return rows, problem

    def _distrust(self, found: KeyRange, reason: str) -> None:
        is_first = found is self._left.first
        self._go_serial(reason)
        if is_first:
            self._begin_again()

    def _begin_again(self, *, pause_s: float = 0.0) -> None:
        """List the first range afresh, from behind the last key that was read."""
        self._left.begin_first_again(after=self._checker.last_key, due_s=time.monotonic() + pause_s)

    def _go_serial(self, reason: str) -> None:
        """Give up all ranges but the first, which takes over the rest."""
        self._left.keep_only_first()
        self._pace.stay_serial()
        self.note = f"listed by one request after another, since {reason}"
        first = self._left.first
        if first.is_complete and not first.waiting:
            self._begin_again()

    def _refused(self, failure: Failure) -> S3PlanError:
        return self._checker.refused(
            failure, attempts=self._patience.attempts, clock_offset_ms=self._engine.clock_offset_ms
        )
