"""What the storm's figures are made of, and its picture; nothing is timed here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from xml.etree import ElementTree as ET

import pytest
from fakes.checkout import ROOT

sys.path.append(str(ROOT))  # benchmarks/ is part of the repository, not of the package

from benchmarks.store_port import Rates, Storm
from benchmarks.storm_figures import StormFigures, figures_of
from benchmarks.storm_picture import svg_of_storm

STORM = Storm(share=0.5, begins_s=6, lasts_s=8)
BEFORE = [10, 90, 100, 110, 100, 100]  # the first second is that of the start
FALLING = [60, 30, 20, 26, 20, 10, 5, 5]
RISING = [10, 40, 85, 70, 80, 90, 95, 100, 100, 30]


def rates(*parts: Sequence[int]) -> Rates:
    received = [each for part in parts for each in part]
    return Rates(received, [0] * len(received))


def test_seconds_are_counted_to_the_end_of_the_first_one_that_lasts() -> None:
    assert figures_of(rates(BEFORE, FALLING, RISING), STORM) == StormFigures(100, 5, 5)


@pytest.mark.parametrize(
    ("seen", "quarter", "back"),
    [
        (rates(BEFORE, [100] * 8, [100] * 9), None, 1),
        (rates(BEFORE, [20] * 7 + [26], [100] * 9), None, 1),
        (rates(BEFORE, [20] * 8, [70] * 70), 1, None),
        (rates(BEFORE, [20] * 8, [80] * 4), 1, None),
        (rates(BEFORE, [20] * 8), 1, None),
        (rates(BEFORE), None, None),
        (rates(), None, None),
    ],
    ids=[
        "never slow",
        "fast again in the storm",
        "never back",
        "back too shortly",
        "ends in it",
        "ends before",
        "empty",
    ],
)
def test_what_never_comes_is_never(seen: Rates, quarter: int | None, back: int | None) -> None:
    figures = figures_of(seen, STORM)
    assert (figures.quarter_after_s, figures.back_after_s) == (quarter, back)
    assert not figures.are_reached


@pytest.mark.parametrize(
    ("quarter", "back", "reached"), [(5, 60, True), (6, 60, False), (5, 61, False), (None, 3, False), (3, None, False)]
)
def test_both_figures_must_be_reached(quarter: int | None, back: int | None, reached: bool) -> None:
    assert StormFigures(100, quarter, back).are_reached == reached


def test_the_picture_has_a_bar_for_each_second_with_requests_and_one_for_those_refused() -> None:
    seen = Rates([100, 0, 50, 100], [0, 0, 25, 0])
    picture = ET.fromstring(svg_of_storm(seen, Storm(0.5, 2, 1), StormFigures(100, 1, None)))
    space = "{http://www.w3.org/2000/svg}"
    heights: dict[str | None, list[float]] = {}
    for bar in picture.findall(f"{space}rect")[3:]:  # behind the legend
        heights.setdefault(bar.get("class"), []).append(float(bar.get("height", "")))
    texts = [text.text for text in picture.findall(f"{space}text")]

    full = heights["w"][0]
    assert heights == {"w": [full], "o": [full, full / 2, full], "r": [full / 4]}
    assert (texts[4], texts[5]) == ("before", "100")
    assert {"80%", "80", "25%", "25"} <= set(texts)
