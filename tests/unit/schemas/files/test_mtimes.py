"""The time of a file in an object's metadata, as rclone writes and reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.files.mtimes import mtime_ns_of, mtime_text


# What rclone writes for these times: decimal seconds, the zeros at the end left out.
@pytest.mark.parametrize(
    ("mtime_ns", "text"),
    [
        (0, "0"),
        (1, "0.000000001"),
        (1_700_000_000_000_000_000, "1700000000"),
        (1_700_000_000_123_456_789, "1700000000.123456789"),
        (1_700_000_000_120_000_000, "1700000000.12"),
        (-1_500_000_000, "-1.5"),
        (-1, "-0.000000001"),
    ],
)
def test_a_time_is_written_as_rclone_writes_it(mtime_ns: int, text: str) -> None:
    assert mtime_text(mtime_ns) == text
    assert mtime_ns_of({"mtime": text}) == mtime_ns


@given(st.integers(-(1 << 62), 1 << 62))
def test_every_time_of_a_file_comes_back_to_the_nanosecond(mtime_ns: int) -> None:
    assert mtime_ns_of({"Mtime": mtime_text(mtime_ns)}) == mtime_ns


@pytest.mark.parametrize(
    "text",
    ["", "x", "1e9", "nan", "inf", "--1", "1.", ".5", "1,5", "0x1", "9" * 11, "9999999999", "1" * 5000, "\u0661"],
)
def test_what_is_no_time_that_a_file_can_have_is_none(text: str) -> None:
    assert mtime_ns_of({"mtime": text}) is None


def test_more_digits_than_a_file_system_has_are_cut_off() -> None:
    assert mtime_ns_of({"mtime": "1.1234567899"}) == 1_123_456_789
    assert mtime_ns_of({"team": "media"}) is None
