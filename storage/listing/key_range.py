"""A part of a listing's keys, and how far it has been listed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from s3plan.storage.listing.page_checks import ListedPage, TokenTrail

_FEW_PAGES = 2.0  # a folder of which nothing is known
_MANY_PAGES = 16.0  # one that has more than a page, while none has been seen to its end


@dataclass(slots=True, eq=False)
class KeyRange:
    """The keys after `after`, up to and including `end`, and how far their listing has come.

    Anybody may read it; it changes by its methods only. `floor` and `spent` say which folders need not be asked for
    what lies in them: none that holds `floor` or is it, since the range ends before the next folder there; none below
    `spent` or it, since nothing more comes there.
    """

    after: bytes | None
    end: bytes | None
    floor: str | None = None
    spent: str | None = None
    expected_pages: float | None = None
    run_pages: float = 0.0  # how many pages like these have come in a row, up to here
    is_guess: bool = False  # nobody has seen a key in it yet
    cut: int = 0  # the number of the cut that made it by guess
    trail: TokenTrail = field(default_factory=TokenTrail)
    token: str | None = None
    sampled: Sequence[bytes] = ()  # of the newest page that had any keys
    pages: int = 0
    waiting: deque[tuple[ListedPage, str | None]] = field(default_factory=deque)  # and what is wrong with its token
    is_asked: bool = False
    asked_s: float = 0.0
    is_complete: bool = False
    is_mapped: bool = False  # its folders are being asked for
    is_dropped: bool = False
    attempts: int = 0
    due_s: float = 0.0
    _judged_at_page: int = 0

    @property
    def is_untouched(self) -> bool:
        """Whether no request for it has been sent."""
        return not (self.pages or self.is_asked or self.attempts or self.is_mapped)

    @property
    def may_be_cut(self) -> bool:
        """Whether there is something to go by that has not been judged before."""
        is_open = not (self.is_complete or self.is_mapped)
        return is_open and bool(self.sampled) and self._judged_at_page != self.pages

    @property
    def last_known(self) -> bytes | None:
        """The last key that has been seen of it, or else where it begins."""
        return self.sampled[-1] if self.sampled else self.after

    def pages_left(self, *, usual_pages: float | None) -> float:
        """Return how many more pages are to be expected: what has lasted long will last.

        `usual_pages` is how long folders are here, None while none has been seen to its end.
        """
        if self.is_complete:
            return 0.0
        expected = self.expected_pages or usual_pages
        if expected is None:
            return _MANY_PAGES if self.pages else _FEW_PAGES
        return max(1.0, expected - self.pages, self.pages / 2 if self.pages > expected else 0.0)

    # Its listing

    def ask(self, *, now_s: float) -> None:
        """Its next page is asked for."""
        self.is_asked, self.asked_s = True, now_s

    def be_answered(self) -> None:
        """Something has come back, whatever it is."""
        self.is_asked = False

    def fail(self, *, due_s: float) -> None:
        """Its page is asked for again at `due_s` at the earliest."""
        self.attempts += 1
        self.due_s = due_s

    def take(self, page: ListedPage) -> None:
        """A page has come; what it holds is not judged yet."""
        self.attempts, self.due_s = 0, 0.0
        self.pages += 1
        self.run_pages += 1
        self.token = page.next_token

    def see(self, keys: Sequence[bytes]) -> None:
        """The newest page holds these keys, among others."""
        self.sampled = keys

    def passes_end(self, page: ListedPage) -> bool:
        """Return whether a page reaches the range's end, or what comes behind it."""
        return bool(page.sampled) and self.end is not None and page.sampled[-1] >= self.end

    def holds_keys_of(self, page: ListedPage) -> bool:
        """Return whether a page begins inside the range."""
        return bool(page.sampled) and (self.end is None or page.sampled[0] <= self.end)

    def complete(self) -> None:
        """No more of its pages are needed."""
        self.is_complete = True

    def drop(self) -> None:
        """Nothing of it counts any more, not even what is still to come."""
        self.is_dropped = True
        self.waiting.clear()

    # Where it ends

    def judge(self) -> None:
        """Whether it is cut by guess has been decided for as long as no further page comes."""
        self._judged_at_page = self.pages

    def await_folders(self) -> None:
        """Its folders are asked for: it is not cut until they are known."""
        self.is_mapped = True

    def take_folders(self) -> None:
        """The question for its folders has been answered, well or badly."""
        self.is_mapped = False

    def never_ask_above(self, folder: str) -> None:
        """The folders of whatever holds `folder` are not to be asked for."""
        self.floor = folder

    def never_ask_below(self, folder: str) -> None:
        """Nothing more comes in `folder`, so that there is nothing to ask for."""
        self.spent = folder

    def end_before(self, end: bytes, *, floor: str | None) -> None:
        """It was cut where a folder begins."""
        self.end, self.floor = end, floor

    def end_by_guess(self, end: bytes, *, pages: float) -> None:
        """It was cut where so many pages more are guessed to end."""
        self.end = end
        self.expected_pages = self.pages + pages

    def settle(self) -> None:
        """Whether there are keys in it is known."""
        self.is_guess = False

    def absorb(self, passed: KeyRange) -> None:
        """Take over the range behind it, which nobody has asked for."""
        self.end, self.floor, self.spent = passed.end, passed.floor, passed.spent

    def absorb_rest(self) -> None:
        """Take over all that comes behind it."""
        self.end = None
        if self.is_complete and self.waiting:
            page, problem = self.waiting[-1]
            self.is_complete = not page.truncated or problem is not None
