"""When a range of keys is cut, and how much may be risked for it."""

from __future__ import annotations

from collections.abc import Sequence

from s3plan.schemas.requests.objects import ObjectsPage, Reply
from s3plan.storage.listing.key_range import KeyRange
from s3plan.storage.listing.key_scale import KeyScale
from s3plan.storage.listing.range_cuts import (
    FoldersWanted,
    common_folder,
    cut_at_folders,
    cut_at_points,
    folders_wanted,
)

_FEW_FOLDERS = 6  # on a page: the folders are large enough to be worth a question
_FIRST_TRUST = 4
_REACH = 3  # times as far as pages have come in a row, where nobody knows how far that goes on


class RangeSplitter:
    """Cuts the ranges of one listing: where folders begin, or where the next pages are to be expected.

    Counts what that costs: a question about folders, and a guessed range without keys, are requests that bring nothing.
    There are never more than two of them for each range that was found to hold keys, and one.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._scale = KeyScale()
        self._guesses = 0  # ranges made by guess of which nothing is known yet
        self._trust = _FIRST_TRUST  # how many there may be; more as they prove right
        self._cuts = 0
        self._wrong_cuts: set[int] = set()
        self.extra_requests = 0
        self.ranges_found = 0

    @property
    def may_risk(self) -> bool:
        """Whether a request may be sent that perhaps brings nothing."""
        return self._affordable > 0

    @property
    def _affordable(self) -> int:
        return 2 * self.ranges_found + 1 - self.extra_requests - self._guesses

    def learn(self, keys: Sequence[bytes]) -> None:
        """Take some keys of a page into account."""
        self._scale.learn(keys)

    def folders_wanted(self, found: KeyRange) -> FoldersWanted | None:
        """Return what to ask the store before the range is cut, if anything; to be answered by `cut_by_folders`."""
        wanted = folders_wanted(found, prefix=self._prefix, few=_FEW_FOLDERS)
        if wanted is not None:
            found.await_folders()
            self.extra_requests += 1
        return wanted

    def cut_by_folders(
        self, found: KeyRange, wanted: FoldersWanted, reply: Reply, *, pages: float
    ) -> Sequence[KeyRange]:
        """Cut the range where the folders of a reply begin; return the new ranges behind it."""
        found.take_folders()
        if not isinstance(reply, ObjectsPage):
            found.never_ask_above(wanted.current)  # it is cut by guess, then: nothing depends on this question
            return ()
        if found.is_complete:
            return ()
        is_last = not (reply.truncated or reply.rows)
        return cut_at_folders(found, wanted, reply.prefixes, is_last=is_last, pages=pages)

    def cut_by_guess(self, found: KeyRange, *, pages: float, most: int) -> Sequence[KeyRange]:
        """Cut the range into as many as `most` of about `pages` pages; return the new ranges behind it."""
        count = min(most, self._affordable, self._trust - self._guesses)
        if count <= 0:
            return ()
        found.judge()
        folder = common_folder(found.sampled, prefix=self._prefix)
        if found.end is None or not found.end.startswith(folder.encode()):  # nobody knows where the folder ends
            pages = min(pages, found.run_pages)
            count = min(count, int(_REACH * found.run_pages / pages))
        points = self._scale.points(
            (found.sampled[0], found.sampled[-1]),
            end=found.end,
            folder=folder,
            distances=[pages * number for number in range(1, count + 1)],
        )
        self._guesses += len(points)
        self._cuts += 1
        return cut_at_points(found, points, pages=pages, cut=self._cuts)

    def forget(self, passed: KeyRange) -> None:
        """Take note that a range was given up before anything was known of it."""
        self._guesses -= passed.is_guess

    def settle(self, found: KeyRange, *, has_keys: bool) -> None:
        """Take note of whether a range holds keys, once that is known."""
        self.ranges_found += has_keys
        self.extra_requests += not has_keys
        if found.is_guess:
            found.settle()
            self._guesses -= 1
            if has_keys:
                self._trust += 1
            elif found.cut not in self._wrong_cuts:  # all that one cut has made behind the last key is one mistake
                self._wrong_cuts.add(found.cut)
                self._trust = max(1, self._trust // 2)
