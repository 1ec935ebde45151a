"""The keys of a listing, cut into ranges, and where a range may be cut again: any cut is correct, good ones are rare.

S3 can list from a key on, but cannot tell which key is the thousandth. What is known is where folders begin, from a
listing by delimiter, and how wide the last pages were. Bounds are whole keys or texts between them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from s3plan.storage.listing.page_checks import ListedPage, TokenTrail

_FEW_PAGES = 2.0  # a folder of which nothing is known
_MANY_PAGES = 16.0  # one that has more than a page, while none has been seen to its end

_LONGEST_RANGE_PAGES = 16
_SHORTEST_RANGE_PAGES = 3
_FIRST_RANGE_PAGES = 2  # while nobody knows how much there is
_PAGES_A_RANGE = 4  # seen of the listing for each page that a range is long
_SHORTER = 0.3  # of a page: so that its last page is seen to be the last


@dataclass(slots=True, eq=False)
class KeyRange:
    """The keys after `after`, up to and including `end`, and how far their listing has come.

    `floor` and `spent` say which folders need not be asked for what lies in them: none that holds `floor` or is it,
    since the range ends before the next folder there; none below `spent` or it, since nothing more comes there.
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
    judged_at_page: int = 0
    waiting: deque[tuple[ListedPage, str | None]] = field(default_factory=deque)  # and what is wrong with its token
    is_asked: bool = False
    asked_s: float = 0.0
    is_complete: bool = False
    is_mapped: bool = False  # its folders are being asked for
    is_dropped: bool = False
    attempts: int = 0
    due_s: float = 0.0

    @property
    def is_untouched(self) -> bool:
        """Whether no request for it has been sent."""
        return not (self.pages or self.is_asked or self.attempts or self.is_mapped)

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


def range_pages(
    ranges: Sequence[KeyRange], *, width: int, fitting_pages: int, pages_seen: int, usual_pages: float | None
) -> float:
    """Return how many pages long new ranges should be: `width` of them at once fit into the buffer; short near the end.

    `ranges` are all that are left, in order; `fitting_pages` is what the buffer holds, `pages_seen` how many pages of
    the listing have come, `usual_pages` as in `KeyRange.pages_left`.
    """
    longest: float = max(_SHORTEST_RANGE_PAGES, min(_LONGEST_RANGE_PAGES, fitting_pages // width))
    if ranges[-1].is_complete:  # nothing comes behind those that are left
        longest = sum(one.pages_left(usual_pages=usual_pages) for one in ranges) / width
    return max(_FIRST_RANGE_PAGES, min(longest, pages_seen / _PAGES_A_RANGE)) - _SHORTER


@dataclass(frozen=True, slots=True)
class FoldersWanted:
    """A question for the folders directly in `parent` (empty or ending in `/`, whole) that come after `current`."""

    parent: str
    current: str  # a folder or a key in it
    on_page: int  # how many of them the newest page held

    @property
    def start_after(self) -> str:
        """A text between what lies in the current folder and what follows it."""
        return self.current[:-1] + "0" if self.current.endswith("/") else self.current


def common_folder(keys: Sequence[bytes], *, prefix: str) -> str:
    """Return the deepest folder that the first and the last key lie in, but nothing shorter than `prefix`."""
    first, last = keys[0].decode(errors="replace"), keys[-1].decode(errors="replace")
    shared = common_length(first, last)
    cut = first.rfind("/", 0, shared) + 1
    return first[:cut] if cut > len(prefix) else prefix


def common_length(first: str, second: str) -> int:
    """Return how many characters two texts begin with in common."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if first[:middle] == second[:middle] else (low, middle - 1)
    return low


def folders_of(keys: Iterable[bytes], *, parent: str) -> Sequence[str]:
    """Return the different folders directly in `parent` that keys in it lie in, in order of coming.

    A key directly in `parent` counts as one of its own, without a `/` at its end.
    """
    found: dict[str, None] = {}
    for key in keys:
        name, slash, _ = key.decode(errors="replace")[len(parent) :].partition("/")
        found[f"{parent}{name}{slash}"] = None
    return list(found)


def folders_wanted(found: KeyRange, *, prefix: str, few: int) -> FoldersWanted | None:
    """Return the question whose answer would cut the range next: for the deepest folder that may hold more.

    Folders of which a page holds more than `few` are too small to be worth a question. None if folders do not help.
    """
    keys = found.sampled
    parent = common_folder(keys, prefix=prefix)
    folders = folders_of(keys, parent=parent)
    if not folders[-1].endswith("/") or len(folders) > few:
        parent, folders = _one_up(parent, prefix)
    while found.spent is not None and parent.startswith(found.spent):
        if not folders:
            return None
        parent, folders = _one_up(parent, prefix)
    if not folders or (found.floor is not None and len(parent) <= len(found.floor)):
        return None
    wanted = FoldersWanted(parent, folders[-1], len(folders))
    return wanted if found.end is None or found.end > wanted.start_after.encode() else None


def _one_up(folder: str, prefix: str) -> tuple[str, Sequence[str]]:
    """Return the folder that holds a folder, and the latter; nothing in it if that leads out of the listing."""
    if len(folder) <= len(prefix) or not folder.endswith("/"):
        return folder, ()
    parent = folder[: folder.rfind("/", 0, -1) + 1]
    return (parent if len(parent) > len(prefix) else prefix), (folder,)


def cut_at_folders(
    found: KeyRange, asked: FoldersWanted, folders: Iterable[bytes], *, is_last: bool, pages: float
) -> list[KeyRange]:
    """Cut a range where folders begin, about `pages` pages apart; return the new ranges behind it, in order.

    `is_last` says that nothing more comes in `asked.parent`.
    """
    every = 1 if asked.on_page == 1 else max(1, int((asked.on_page - 1) * pages))
    after = found.sampled[-1] if found.sampled else found.after or b""
    between = {folder for folder in folders if after < folder and (found.end is None or folder < found.end)}
    points = sorted(folder for folder in between if _is_text(folder))[::every]
    if not points:
        found.spent = asked.parent
        return []
    floor = asked.parent if every == 1 else _one_up(asked.parent, "")[0]
    made = [
        KeyRange(point, end, floor=floor, expected_pages=None if every == 1 else pages)
        for point, end in zip(points, [*points[1:], found.end], strict=True)
    ]
    made[-1].floor = found.floor
    made[-1].spent = asked.parent if is_last else None
    found.end, found.floor = points[0], floor
    return made


def _is_text(key: bytes) -> bool:
    return key.decode(errors="ignore").encode() == key


def cut_at_points(found: KeyRange, points: Sequence[bytes], *, pages: float, cut: int) -> list[KeyRange]:
    """Cut a range at points that are guessed to be `pages` apart; return the new ranges behind it, in order."""
    if not points:
        return []
    made = [
        KeyRange(
            point,
            end,
            floor=found.floor,
            spent=found.spent,
            expected_pages=pages,
            run_pages=found.run_pages + pages * number,
            is_guess=True,
            cut=cut,
        )
        for number, (point, end) in enumerate(zip(points, [*points[1:], found.end], strict=True), 1)
    ]
    found.end = points[0]
    found.expected_pages = found.pages + pages
    return made
