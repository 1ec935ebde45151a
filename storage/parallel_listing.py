"""Lists one location by many requests at once and hands the pages on in the order of their keys.

The keys are split into ranges, each listed page after page: S3 lists from any key on (`start-after`), and where a range
ends is for us to see. Ranges are made just ahead of the reader, a few pages long, because pages wait for their turn in
memory: from folders that a listing by delimiter names, or from where the next pages are to be expected (key_ranges.py).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from s3plan.schemas.errors import ListingUnusable, S3PlanError
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests import ListObjects, ObjectsPage, Reply, UnparsedPage
from s3plan.storage.key_ranges import KeyScale, after_folder, folders_of, split_points
from s3plan.storage.listing_pace import ListingPace
from s3plan.storage.listing_page import PageUnreadable
from s3plan.storage.page_checks import ASK_THE_STORE, ListedPage, PageChecker, TokenTrail, listed_page, unreadable
from s3plan.storage.patience import Patience

DEFAULT_CONCURRENCY = 32
DEFAULT_BUFFER_BYTES = 20 << 20
SERIAL_PAGES = 4
"""A listing of so few pages is not worth splitting."""

_FEW_FOLDERS = 6  # on a page: folders are large enough to be listed one by one
_LONGEST_RANGE_PAGES = 16
_FIRST_TRUST = 4
_SHORTER = 0.3  # of a page: so that its last page is seen to be the last
_SLACK_PAGES = 2  # a range may turn out longer than it was meant to be


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
    ) -> None:
        self._engine = engine
        self._location = location
        self._below = below
        self._concurrency = concurrency
        self._buffer_bytes = buffer_bytes
        self._patience = Patience() if patience is None else patience
        self._walk: _Walk | None = None

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
        return 0 if self._walk is None else self._walk.ranges_found

    @property
    def most_buffered_bytes(self) -> int:
        """The size of the pages that have waited at one time."""
        return 0 if self._walk is None else self._walk.most_buffered_bytes

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        """Yield the rows of each page that has any; a reply that comes after the iteration has ended is dropped.

        Raises ListingUnusable (OutOfOrder), BucketMissing, StoreRefused, CredentialsUnusable.
        """
        self._walk = _Walk(
            self._engine,
            self._location,
            below=self._below,
            concurrency=self._concurrency,
            buffer_bytes=self._buffer_bytes,
            patience=self._patience,
        )
        return self._walk.pages()


@dataclass(slots=True, eq=False)
class _KeyRange:
    """The keys after `after`, up to and including `end`, and how far their listing has come."""

    after: bytes | None
    end: bytes | None
    folder: str  # most of its keys lie in it
    is_guess: bool = False  # nobody has seen a key in it yet
    trail: TokenTrail = field(default_factory=TokenTrail)
    token: str | None = None
    sampled: Sequence[bytes] = ()  # of the newest page that had any keys
    pages: int = 0
    judged_at_page: int = 0
    waiting: deque[tuple[ListedPage, str | None]] = field(default_factory=deque)  # and what is wrong with its token
    is_asked: bool = False
    is_complete: bool = False
    is_mapped: bool = False  # its folders are being asked for
    is_flat: bool = False
    is_dropped: bool = False
    attempts: int = 0
    due_s: float = 0.0

    @property
    def is_untouched(self) -> bool:
        return not (self.pages or self.is_asked or self.attempts)


@dataclass(frozen=True, slots=True)
class _Arrival:
    range: _KeyRange
    is_map: bool
    reply: Reply


class _Walk:
    """One iteration over a location. Only replies come from other threads, through a queue."""

    def __init__(
        self,
        engine: Engine,
        location: PlanLocation,
        *,
        below: bytes,
        concurrency: int,
        buffer_bytes: int,
        patience: Patience,
    ) -> None:
        self._engine = engine
        self._location = location
        self._prefix = location.prefix + below.decode()
        self._buffer_bytes = buffer_bytes
        self._patience = patience
        self._checker = PageChecker(location, below=below)
        self._pace = ListingPace(concurrency)
        self._scale = KeyScale()
        self._inbox: SimpleQueue[_Arrival] = SimpleQueue()
        self._ranges = [_KeyRange(None, None, self._prefix)]
        self._in_flight = 0
        self._buffered_bytes = 0
        self._page_bytes = 1
        self._pages_seen = 0
        self._trust = _FIRST_TRUST
        self._guesses = 0  # ranges made by guess of which nothing is known yet
        self._fruitless = 0  # requests that brought no key of their range
        self._is_split = False
        self._unreadable = 0  # pages in a row whose rows could not be read after all
        self.note: str | None = None
        self.requests = 0
        self.ranges_found = 0
        self.most_buffered_bytes = 0

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        while self._ranges:
            while not self._inbox.empty():
                self._take(self._inbox.get())
            self._send()
            head = self._ranges[0]
            if head.waiting:
                rows, problem = self._read_next(head)
                if rows:
                    yield rows
                if problem is not None:
                    raise self._checker.unusable(problem, ASK_THE_STORE)
            elif head.is_complete:
                self._ranges.pop(0)
            else:
                self._wait()

    def _wait(self) -> None:
        began_s = time.monotonic()
        head = self._ranges[0]
        moments_s = [other.due_s for other in self._ranges if other.due_s > began_s and not other.is_asked]
        if not head.is_asked:
            moments_s.append(head.due_s)
        try:
            arrival = self._inbox.get(timeout=max(0.0, min(moments_s) - began_s) if moments_s else None)
        except Empty:
            return
        finally:
            self._pace.waited(time.monotonic() - began_s)
        self._take(arrival)

    # What is sent

    def _send(self) -> None:
        self._ask_for_pages()
        if self._in_flight < self._pace.width and self._pages_seen >= SERIAL_PAGES and self.note is None:
            self._split()
            self._ask_for_pages()

    def _ask_for_pages(self) -> None:
        """Ask for the next page of each range that may have one more, the nearest first; the first range always may."""
        now_s = time.monotonic()
        head = self._ranges[0]
        for asked in self._ranges:
            if asked is not head and (self._in_flight >= self._pace.width or not self._has_room()):
                return
            if asked.is_asked or asked.is_complete or asked.due_s > now_s:
                continue
            if not asked.waiting or len(asked.waiting) < self._range_pages() + _SLACK_PAGES and self._has_room():
                asked.is_asked = True
                self._submit(asked, self._request(after=asked.after, token=asked.token), is_map=False)

    def _has_room(self) -> bool:
        return self._buffered_bytes + (self._in_flight + 1) * self._page_bytes <= self._buffer_bytes

    def _range_pages(self) -> int:
        """Return how many pages a range may hold, so that as many ranges as are wanted fit into the buffer."""
        fitting = self._buffer_bytes // (self._page_bytes * self._pace.width)
        return max(2, min(_LONGEST_RANGE_PAGES, fitting))

    def _request(self, *, after: bytes | None, token: str | None) -> ListObjects:
        return ListObjects(
            self._location.bucket,
            prefix=self._prefix,
            start_after=None if after is None or token is not None else after.decode(),
            token=token,
            owner=self._location.owner,
            unparsed=True,
        )

    def _submit(self, asked: _KeyRange, request: ListObjects, *, is_map: bool) -> None:
        inbox = self._inbox
        self._in_flight += 1
        self.requests += 1
        self._engine.submit(request, lambda reply: inbox.put(_Arrival(asked, is_map, reply)))

    # Where ranges are split

    def _split(self) -> None:
        for found in list(self._ranges):
            if self._in_flight + self._unasked() >= self._pace.width or self._guesses_allowed() <= 0:
                return
            if not found.is_complete and found.judged_at_page < found.pages and found.sampled and not found.is_mapped:
                found.judged_at_page = found.pages
                self._split_range(found)

    def _unasked(self) -> int:
        return sum(1 for waiting in self._ranges if waiting.is_untouched)

    def _guesses_allowed(self) -> int:
        """Return how many requests may be risked; each range that is found pays for two."""
        affordable = 2 * self.ranges_found + 1 - self._fruitless - self._guesses
        return min(affordable, self._trust - self._guesses)

    def _split_range(self, found: _KeyRange) -> None:
        folder = found.folder.encode()
        if not (found.sampled[0].startswith(folder) and found.sampled[-1].startswith(folder)):
            found.folder = self._prefix
        folders = folders_of(found.sampled, folder=found.folder)
        if folders[-1].endswith("/") and len(folders) <= _FEW_FOLDERS and not found.is_flat:
            self._ask_for_folders(found, folders[-1])
            return
        pages = self._range_pages() - _SHORTER
        count = min(self._guesses_allowed(), self._pace.width - self._in_flight)
        points = self._scale.points(
            (found.sampled[0], found.sampled[-1]),
            end=found.end,
            folder=found.folder,
            distances=[pages * number for number in range(1, count + 1)],
        )
        self._divide(found, points, folders=[found.folder] * len(points), is_guess=True)

    def _ask_for_folders(self, found: _KeyRange, current: str) -> None:
        found.is_mapped = True
        self._fruitless += 1
        request = ListObjects(
            self._location.bucket,
            prefix=found.folder,
            start_after=after_folder(current),
            delimiter="/",
            owner=self._location.owner,
        )
        self._submit(found, request, is_map=True)

    def _take_folders(self, found: _KeyRange, reply: Reply) -> None:
        found.is_mapped = False
        if not isinstance(reply, ObjectsPage):
            found.is_flat = True  # to be split by guess; the store's own fault or not, nothing depends on it
            return
        if found.is_complete:
            return
        folders = folders_of(found.sampled, folder=found.folder)
        every = 1 if len(folders) == 1 else len(folders) * self._range_pages()
        points = split_points(reply.prefixes, after=found.sampled[-1], end=found.end, every=every)
        found.judged_at_page = 0
        if not points:
            found.folder = folders[-1]
            found.is_flat = not folders[-1].endswith("/")
            return
        around, inside = found.folder, [point.decode(errors="replace") for point in points]
        if every > 1:
            inside = [around] * len(points)
        else:
            found.folder = folders[-1]
            if reply.truncated or reply.rows:
                inside[-1] = around
        self._divide(found, points, folders=inside, is_guess=False)

    def _divide(self, found: _KeyRange, points: Sequence[bytes], *, folders: Sequence[str], is_guess: bool) -> None:
        if not points:
            return
        ends = [*points[1:], found.end]
        made = [
            _KeyRange(after, end, folder, is_guess=is_guess)
            for after, end, folder in zip(points, ends, folders, strict=True)
        ]
        at = self._ranges.index(found) + 1
        self._ranges[at:at] = made
        found.end = points[0]
        self._guesses += len(made) if is_guess else 0
        self._is_split = True

    # What comes back

    def _take(self, arrival: _Arrival) -> None:
        self._in_flight -= 1
        found, reply = arrival.range, arrival.reply
        if found.is_dropped:
            return
        if arrival.is_map:
            self._take_folders(found, reply)
            return
        found.is_asked = False
        if isinstance(reply, Failure):
            self._take_failure(found, reply)
            return
        if not isinstance(reply, ObjectsPage | UnparsedPage):
            raise TypeError(f"{type(reply).__name__} answers no listing")
        try:
            page = listed_page(reply)
        except PageUnreadable as error:
            self._take_failure(found, unreadable(str(error)))
            return
        self._take_page(found, page)

    def _take_failure(self, found: _KeyRange, failure: Failure) -> None:
        passing = failure.kind.is_retryable or failure.kind is FailureKind.BAD_REPLY
        if failure.kind is FailureKind.THROTTLED:
            self._pace.throttled()
        if passing and found.attempts + 1 < self._patience.attempts:
            pause_s = self._patience.pause_s(found.attempts, retry_after_s=failure.retry_after_s)
            found.due_s = time.monotonic() + pause_s
            found.attempts += 1
        elif not passing and self._is_split and not found.pages and found is not self._ranges[0]:
            self._distrust(found, f"the store did not list from a key on ({failure.code})")
        else:
            raise self._refused(failure)

    def _take_page(self, found: _KeyRange, page: ListedPage) -> None:
        problem = found.trail.problem(page)
        begins_after = found.sampled[-1] if found.sampled else found.after
        is_new = not found.sampled
        found.attempts, found.due_s = 0, 0.0
        found.pages += 1
        found.token = page.next_token
        self._pages_seen += 1
        self._pace.arrived()
        self._page_bytes = max(self._page_bytes, page.size_bytes)
        if page.sampled:
            first, last = page.sampled[0], page.sampled[-1]
            if self._is_split and ((begins_after is not None and first <= begins_after) or last < first):
                self._distrust(found, "what the store listed from a key on did not begin there")
                return
            found.sampled = page.sampled
            self._scale.learn(page.sampled)
            self._absorb_passed(found, last)
        is_past_end = bool(page.sampled) and found.end is not None and page.sampled[-1] >= found.end
        if problem is not None and self._is_split and not is_past_end:
            self._distrust(found, problem)
            return
        found.is_complete = is_past_end or not page.truncated or problem is not None
        has_keys = bool(page.sampled) and (found.end is None or page.sampled[0] <= found.end)
        if is_new and (has_keys or found.is_complete):
            self._settle_guess(found, has_keys=has_keys)
        if has_keys or problem is not None:
            found.waiting.append((page, None if is_past_end else problem))
            self._buffered_bytes += page.size_bytes
            self.most_buffered_bytes = max(self.most_buffered_bytes, self._buffered_bytes)

    def _absorb_passed(self, found: _KeyRange, last: bytes) -> None:
        """Take over the ranges behind this one that nobody has asked for and that its newest page runs into."""
        at = self._ranges.index(found) + 1
        while found.end is not None and last > found.end and at < len(self._ranges) and self._ranges[at].is_untouched:
            passed = self._ranges.pop(at)
            self._guesses -= passed.is_guess
            found.end, found.folder = passed.end, self._prefix

    def _settle_guess(self, found: _KeyRange, *, has_keys: bool) -> None:
        self.ranges_found += has_keys
        self._fruitless += not has_keys
        if found.is_guess:
            found.is_guess = False
            self._guesses -= 1
            self._trust = self._trust + 1 if has_keys else max(1, self._trust // 2)

    # What is handed on

    def _read_next(self, head: _KeyRange) -> tuple[Sequence[ObjectRow], str | None]:
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

    def _distrust(self, found: _KeyRange, reason: str) -> None:
        is_head = found is self._ranges[0]
        self._go_serial(reason)
        if is_head:
            self._begin_again()

    def _begin_again(self, *, pause_s: float = 0.0) -> None:
        """List the first range afresh, from behind the last key that was read."""
        head = self._ranges[0]
        known = [key for key in (head.after, self._checker.last_key) if key is not None]
        self._drop(head)
        self._ranges[0] = _KeyRange(max(known, default=None), head.end, head.folder, pages=1)
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

    def _drop(self, dropped: _KeyRange) -> None:
        dropped.is_dropped = True
        self._buffered_bytes -= sum(page.size_bytes for page, _ in dropped.waiting)
        dropped.waiting.clear()

    def _refused(self, failure: Failure) -> S3PlanError:
        return self._checker.refused(
            failure, attempts=self._patience.attempts, clock_offset_ms=self._engine.clock_offset_ms
        )
