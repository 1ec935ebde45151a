"""An object of any size is cut into parts that S3 and R2 take, and into the same ones each time."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import GIB, MIB, StoreQuirks
from s3plan.storage.s3.store_quirks import STORES, quirks_of
from s3plan.storage.transfer.part_sizes import (
    DEFAULT_PART_BYTES,
    DEFAULT_SENT_PART_BYTES,
    MAX_PART_BYTES,
    MAX_PARTS,
    choose_part_size,
    is_copied_in_parts,
    likely_part_sizes,
    part_ranges,
)

LARGEST_BYTES = MAX_PARTS * MAX_PART_BYTES  # what one upload can hold: 48.8 TiB
wanted = st.none() | st.integers(5 * MIB, MAX_PART_BYTES)


@given(st.integers(1, LARGEST_BYTES), wanted)
@example(LARGEST_BYTES, None)
@example(LARGEST_BYTES, 5 * MIB)
@example(50 * 10**12, None)
@example(MAX_PARTS * DEFAULT_PART_BYTES, None)
@example(MAX_PARTS * DEFAULT_PART_BYTES + 1, None)
def test_an_object_of_any_size_fits_into_one_upload(size_bytes: int, wanted_bytes: int | None) -> None:
    part_size_bytes = choose_part_size(size_bytes, wanted_bytes)
    assert 5 * MIB <= part_size_bytes <= MAX_PART_BYTES
    assert -(-size_bytes // part_size_bytes) <= MAX_PARTS
    if -(-size_bytes // (wanted_bytes or DEFAULT_PART_BYTES)) <= MAX_PARTS:
        assert part_size_bytes == (wanted_bytes or DEFAULT_PART_BYTES), "it grows only where it has to"


@given(st.integers(1, 400 * MIB), st.integers(5 * MIB, 64 * MIB))
def test_parts_hold_every_byte_once_and_all_but_the_last_are_equal(size_bytes: int, part_size_bytes: int) -> None:
    ranges = part_ranges(size_bytes, part_size_bytes)
    lengths = [last - first + 1 for first, last in ranges]
    assert [first for first, _ in ranges] == list(range(0, size_bytes, part_size_bytes))
    assert sum(lengths) == size_bytes
    assert set(lengths[:-1]) <= {part_size_bytes}
    assert 0 < lengths[-1] <= part_size_bytes


def test_the_largest_object_has_ten_thousand_parts() -> None:
    ranges = part_ranges(LARGEST_BYTES, choose_part_size(LARGEST_BYTES, None))
    assert len(ranges) == MAX_PARTS
    assert ranges[-1] == (LARGEST_BYTES - MAX_PART_BYTES, LARGEST_BYTES - 1)


@pytest.mark.parametrize("row", STORES.values(), ids=lambda row: row.name)
@given(st.data())
def test_every_object_that_a_store_takes_is_cut_into_parts_that_it_takes(row: StoreQuirks, data: st.DataObject) -> None:
    size_bytes = data.draw(st.integers(16 * MIB, row.most_object_bytes) | st.just(row.most_object_bytes))
    part_bytes = choose_part_size(size_bytes, data.draw(wanted), quirks=row)
    assert row.least_part_bytes <= part_bytes <= row.most_part_bytes
    assert len(part_ranges(size_bytes, part_bytes)) <= row.most_parts


@pytest.mark.parametrize(
    ("store", "size_bytes", "threshold_bytes", "in_parts"),
    [
        ("aws", GIB, GIB, True),
        ("aws", GIB - 1, GIB, False),
        ("aws", 5 * GIB, 6 * GIB, False),
        ("r2", 5 * GIB, 6 * GIB, True),  # more than one CopyObject of R2's takes
        ("gcs", 5 * GIB, GIB, False),  # which has no copies in parts
    ],
)
def test_a_store_copies_in_parts_what_it_does_not_copy_whole(
    store: str, size_bytes: int, threshold_bytes: int, in_parts: bool
) -> None:
    quirks = quirks_of(StoreName(store))
    assert is_copied_in_parts(size_bytes, threshold_bytes=threshold_bytes, quirks=quirks) is in_parts


@pytest.mark.parametrize("store", list(StoreName))
@pytest.mark.parametrize("size_bytes", [17 * MIB, 20 * 1024 * MIB, 400 * 1024 * MIB])
def test_what_was_sent_in_parts_to_a_store_is_likely_cut_as_that_store_had_it_cut(
    store: StoreName, size_bytes: int
) -> None:
    quirks = quirks_of(store)
    ours = choose_part_size(size_bytes, None, default_bytes=DEFAULT_SENT_PART_BYTES, quirks=quirks)
    parts = len(part_ranges(size_bytes, ours))
    assert parts <= quirks.most_parts
    assert ours in likely_part_sizes(size_bytes, parts, quirks=quirks)
