"""The lines of a list of keys (`filters.list`) -> keys: as they stand, as JSON text, or as `s3://` URLs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from s3plan.schemas.objects import MAX_KEY_BYTES

_MOST_LINE_BYTES = 16 << 10  # a key of 1,024 bytes in JSON text, each escaped, and more than any bucket's name
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_URL = b"s3://"
_QUOTED = 'a key that begins with " or s3:// or has a line break is written as JSON text: "\\"a\\"", "a\\nb"'


class LineInvalid(Exception):
    """A line that names no key; `line` counts from 1. What stands in it is not said: it may be anything."""

    def __init__(self, line: int, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.hint = hint


def keys_of_lines(lines: Iterable[bytes], *, places: Sequence[bytes]) -> Iterator[bytes]:
    r"""Yield the keys that lines name, relative to their location; raise LineInvalid.

    `places` are the URLs that whole keys of the job's buckets begin with. Empty lines are passed over, and `\r` before
    the end of a line is part of that.
    """
    for number, line in enumerate(lines, start=1):
        if len(line) > _MOST_LINE_BYTES:
            raise LineInvalid(number, f"is longer than a key can be, which is {MAX_KEY_BYTES:,} bytes")
        text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
        text = text.removesuffix(b"\n").removesuffix(b"\r")
        if text:
            yield _checked(_key_of(text, number, places=places), number)


def _key_of(text: bytes, number: int, *, places: Sequence[bytes]) -> bytes:
    if text.startswith(b'"'):
        return _key_of_json(text, number)
    if not text.startswith(_URL):
        return text
    for place in places:
        if text.startswith(place):
            return text.removeprefix(place)
    raise LineInvalid(number, "is a URL that lies in neither the job's source nor its destination", _QUOTED)


def _key_of_json(text: bytes, number: int) -> bytes:
    try:
        key = json.loads(text.decode())
        if isinstance(key, str):
            return key.encode()
    except (ValueError, RecursionError):
        pass
    raise LineInvalid(number, "begins like JSON text and is none", _QUOTED)


def _checked(key: bytes, number: int) -> bytes:
    if not key:
        raise LineInvalid(number, "names the location itself, and no key in it")
    if len(key) > MAX_KEY_BYTES:
        raise LineInvalid(number, f"is longer than a key can be, which is {MAX_KEY_BYTES:,} bytes")
    try:
        key.decode()
    except UnicodeDecodeError as error:
        raise LineInvalid(number, "is not UTF-8, as all keys are", "save the list as UTF-8 text") from error
    if b"\0" in key:
        raise LineInvalid(number, "has a NUL character", "save the list as UTF-8 text, not as UTF-16")
    return key
