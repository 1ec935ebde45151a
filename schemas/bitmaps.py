"""A set of small numbers as bytes: bit `i % 8` of byte `i // 8` says whether `i` is in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def bitmap_of(numbers: Iterable[int], *, size: int) -> bytes:
    """Return the bitmap of `numbers`, each from 0 to below `size`."""
    bits = bytearray((size + 7) // 8)
    for number in numbers:
        bits[number >> 3] |= 1 << (number & 7)
    return bytes(bits)


def full_bitmap(size: int) -> bytes:
    """Return the bitmap of all numbers below `size`."""
    return ((1 << size) - 1).to_bytes((size + 7) // 8, "little")


def numbers_in(bitmap: bytes) -> Iterator[int]:
    """Yield the numbers of a bitmap, ascending."""
    for position, byte in enumerate(bitmap):
        if byte:
            for bit in range(8):
                if byte >> bit & 1:
                    yield position * 8 + bit


def count_in(bitmap: bytes) -> int:
    """Return how many numbers a bitmap holds."""
    return int.from_bytes(bitmap, "little").bit_count()


def is_in(number: int, bitmap: bytes) -> bool:
    """Return whether a bitmap holds `number`."""
    return bool(bitmap[number >> 3] >> (number & 7) & 1)
