from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.errors import ExitCode
from s3plan.schemas.quantities import (
    MAX_SIZE_BYTES,
    Limit,
    QuantityInvalid,
    format_delay,
    format_duration,
    format_limit,
    format_size,
    parse_bandwidth,
    parse_delay,
    parse_duration,
    parse_limit,
    parse_rate,
    parse_size,
    size_text,
)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0B", 0),
        ("1B", 1),
        ("1kB", 1000),
        ("1KB", 1000),
        ("1KiB", 1024),
        ("10MB", 10_000_000),
        ("1.5GiB", 1_610_612_736),
        ("50GiB", 50 * 2**30),
        ("5TiB", 5 * 2**40),
        ("2PB", 2 * 10**15),
    ],
)
def test_a_size_is_read_as_bytes(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("10", "write 10B"),
        ("10 MiB", "write 10MiB"),
        ("10mb", "write 10MB"),
        ("10k", "write 10KiB"),
        ("10Kib", "write 10KiB"),
        ("1_000B", "write 1000B"),
        ("5 bytes", "write 5B"),
        ("1.5B", "write 2B"),
        ("0.1KiB", "write 102B"),
        ("-1B", None),
        ("", None),
        ("GiB", None),
        ("1 parsec", None),
        ("٣B", None),
        ("10MiB\n", "write 10MiB"),
        ("9000PiB", None),
    ],
)
def test_a_loose_size_is_refused_with_what_to_write(text: str, hint: str | None) -> None:
    with pytest.raises(QuantityInvalid) as caught:
        parse_size(text)
    assert caught.value.hint == hint
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        ("15m", timedelta(minutes=15)),
        ("90s", timedelta(seconds=90)),
        ("2w", timedelta(days=14)),
    ],
)
def test_a_duration_is_read(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("30", "write 30s"),
        ("30 days", "write 30d"),
        ("1 hour", "write 1h"),
        ("5min", "write 5m"),
        ("5D", "write 5d"),
        ("1.5h", None),
        ("1h30m", None),
        ("1y", None),
        ("", None),
        ("999999d", None),
    ],
)
def test_a_loose_duration_is_refused_with_what_to_write(text: str, hint: str | None) -> None:
    with pytest.raises(QuantityInvalid) as caught:
        parse_duration(text)
    assert caught.value.hint == hint


def test_bandwidth_and_rate_are_per_second() -> None:
    assert parse_bandwidth("100MiB/s") == 100 * 2**20
    assert parse_rate("3000/s") == 3000


@pytest.mark.parametrize(
    ("parse", "text", "hint"),
    [
        (parse_bandwidth, "100MiB", "write 100MiB/s"),
        (parse_bandwidth, "100", "write 100B/s"),
        (parse_bandwidth, "100 mb / sec", "write 100MB/s"),
        (parse_bandwidth, "1MiB/m", None),
        (parse_bandwidth, "0B/s", None),
        (parse_bandwidth, "100mb/s", "write 100MB/s"),
        (parse_rate, "3000", "write 3000/s"),
        (parse_rate, "3,000/s", "write 3000/s"),
        (parse_rate, "fast", None),
        (parse_rate, "0/s", None),
    ],
)
def test_a_loose_rate_is_refused_with_what_to_write(parse: Callable[[str], int], text: str, hint: str | None) -> None:
    with pytest.raises(QuantityInvalid) as caught:
        parse(text)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("25%", Limit(percent=Decimal(25))),
        ("0.5%", Limit(percent=Decimal("0.5"))),
        ("100%", Limit(percent=Decimal(100))),
        ("1204", Limit(count=1204)),
        ("0", Limit(count=0)),
    ],
)
def test_a_limit_is_a_share_or_a_count(text: str, limit: Limit) -> None:
    assert parse_limit(text) == limit


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("25 %", "write 25%"),
        ("25 percent", "write 25%"),
        ("1,204", "write 1204"),
        ("101%", None),
        ("1.5", None),
        ("-1", None),
        ("many", None),
    ],
)
def test_a_loose_limit_is_refused_with_what_to_write(text: str, hint: str | None) -> None:
    with pytest.raises(QuantityInvalid) as caught:
        parse_limit(text)
    assert caught.value.hint == hint


def test_a_share_is_exact_and_rounded_up() -> None:
    assert Limit(percent=Decimal(1)).allowed(of=100) == 1
    assert Limit(percent=Decimal(1)).allowed(of=101) == 2
    assert Limit(percent=Decimal("0.1")).allowed(of=3000) == 3
    assert Limit(percent=Decimal(0)).allowed(of=10) == 0
    assert Limit(percent=Decimal(25)).allowed(of=0) == 0
    assert Limit(count=7).allowed(of=3) == 7


@given(st.integers(0, 10**15), st.decimals("0", "100", places=3))
def test_a_share_never_allows_less_than_it_says_nor_one_more(of: int, percent: Decimal) -> None:
    allowed = Limit(percent=percent).allowed(of=of)
    assert allowed - 1 < Fraction(percent) * of / 100 <= allowed


@given(st.integers(0, MAX_SIZE_BYTES))
def test_a_formatted_size_reads_back_exactly(size_bytes: int) -> None:
    assert parse_size(format_size(size_bytes)) == size_bytes


@given(st.integers(0, 36_500 * 86_400))
def test_a_formatted_duration_reads_back_exactly(seconds: int) -> None:
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@given(st.integers(1, 10**12 - 1))
def test_a_formatted_limit_reads_back_exactly(number: int) -> None:
    assert parse_limit(format_limit(Limit(count=number))) == Limit(count=number)


@given(st.decimals("0", "100", places=6))
def test_a_formatted_share_reads_back_exactly(percent: Decimal) -> None:
    assert parse_limit(str(Limit(percent=percent))) == Limit(percent=percent)


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_size, parse_duration, parse_bandwidth, parse_rate, parse_limit):
        try:
            parse(text)
        except QuantityInvalid:
            continue


@pytest.mark.parametrize(
    ("size_bytes", "text"), [(0, "0B"), (2**30, "1GiB"), (1000, "1kB"), (1025, "1025B"), (1536, "1536B")]
)
def test_a_size_is_written_with_its_largest_unit(size_bytes: int, text: str) -> None:
    assert format_size(size_bytes) == text


@pytest.mark.parametrize(("text", "milliseconds"), [("200ms", 200), ("20s", 20_000), ("2m", 120_000), ("1500ms", 1500)])
def test_a_delay_is_read_and_written(text: str, milliseconds: int) -> None:
    assert parse_delay(text) == timedelta(milliseconds=milliseconds)
    assert format_delay(timedelta(milliseconds=milliseconds)) == text


@pytest.mark.parametrize("text", ["200", "1h", "0.5s", "-1s", "20 s", "\u0661s", "1000000s"])
def test_what_is_no_delay_is_refused(text: str) -> None:
    with pytest.raises(QuantityInvalid, match="ms, s, m"):
        parse_delay(text)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1.0 KiB"),
        (1_048_524, "1,023.9 KiB"),
        (1_048_575, "1.0 MiB"),  # not 1,024.0 KiB
        (41_553_808_589, "38.7 GiB"),
        (2**70, "1,024.0 EiB"),
    ],
)
def test_sizes_are_in_iec_units(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text
