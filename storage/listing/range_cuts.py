"""Where a range of keys may be cut: any cut is correct, good ones are rare.

S3 can list from a key on, but cannot tell which key is the thousandth. What is known is where folders begin, from a
listing by delimiter, and how wide the last pages were. Bounds are whole keys or texts between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from s3plan.storage.listing.key_range import KeyRange


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
    after = found.last_known or b""
    between = {folder for folder in folders if after < folder and (found.end is None or folder < found.end)}
    points = sorted(folder for folder in between if _is_text(folder))[::every]
    if not points:
        found.never_ask_below(asked.parent)
        return []
    floor = asked.parent if every == 1 else _one_up(asked.parent, "")[0]
    expected_pages = None if every == 1 else pages
    made = [KeyRange(point, end, floor=floor, expected_pages=expected_pages) for point, end in pairwise(points)]
    spent = asked.parent if is_last else None
    made.append(KeyRange(points[-1], found.end, floor=found.floor, spent=spent, expected_pages=expected_pages))
    found.end_before(points[0], floor=floor)
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
    found.end_by_guess(points[0], pages=pages)
    return made
