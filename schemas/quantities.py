"""Sizes, durations, rates and limits as people write them: `50GiB`, `30d`, `100MiB/s`, `25%`.

Every `parse_*` takes what the matching `format_*` gives, and refuses looser spellings with a hint what to write.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from s3plan.schemas.errors import UsageInvalid

MAX_SIZE_BYTES = 2**63 - 1
MAX_DURATION = timedelta(days=36_500)

SIZE_UNITS = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "PB": 10**15,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "PiB": 2**50,
}
DURATION_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}

SIZE_PATTERN = r"^[0-9]{1,19}(\.[0-9]{1,9})?(B|kB|KB|MB|GB|TB|PB|KiB|MiB|GiB|TiB|PiB)$"
DURATION_PATTERN = r"^[0-9]{1,12}(s|m|h|d|w)$"
DELAY_UNITS = {"ms": timedelta(milliseconds=1), "s": timedelta(seconds=1), "m": timedelta(minutes=1)}
DELAY_PATTERN = r"^(0|[1-9][0-9]{0,5})(ms|s|m)$"
BANDWIDTH_PATTERN = SIZE_PATTERN[:-1] + "/s$"
RATE_PATTERN = r"^[0-9]{1,12}/s$"
PERCENT_PATTERN = r"^[0-9]{1,3}(\.[0-9]{1,6})?%$"
LIMIT_PATTERN = r"^([0-9]{1,18}|[0-9]{1,3}(\.[0-9]{1,6})?%)$"

_NUMBER_AND_UNIT = re.compile(r"\s*([0-9][0-9_,]*(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*(?:/\s*(?:s|sec|second))?\s*", re.ASCII)
_UnitGuess = Callable[[str], str | None]
_LONG_DURATIONS = {
    "sec": "s",
    "second": "s",
    "min": "m",
    "minute": "m",
    "hr": "h",
    "hour": "h",
    "day": "d",
    "week": "w",
}
_IEC_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


class QuantityInvalid(UsageInvalid):
    """Not a quantity of the kind asked for; `hint` says what to write, where that can be guessed."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message} ({hint})")
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that may happen: a number of objects or a share of them; exactly one is set."""

    count: int | None = None
    percent: Decimal | None = None

    def allowed(self, *, of: int) -> int:
        """Return how many of `of` objects are allowed; a share is exact and rounded up."""
        if self.percent is None:
            return self.count or 0
        return -(-(of * Fraction(self.percent)) // 100)

    def __str__(self) -> str:
        return format_limit(self)


def parse_size(text: str) -> int:
    """Return the bytes that `1KiB`, `1.5GiB` or `10MB` stand for; raise QuantityInvalid."""
    match = re.fullmatch(SIZE_PATTERN, text, re.ASCII)
    if match is None:
        raise QuantityInvalid(
            "a size is a number and a unit such as B, KiB, MiB, GiB, kB, MB or GB", hint=_hint(text, _size_unit_meant)
        )
    unit = match[2]
    exact = Fraction(text.removesuffix(unit)) * SIZE_UNITS[unit]
    if exact.denominator != 1:
        raise QuantityInvalid("this size is not a whole number of bytes", hint=f"write {round(exact)}B")
    if exact > MAX_SIZE_BYTES:
        raise QuantityInvalid("this size is too large; the most is 8191PiB")
    return int(exact)


def format_size(size_bytes: int) -> str:
    """Return the exact spelling with the largest unit: 1073741824 is `1GiB`, 1000 is `1kB`, 1025 is `1025B`."""
    whole = [(unit, factor) for unit, factor in SIZE_UNITS.items() if unit != "KB" and size_bytes % factor == 0]
    unit, factor = max(whole, key=lambda item: item[1]) if size_bytes else ("B", 1)
    return f"{size_bytes // factor}{unit}"


def size_text(size_bytes: float) -> str:
    """Return `512 B` or `38.7 GiB`: rounded to one decimal, in IEC units."""
    amount = float(size_bytes)
    for unit in _IEC_UNITS:
        if round(amount, 1) < 1024 or unit == _IEC_UNITS[-1]:
            break
        amount /= 1024
    return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"


def parse_duration(text: str) -> timedelta:
    """Return the length of `30d`, `12h`, `15m`, `90s` or `2w`; raise QuantityInvalid."""
    match = re.fullmatch(DURATION_PATTERN, text, re.ASCII)
    if match is None:
        raise QuantityInvalid(
            "a duration is a whole number and one of s, m, h, d, w", hint=_hint(text, _duration_unit_meant, whole=True)
        )
    seconds = int(text[:-1]) * DURATION_UNITS_S[match[1]]
    if seconds > MAX_DURATION.total_seconds():
        raise QuantityInvalid("this duration is too long; the most is 36500d")
    return timedelta(seconds=seconds)


def parse_delay(text: str) -> timedelta:
    """Return the length of `200ms`, `5s` or `2m`; raise QuantityInvalid."""
    match = re.fullmatch(DELAY_PATTERN, text, re.ASCII)
    if match is None:
        raise QuantityInvalid("a delay is a whole number and one of ms, s, m")
    return int(match[1]) * DELAY_UNITS[match[2]]


def format_delay(delay: timedelta) -> str:
    """Return `200ms`, `5s` or `2m`; whole milliseconds only, the rest is cut off."""
    whole = [(unit, delay // length) for unit, length in DELAY_UNITS.items() if not delay % length]
    unit, number = whole[-1] if whole else ("ms", delay // DELAY_UNITS["ms"])
    return f"{number}{unit}"


def format_duration(duration: timedelta) -> str:
    """Return `30d`, `12h`, `15m` or `90s`; whole seconds only, the rest is cut off."""
    seconds = int(duration.total_seconds())
    units = [(unit, length) for unit, length in DURATION_UNITS_S.items() if unit != "w" and seconds % length == 0]
    unit, length = max(units, key=lambda item: item[1]) if seconds else ("s", 1)
    return f"{seconds // length}{unit}"


def parse_bandwidth(text: str) -> int:
    """Return the bytes per second that `100MiB/s` stands for, at least 1; raise QuantityInvalid."""
    if re.fullmatch(BANDWIDTH_PATTERN, text, re.ASCII) is None:
        meant = _hint(text, _size_unit_meant)
        hint = None if meant is None else f"{meant}/s"
        raise QuantityInvalid("a bandwidth is a size per second, such as 100MiB/s", hint=hint)
    bytes_per_s = parse_size(text.removesuffix("/s"))
    if bytes_per_s == 0:
        raise QuantityInvalid("a bandwidth of nothing would never end")
    return bytes_per_s


def parse_rate(text: str) -> int:
    """Return the requests per second that `3000/s` stands for, at least 1; raise QuantityInvalid."""
    if re.fullmatch(RATE_PATTERN, text, re.ASCII) is None:
        digits = re.match(r"\s*([0-9][0-9_,]*)", text, re.ASCII)
        raise QuantityInvalid(
            "a rate is a whole number of requests per second, such as 3000/s",
            hint=f"write {_digits(digits[1])}/s" if digits else None,
        )
    per_second = int(text.removesuffix("/s"))
    if per_second == 0:
        raise QuantityInvalid("a rate of nothing would never end")
    return per_second


def parse_limit(text: str) -> Limit:
    """Return the limit that `25%` (0% to 100%) or `1204` stands for; raise QuantityInvalid."""
    if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        return Limit(count=int(text))
    if re.fullmatch(PERCENT_PATTERN, text, re.ASCII) is None:
        digits = re.fullmatch(r"\s*([0-9][0-9_,]*(?:\.[0-9]+)?)\s*(%|percent)?\s*", text, re.ASCII)
        meant = None if digits is None else _digits(digits[1]) + ("%" if digits[2] else "")
        ok = meant is not None and (meant.endswith("%") or meant.isdigit())
        raise QuantityInvalid(
            "a limit is a share such as 25% or a number of objects such as 1204", hint=f"write {meant}" if ok else None
        )
    percent = Decimal(text.removesuffix("%"))
    if percent > 100:
        raise QuantityInvalid("a share is between 0% and 100%")
    return Limit(percent=percent)


def format_limit(limit: Limit) -> str:
    """Return `25%` or `1204`."""
    return str(limit.count) if limit.percent is None else f"{limit.percent}%"


def _digits(text: str) -> str:
    return text.replace("_", "").replace(",", "")


def _hint(text: str, unit_meant: _UnitGuess, *, whole: bool = False) -> str | None:
    match = _NUMBER_AND_UNIT.fullmatch(text)
    if match is None or (whole and "." in match[1]):
        return None
    unit = unit_meant(match[2])
    return None if unit is None else f"write {_digits(match[1])}{unit}"


def _size_unit_meant(unit: str) -> str | None:
    """Guess the unit behind `k`, `mb`, `Gib` or nothing; a bare letter means 1024 as in most tools."""
    lowered = unit.lower().removesuffix("s").replace("byte", "b")
    if lowered in {"", "b"}:
        return "B"
    letter = lowered[0]
    if letter not in "kmgtp" or lowered[1:] not in {"", "i", "ib", "b"}:
        return None
    if lowered[1:] == "b":
        return "kB" if letter == "k" else letter.upper() + "B"
    return letter.upper() + "iB"


def _duration_unit_meant(unit: str) -> str | None:
    lowered = unit.lower()
    if lowered in DURATION_UNITS_S:
        return lowered
    return _LONG_DURATIONS.get(lowered.removesuffix("s")) if lowered else "s"
