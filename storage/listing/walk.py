"""One pass over the keys of a location by many requests at once, its pages in order.

The keys are split into ranges, each listed page after page: S3 lists from any key on (`start-after`), and where a range
ends is for us to see. Ranges are made just ahead of the reader and are a few pages long, because pages wait for their
turn in memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from queue import Empty

from s3plan.schemas.errors import ListingUnusable, S3PlanError
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests import ListObjects, ObjectsPage, Reply, UnparsedPage
from s3plan.storage.listing.key_ranges import FoldersWanted, KeyRange, range_pages
from s3plan.storage.listing.pace import ListingPace, ReaderWaits
from s3plan.storage.listing.page_checks import ASK_THE_STORE, ListedPage, PageChecker, listed_page, unreadable
from s3plan.storage.listing.range_splitting import RangeSplitter
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
        self._buffer_bytes = buffer_bytes
        self._patience = patience
        self._checker = PageChecker(location, below=below)
        self._pace = ListingPace(concurrency, reader=reader)
        self._splitter = RangeSplitter(self._prefix)
        self._turn: ReaderTurn[_Arrival] = ReaderTurn(self._advance)
        self._ranges = [KeyRange(None, None)]
        self._in_flight = 0
        self._buffered_bytes = 0
        self._page_bytes = 1
        self._pages_seen = 0
        self._usual_pages: float | None = None  # of a range that is a folder
        self._is_split = False
        self._unreadable = 0  # pages in a row whose rows could not be read after all
        self.note: str | None = None
        self.requests = 0
        self.most_buffered_bytes = 0

    @property
    def ranges(self) -> int:
        return self._splitter.ranges_found

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
        while self._ranges:
            self._turn.check()
            self._advance()
            head = self._ranges[0]
            if head.waiting:
                rows, problem = self._read_next(head)
                if rows or problem is not None:
                    return rows, problem
            elif head.is_complete:
                self._ranges.pop(0)
            else:
                self._wait()
        return None, None

    def _advance(self) -> None:
        """Take what has arrived and ask for more."""
        while not self._turn.inbox.empty():
            self._take(self._turn.inbox.get())
        self._send()

    def _wait(self) -> None:
        began_s = time.monotonic()
        head = self._ranges[0]
        moments_s = [other.due_s for other in self._ranges if other.due_s > began_s and not other.is_asked]
        if not head.is_asked:
            moments_s.append(head.due_s)
        try:
            arrival = self._turn.inbox.get(timeout=max(0.0, min(moments_s) - began_s) if moments_s else None)
        except Empty:
            return
        finally:
            self._pace.waited(time.monotonic() - began_s)
        self._take(arrival)

    # What is sent

    def _send(self) -> None:
        self._ask_for_pages()
        if self._in_flight < self._pace.width and self.note is None:
            self._split()
            self._ask_for_pages()

    def _ask_for_pages(self) -> None:
        """Ask for the next page of each range that may have one more, the nearest first; the first range always may.

        Room is kept for what is still to come of nearer ranges: pages that wait behind a gap help nobody.
        """
        now_s = time.monotonic()
        head = self._ranges[0]
        room = self._buffer_bytes / self._page_bytes
        taken = 0.0
        for asked in self._ranges:
            if asked is not head and (
                self._in_flight >= self._pace.width or taken + len(asked.waiting) + 1 > room or not self._has_room()
            ):
                return
            is_idle = not (asked.is_asked or asked.is_complete or asked.due_s > now_s)
            if is_idle and (not asked.waiting or self._has_room()):
                asked.is_asked, asked.asked_s = True, time.monotonic()
                request = page_request(self._location, self._prefix, after=asked.after, token=asked.token)
                self._submit(asked, request, folders=None)
            taken += len(asked.waiting) + asked.pages_left(usual_pages=self._usual_pages)

    def _has_room(self) -> bool:
        return self._buffered_bytes + (self._in_flight + 1) * self._page_bytes <= self._buffer_bytes

    def _range_pages(self) -> float:
        return range_pages(
            self._ranges,
            width=self._pace.width,
            fitting_pages=self._buffer_bytes // self._page_bytes,
            pages_seen=self._pages_seen,
            usual_pages=self._usual_pages,
        )

    def _submit(self, asked: KeyRange, request: ListObjects, *, folders: FoldersWanted | None) -> None:
        self._in_flight += 1
        self.requests += 1
        self._engine.submit(request, lambda reply: self._turn.deliver(_Arrival(asked, folders, reply)))

    # Where ranges are split

    def _split(self) -> None:
        made = 0  # those made before that nobody has asked for are out of reach
        for found in list(self._ranges):
            wanted_ranges = self._pace.width - self._in_flight - made
            if wanted_ranges <= 0 or not self._splitter.may_risk or not self._has_room():
                return
            if found.is_complete or found.is_mapped or not found.sampled or found.judged_at_page == found.pages:
                continue
            folders = self._splitter.folders_wanted(found)
            if folders is not None:
                self._submit(found, folders_request(self._location, folders), folders=folders)
            else:
                cut = self._splitter.cut_by_guess(found, pages=self._range_pages(), most=wanted_ranges)
                made += len(cut)
                self._insert(found, cut)

    def _insert(self, found: KeyRange, made: Sequence[KeyRange]) -> None:
        if made:
            at = self._ranges.index(found) + 1
            self._ranges[at:at] = made
            self._is_split = True

    # What comes back

    def _take(self, arrival: _Arrival) -> None:
        self._in_flight -= 1
        found, reply = arrival.range, arrival.reply
        if found.is_dropped:
            return
        if arrival.folders is not None:
            made = self._splitter.cut_by_folders(found, arrival.folders, reply, pages=self._range_pages())
            self._insert(found, made)
            return
        found.is_asked = False
        if isinstance(reply, Failure):
            self._take_failure(found, reply)
            return
        if not isinstance(reply, ObjectsPage | UnparsedPage):
            raise TypeError(f"{type(reply).__name__} answers no listing")
        try:
            page = listed_page(reply)
        except PageContradicts as error:
            if not self._is_split or found is self._ranges[0]:
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
            found.due_s = time.monotonic() + pause_s
            found.attempts += 1
        elif not passing and self._is_split and not found.pages and found is not self._ranges[0]:
            self._distrust(found, f"the store did not list from a key on ({failure.code})")
        elif failure.kind in _LISTS_FROM_THE_START_ONLY and found.after is not None and not found.pages:
            raise self._checker.begins_elsewhere(failure)  # what comes before it is handed on by now
        else:
            raise self._refused(failure)

    def _take_page(self, found: KeyRange, page: ListedPage) -> None:
        problem = found.trail.problem(page)
        begins_after = found.sampled[-1] if found.sampled else found.after
        is_new = not found.sampled
        found.attempts, found.due_s = 0, 0.0
        found.pages += 1
        found.run_pages += 1
        found.token = page.next_token
        self._pages_seen += 1
        self._pace.arrived(after_s=time.monotonic() - found.asked_s)
        self._page_bytes = max(self._page_bytes, page.size_bytes)
        if page.sampled:
            first, last = page.sampled[0], page.sampled[-1]
            if self._is_split and ((begins_after is not None and first <= begins_after) or last < first):
                self._distrust(found, "what the store listed from a key on did not begin there")
                return
            found.sampled = page.sampled
            self._splitter.learn(page.sampled)
            self._absorb_passed(found, last)
        is_past_end = bool(page.sampled) and found.end is not None and page.sampled[-1] >= found.end
        if problem is not None and self._is_split and not is_past_end:
            self._distrust(found, problem)
            return
        found.is_complete = is_past_end or not page.truncated or problem is not None
        has_keys = bool(page.sampled) and (found.end is None or page.sampled[0] <= found.end)
        if found.is_complete and found.expected_pages is None:
            usual_pages = self._usual_pages or found.pages
            self._usual_pages = usual_pages + (found.pages - usual_pages) / 4
        if is_new and (has_keys or found.is_complete):
            self._splitter.settle(found, has_keys=has_keys)
        if has_keys or problem is not None:
            found.waiting.append((page, None if is_past_end else problem))
            self._buffered_bytes += page.size_bytes
            self.most_buffered_bytes = max(self.most_buffered_bytes, self._buffered_bytes)

    def _absorb_passed(self, found: KeyRange, last: bytes) -> None:
        """Take over the ranges behind this one that nobody has asked for and that its newest page runs into."""
        at = self._ranges.index(found) + 1
        while found.end is not None and last > found.end and at < len(self._ranges) and self._ranges[at].is_untouched:
            passed = self._ranges.pop(at)
            self._splitter.forget(passed)
            found.end, found.floor, found.spent = passed.end, passed.floor, passed.spent

    # What is handed on

    def _read_next(self, head: KeyRange) -> tuple[Sequence[ObjectRow], str | None]:
        """Return the rows of the first range's next page, and what is wrong with what follows it."""
        page, problem = head.waiting.popleft()
        self._buffered_bytes -= page.size_bytes
        try:
            rows = self._checker.rows(page, up_to=head.end)
        except PageUnreadable as error:
            self._unreadable += 1
            if self._unreadable >= self._patience.attempts:
                raise self._refused(unreadable(str(error))) from error
            self._begin_again(pause_s=self._patience.pause_s(self._unreadable - 1))
            return (), None
        except ListingUnusable:
            if not self._is_split:
                raise
            self._distrust(head, "its pages did not fit together")
            return (), None
        self._unreadable = 0
        return rows, problem

    def _distrust(self, found: KeyRange, reason: str) -> None:
        is_head = found is self._ranges[0]
        self._go_serial(reason)
        if is_head:
            self._begin_again()

    def _begin_again(self, *, pause_s: float = 0.0) -> None:
        """List the first range afresh, from behind the last key that was read."""
        head = self._ranges[0]
        known = [key for key in (head.after, self._checker.last_key) if key is not None]
        self._drop(head)
        self._ranges[0] = KeyRange(max(known, default=None), head.end, floor=head.floor, pages=1)
        self._ranges[0].due_s = time.monotonic() + pause_s

    def _go_serial(self, reason: str) -> None:
        """Give up all ranges but the first, which takes over the rest."""
        head, *others = self._ranges
        for other in others:
            self._drop(other)
        self._ranges = [head]
        self._is_split = False
        self._pace.stay_serial()
        self.note = f"listed by one request after another, since {reason}"
        head.end = None
        if head.is_complete and not head.waiting:
            self._begin_again()
        elif head.is_complete:
            page, problem = head.waiting[-1]
            head.is_complete = not page.truncated or problem is not None

    def _drop(self, dropped: KeyRange) -> None:
        dropped.is_dropped = True
        self._buffered_bytes -= sum(page.size_bytes for page, _ in dropped.waiting)
        dropped.waiting.clear()

    def _refused(self, failure: Failure) -> S3PlanError:
        return self._checker.refused(
            failure, attempts=self._patience.attempts, clock_offset_ms=self._engine.clock_offset_ms
        )
