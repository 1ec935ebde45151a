"""Text from outside, made safe to print on a terminal."""

from __future__ import annotations

import shlex
import unicodedata
from pathlib import PurePath

_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def escape_unprintable(text: str) -> str:
    r"""Return the text with control, bidirectional, invisible and unassigned characters written out: `\x1b`, `\u202e`.

    What is printable is Python's `str.isprintable`: of all spaces only U+0020 is.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def shown_path(path: PurePath) -> str:
    """Return a path for a message: whatever its name holds, it stays on the message's line."""
    return escape_unprintable(str(path))


def typed_path(path: PurePath) -> str:
    """Return a path as a word of a command that a message tells, to be pasted into a shell."""
    return escape_unprintable(shlex.quote(str(path)))


def display_width(text: str) -> int:
    """Return how many terminal columns an escaped text takes, as far as Unicode's width classes tell."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
