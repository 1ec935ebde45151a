"""Where to split a stretch of keys, judged by the keys seen so far. Every guess is only that: any point is correct.

S3 can list from a key on, but cannot tell which key is the thousandth. So keys are read as numbers, whose digits are
the characters seen at each position, and the next pages are expected to be as wide as the last one was. Code points
and UTF-8 bytes have the same order, and a point is made of characters of real keys only, so that every store takes it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from os.path import commonprefix
from string import digits

from s3plan.schemas.objects import MAX_KEY_BYTES

_CARRY = 12  # characters before the first that differs on a page: a number may run over into them
_FINE = 4  # characters after it
_HEX = frozenset("0123456789abcdef")
_DIGITS = frozenset(digits)


class KeyScale:
    """Reads keys as numbers and numbers as keys, by the characters that it has been shown at each position."""

    def __init__(self) -> None:
        self._seen: dict[int, set[str]] = {}
        self._digits: dict[int, str] = {}

    def learn(self, keys: Sequence[bytes]) -> None:
        """Take the characters of some keys of one page into account, around where they begin to differ."""
        texts = [key.decode(errors="replace") for key in keys]
        first = len(commonprefix((texts[0], texts[-1])))
        for text in texts:
            for position, character in enumerate(text[max(0, first - _CARRY) : first + _FINE], max(0, first - _CARRY)):
                seen = self._seen.setdefault(position, set())
                if character not in seen:
                    seen.add(character)
                    self._digits.pop(position, None)

    def points(
        self, page: tuple[bytes, bytes], *, end: bytes | None, folder: str, distances: Iterable[float]
    ) -> list[bytes]:
        """Return points after the page's last key, as many pages away as `distances` say, ascending, below `end`.

        `page` is its first and last key. They begin with `folder`, and so do the points; where the numbers run out,
        or come near the end, there are fewer points than distances.
        """
        first, last = page[0].decode(errors="replace"), page[1].decode(errors="replace")
        differ = len(commonprefix((first, last)))
        start, stop = max(len(folder), differ - _CARRY), differ + _FINE
        head = last[:start]
        if differ < len(folder) or not last.startswith(folder):
            return []
        at = self._number(last, start, stop)
        width = max(1, at - self._number(first, start, stop))
        limit = self._limit(end, head, start, stop)
        points: list[bytes] = []
        for distance in distances:
            number = at + int(width * distance)
            if number + width // 2 >= limit:
                break
            point = (head + self._text(number, start, stop)).encode(errors="replace")
            is_between = (points[-1] if points else page[1]) < point and (end is None or point < end)
            if is_between and len(point) <= MAX_KEY_BYTES:
                points.append(point)
        return points

    def _limit(self, end: bytes | None, head: str, start: int, stop: int) -> int:
        text = None if end is None else end.decode(errors="replace")
        if text is not None and text.startswith(head):
            return self._number(text, start, stop)
        largest = 1
        for position in range(start, stop):
            largest *= len(self._digits_at(position)) + 1
        return largest

    def _number(self, key: str, start: int, stop: int) -> int:
        """Return a key's number; where the key has ended, the digit is 0."""
        number = 0
        for position in range(start, stop):
            known = self._digits_at(position)
            digit = min(bisect_left(known, key[position]) + 1, len(known)) if position < len(key) else 0
            number = number * (len(known) + 1) + digit
        return number

    def _text(self, number: int, start: int, stop: int) -> str:
        characters: list[str] = []
        for position in reversed(range(start, stop)):
            known = self._digits_at(position)
            number, digit = divmod(number, len(known) + 1)
            characters.append(known[digit - 1] if digit else "")
            if not digit:
                characters.clear()  # the key ends here
        return "".join(reversed(characters))

    def _digits_at(self, position: int) -> str:
        """Return the characters of a position in order; seen a digit, all ten are expected, and the same with hex."""
        if position not in self._digits:
            seen = self._seen.get(position, _DIGITS)
            if seen & _DIGITS:
                seen = seen | (_HEX if seen <= _HEX and seen - _DIGITS else _DIGITS)
            self._digits[position] = "".join(sorted(seen - {"\ufffd"}) or digits)
        return self._digits[position]


def folders_of(keys: Iterable[bytes], *, folder: str) -> Sequence[str]:
    """Return the different folders directly in `folder` that the keys lie in, `/` at their ends, in order of coming.

    A key that lies directly in `folder` counts as one of its own, without a `/`.
    """
    found: dict[str, None] = {}
    for key in keys:
        name, slash, _ = key.decode(errors="replace")[len(folder) :].partition("/")
        found[f"{folder}{name}{slash}"] = None
    return list(found)


def after_folder(folder: str) -> str:
    """Return a text between what lies in a folder, whose name ends in `/`, and what follows it."""
    return folder[:-1] + "0"  # the character after the slash


def split_points(folders: Iterable[bytes], *, after: bytes, end: bytes | None, every: int) -> list[bytes]:
    """Return every n-th of the folders that lie between the two keys, in order, without repeats."""
    between = sorted({folder for folder in folders if after < folder and (end is None or folder < end)})
    return between[::every]
