"""Keys read as numbers, so that it can be guessed which key comes so many pages further on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from string import digits

from s3plan.schemas.objects import MAX_KEY_BYTES
from s3plan.storage.listing.range_cuts import common_length

_CARRY = 12  # characters before the first that differs on a page: a number may run over into them
_FINE = 4  # characters after it
_LOOKED_BEHIND = 3
_VARIED = 8
_DIGITS = frozenset(digits)
_LAST_CODE_POINT = 0x10FFFF


class KeyScale:
    """Reads keys as numbers and numbers as keys: the digits of a position are the characters seen there.

    That a key has ended is a digit, too, where one has been seen to end; it is the lowest.
    Code points and UTF-8 bytes have the same order, and only printable characters and those of real keys are used, so
    every store takes them. A position may yet show the character after its last one, and one that has shown few those
    of the varied ones behind it.
    """

    def __init__(self) -> None:
        self._seen: dict[int, set[str]] = {}
        self._known: dict[int, list[str]] = {}

    def learn(self, keys: Sequence[bytes]) -> None:
        """Take the characters of some keys of one page into account, around where they begin to differ."""
        texts = [key.decode(errors="replace") for key in keys]
        differ = common_length(texts[0], texts[-1])
        start = max(0, differ - _CARRY)
        for text in texts:
            for position in range(start, min(len(text) + 1, differ + _FINE)):
                seen = self._seen.setdefault(position, set())
                character = text[position : position + 1]
                if character not in seen and character != "\ufffd":
                    seen.add(character)
                    self._known.clear()

    def points(
        self, page: tuple[bytes, bytes], *, end: bytes | None, folder: str, distances: Iterable[float]
    ) -> list[bytes]:
        """Return points after the page's last key, as many pages away as `distances` say, ascending, below `end`.

        `page` is its first and last key. They begin with `folder`, and so do the points; where the numbers run out,
        or come near the end, there are fewer points than distances.
        """
        first, last = page[0].decode(errors="replace"), page[1].decode(errors="replace")
        differ = common_length(first, last)
        start, stop = max(len(folder), differ - _CARRY), differ + _FINE
        head = last[:start]
        if differ < len(folder):
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
            largest *= len(self._digits_at(position))
        return largest

    def _number(self, key: str, start: int, stop: int) -> int:
        number = 0
        for position in range(start, stop):
            known = self._digits_at(position)
            digit = min(bisect_left(known, key[position : position + 1]), len(known) - 1)
            number = number * len(known) + digit
        return number

    def _text(self, number: int, start: int, stop: int) -> str:
        characters: list[str] = []
        for position in reversed(range(start, stop)):
            known = self._digits_at(position)
            number, digit = divmod(number, len(known))
            if not known[digit]:
                characters.clear()  # the key ends here
            characters.append(known[digit])
        return "".join(reversed(characters))

    def _digits_at(self, position: int) -> list[str]:
        """Return the characters that are expected at a position, in order; where one is a digit, all ten are."""
        if position not in self._known:
            expected = set(self._seen.get(position, ()))
            if not expected - {""} or expected & _DIGITS:
                expected |= _DIGITS
            elif (following := chr(min(ord(max(expected)) + 1, _LAST_CODE_POINT))).isprintable():
                expected.add(following)
            for behind in range(position + 1, position + 1 + _LOOKED_BEHIND):
                seen = self._seen.get(behind, set()) - {""}
                if len(seen) >= _VARIED:
                    expected |= seen
            self._known[position] = sorted(expected)
        return self._known[position]
