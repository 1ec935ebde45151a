"""How an object is cut into parts."""

from __future__ import annotations

from s3plan.schemas.stores.quirks import CAREFUL, MIB, StoreQuirks, Support

MAX_PARTS = CAREFUL.most_parts  # S3's limit for one upload
MAX_PART_BYTES = CAREFUL.most_part_bytes
DEFAULT_PART_BYTES = 64 * MIB
DEFAULT_SENT_PART_BYTES = 16 * MIB
"""Where the bytes pass through us."""
SENT_IN_PARTS_FROM_BYTES = 16 * MIB
"""A file of that size, or of the smaller one that a manifest says, is sent in parts."""


def is_cut(size_bytes: int, *, threshold_bytes: int) -> bool:
    """Return whether bytes that pass through us do so in parts; S3 has no empty ones."""
    return size_bytes >= max(min(threshold_bytes, SENT_IN_PARTS_FROM_BYTES), 1)


def is_copied_in_parts(size_bytes: int, *, threshold_bytes: int, quirks: StoreQuirks) -> bool:
    """Return whether the store copies an object in parts: one that has no such copies takes it whole, or not at all."""
    if quirks.part_copies is Support.NO:
        return False
    return size_bytes >= threshold_bytes or size_bytes > quirks.most_copy_bytes


def choose_part_size(
    size_bytes: int,
    wanted_bytes: int | None,
    *,
    default_bytes: int = DEFAULT_PART_BYTES,
    quirks: StoreQuirks = CAREFUL,
) -> int:
    """Return the one part size of an object, whole MiB where it had to grow to stay within the parts of its store.

    The same for the same arguments, so that a resume cuts as the first attempt did; all parts but the last are equal,
    as R2 demands.
    """
    least = -(-size_bytes // quirks.most_parts)
    chosen = wanted_bytes or default_bytes
    if chosen < least:
        chosen = -(-least // MIB) * MIB
    return min(chosen, quirks.most_part_bytes)


def part_ranges(size_bytes: int, part_size_bytes: int) -> list[tuple[int, int]]:
    """Return first and last byte of each part, in order."""
    return [(first, min(first + part_size_bytes, size_bytes) - 1) for first in range(0, size_bytes, part_size_bytes)]


_USUAL_MIB = (8, 16, 5, 15, 64, 10, 32, 50, 100, 128, 256, 512)  # of aws, ourselves, s5cmd, others


def likely_part_sizes(
    size_bytes: int, parts: int, *, wanted_bytes: int | None = None, quirks: StoreQuirks = CAREFUL
) -> tuple[int, ...]:
    """Return the sizes, at most three, by which bytes that were sent may have been cut into so many parts.

    `quirks` are of the store that holds them: where it takes fewer parts, ours are larger.
    """
    ours = choose_part_size(size_bytes, wanted_bytes, default_bytes=DEFAULT_SENT_PART_BYTES, quirks=quirks)
    sizes = dict.fromkeys((ours, *(each * MIB for each in _USUAL_MIB)))
    return tuple(each for each in sizes if -(-size_bytes // each) == parts)[:3]
