"""Orders that stores list keys in, other than that of their bytes."""

from __future__ import annotations

import zlib
from collections.abc import Callable

OrderOf = Callable[[str], tuple[int | str | bytes, str]]
"""Gives what keys are compared by; the key itself comes last, so that none are equal."""


def case_blind(key: str) -> tuple[str, str]:
    """Order keys as databases with a case-blind collation do."""
    return key.casefold(), key


def utf_16(key: str) -> tuple[bytes, str]:
    """Order keys as Java and JavaScript compare texts: U+1F600 comes before U+FB00."""
    return key.encode("utf-16-be"), key


def scrambled(seed: int) -> OrderOf:
    """Return an order that has nothing to do with the keys, as that of directory buckets."""
    return lambda key: (zlib.crc32(key.encode(), seed), key)
