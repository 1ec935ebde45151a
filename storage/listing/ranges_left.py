"""The ranges of one listing that are still to be handed on, and what is known of all of them together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from s3plan.storage.listing.key_range import KeyRange
from s3plan.storage.listing.page_checks import ListedPage

_LONGEST_RANGE_PAGES = 16
_SHORTEST_RANGE_PAGES = 3
_FIRST_RANGE_PAGES = 2  # while nobody knows how much there is
_PAGES_A_RANGE = 4  # seen of the listing for each page that a range is long
_SHORTER = 0.3  # of a page: so that its last page is seen to be the last


class RangesLeft:
    """Owns the ranges in the order of their keys, the pages that wait in them and the count of what is under way.

    At most `buffer_bytes` of pages wait, and at least one page. Nothing is sent and nothing judged here.
    """

    def __init__(self, *, buffer_bytes: int) -> None:
        self._ranges = [KeyRange(None, None)]
        self._buffer_bytes = buffer_bytes
        self._buffered_bytes = 0
        self._page_bytes = 1  # of the largest so far
        self._pages_seen = 0
        self._usual_pages: float | None = None  # of a range that is a folder
        self.under_way = 0  # requests
        self.requests = 0
        self.most_buffered_bytes = 0
        self.is_split = False

    def __bool__(self) -> bool:
        """Whether there is something left to hand on."""
        return bool(self._ranges)

    @property
    def first(self) -> KeyRange:
        """The range whose pages are handed on next."""
        return self._ranges[0]

    @property
    def has_room(self) -> bool:
        """Whether one more page than is under way would fit into the buffer."""
        return self._buffered_bytes + (self.under_way + 1) * self._page_bytes <= self._buffer_bytes

    # What is asked for

    def to_ask(self, *, width: int, now_s: float) -> Iterator[KeyRange]:
        """Yield the ranges whose next page should be asked for now, the nearest first; the first one always may be.

        Each is to be asked for and counted by `sent` before the next is taken. Room is kept for what is still to come
        of nearer ranges: pages that wait behind a gap help nobody.
        """
        first = self._ranges[0]
        room = self._buffer_bytes / self._page_bytes
        taken = 0.0
        for found in self._ranges:
            if found is not first and (
                self.under_way >= width or taken + len(found.waiting) + 1 > room or not self.has_room
            ):
                return
            is_idle = not (found.is_asked or found.is_complete or found.due_s > now_s)
            if is_idle and (not found.waiting or self.has_room):
                yield found
            taken += len(found.waiting) + found.pages_left(usual_pages=self._usual_pages)

    def next_due_s(self, now_s: float) -> float | None:
        """Return when the next range that was put off is due, None if there is none; in the past if one is."""
        due_s = [one.due_s for one in self._ranges if one.due_s > now_s and not one.is_asked]
        if not self.first.is_asked:
            due_s.append(self.first.due_s)
        return min(due_s, default=None)

    def sent(self) -> None:
        """Count a request as under way."""
        self.under_way += 1
        self.requests += 1

    def answered(self) -> None:
        """Count a request as under way no more."""
        self.under_way -= 1

    # Where ranges are cut

    def to_cut(self) -> Iterator[KeyRange]:
        """Yield the ranges that may be cut now, the nearest first; not those that are made meanwhile."""
        return (found for found in list(self._ranges) if found.may_be_cut)

    def pages_of_a_range(self, *, width: int) -> float:
        """Return how long new ranges should be: `width` of them at once fit into the buffer; short near the end."""
        fitting_pages = self._buffer_bytes // self._page_bytes
        longest: float = max(_SHORTEST_RANGE_PAGES, min(_LONGEST_RANGE_PAGES, fitting_pages // width))
        if self._ranges[-1].is_complete:  # nothing comes behind those that are left
            longest = sum(one.pages_left(usual_pages=self._usual_pages) for one in self._ranges) / width
        return max(_FIRST_RANGE_PAGES, min(longest, self._pages_seen / _PAGES_A_RANGE)) - _SHORTER

    def insert(self, cut: KeyRange, made: Sequence[KeyRange]) -> None:
        """Put the ranges that were cut off one right behind it."""
        if made:
            at = self._ranges.index(cut) + 1
            self._ranges[at:at] = made
            self.is_split = True

    # What came

    def took(self, found: KeyRange, page: ListedPage) -> None:
        """Take note of a page that has come; it waits once `keep` is called."""
        found.take(page)
        self._pages_seen += 1
        self._page_bytes = max(self._page_bytes, page.size_bytes)

    def absorb_passed(self, found: KeyRange, last: bytes) -> Sequence[KeyRange]:
        """Let a range take over those behind it that nobody has asked for and that its newest page runs into.

        `last` is the page's last key. Return what was taken over.
        """
        passed: list[KeyRange] = []
        at = self._ranges.index(found) + 1
        while found.end is not None and last > found.end and at < len(self._ranges) and self._ranges[at].is_untouched:
            passed.append(self._ranges.pop(at))
            found.absorb(passed[-1])
        return passed

    def completed(self, found: KeyRange) -> None:
        """No more pages of a range are needed."""
        found.complete()
        if found.expected_pages is None:
            usual_pages = self._usual_pages or found.pages
            self._usual_pages = usual_pages + (found.pages - usual_pages) / 4

    def keep(self, found: KeyRange, page: ListedPage, problem: str | None) -> None:
        """Let a page wait for its turn, and what is wrong with what follows it."""
        found.waiting.append((page, problem))
        self._buffered_bytes += page.size_bytes
        self.most_buffered_bytes = max(self.most_buffered_bytes, self._buffered_bytes)

    # What is handed on or given up

    def next_page(self) -> tuple[ListedPage, str | None]:
        """Take the first range's next page out of the buffer, and what is wrong with what follows it."""
        page, problem = self.first.waiting.popleft()
        self._buffered_bytes -= page.size_bytes
        return page, problem

    def end_first(self) -> None:
        """All of the first range has been handed on."""
        self._ranges.pop(0)

    def begin_first_again(self, *, after: bytes | None, due_s: float) -> None:
        """List the first range afresh, from behind `after`, the last key that was handed on, at `due_s` or later."""
        first = self.first
        self._drop(first)
        known = [key for key in (first.after, after) if key is not None]
        self._ranges[0] = KeyRange(max(known, default=None), first.end, floor=first.floor, pages=1, due_s=due_s)

    def keep_only_first(self) -> None:
        """Drop all ranges but the first, which takes over the rest."""
        first, *others = self._ranges
        for other in others:
            self._drop(other)
        self._ranges = [first]
        self.is_split = False
        first.absorb_rest()

    def _drop(self, dropped: KeyRange) -> None:
        self._buffered_bytes -= sum(page.size_bytes for page, _ in dropped.waiting)
        dropped.drop()
