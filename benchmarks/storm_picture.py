"""A storm as a picture: a bar for each second, the refused requests at its foot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.picture import STYLE
from benchmarks.store_port import Rates, Storm
from benchmarks.storm_figures import BACK_SHARE, QUARTER, StormFigures

_WIDTH, _HEIGHT = 790, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 782, 56, 290  # of the bars
_TICK_S = 10
_STYLE = (
    f"{STYLE}.m{{text-anchor:middle}}.r{{fill:#cf222e}}.w{{fill:#8c959f;opacity:.18}}"
    ".l{stroke:#8c959f;stroke-dasharray:5 4}.a{stroke:#8c959f}"
    "@media(prefers-color-scheme:dark){.r{fill:#f85149}}"
)


def svg_of_storm(rates: Rates, storm: Storm, figures: StormFigures) -> str:
    """Return an SVG document."""
    drawing = _Drawing(len(rates.received), max([*rates.received, 1]))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Requests a second in a throttling storm">'
    )
    lines = [
        head,
        f"<style>{_STYLE}</style>",
        '<text class="t" x="0" y="14">Requests a second at the server, in seconds from the first one</text>',
        *_legend(),
        *drawing.storm(storm),
        *drawing.bars("o", rates.received),
        *drawing.bars("r", rates.refused),
        *drawing.level(figures.before_per_s, "before"),
        *drawing.level(figures.before_per_s * BACK_SHARE, f"{BACK_SHARE:.0%}"),
        *drawing.level(figures.before_per_s * QUARTER, f"{QUARTER:.0%}"),
        *drawing.ticks(),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _legend() -> Iterator[str]:
    for left, style, text in ((0, "o", "answered"), (90, "r", "refused with 503"), (226, "w", "the storm")):
        yield f'<rect class="{style}" x="{left}" y="24" width="12" height="12"/>'
        yield f'<text x="{left + 18}" y="34">{text}</text>'


class _Drawing:
    """Where so many seconds and requests are on the page."""

    def __init__(self, seconds: int, most: float) -> None:
        self._seconds = max(seconds, 1)
        self._most = most

    def storm(self, storm: Storm) -> Iterator[str]:
        left, right = self._x(storm.begins_s), self._x(storm.ends_s)
        yield f'<rect class="w" x="{left:.1f}" y="{_TOP}" width="{right - left:.1f}" height="{_BOTTOM - _TOP}"/>'

    def bars(self, style: str, requests: Sequence[int]) -> Iterator[str]:
        width = max(self._x(1) - self._x(0) - 1, 0.5)
        for second, count in enumerate(requests):
            if count:
                top = self._y(count)
                yield (
                    f'<rect class="{style}" x="{self._x(second):.1f}" y="{top:.1f}" '
                    f'width="{width:.1f}" height="{_BOTTOM - top:.1f}"/>'
                )

    def level(self, per_s: float, name: str) -> Iterator[str]:
        """A dashed line at a rate, its name and number left of it."""
        y = self._y(per_s)
        yield f'<line class="l" x1="{_LEFT}" y1="{y:.1f}" x2="{_RIGHT}" y2="{y:.1f}"/>'
        yield f'<text class="n" x="{_LEFT - 6}" y="{y - 2:.1f}">{name}</text>'
        yield f'<text class="n" x="{_LEFT - 6}" y="{y + 11:.1f}">{per_s:,.0f}</text>'

    def ticks(self) -> Iterator[str]:
        yield f'<line class="a" x1="{_LEFT}" y1="{_BOTTOM}" x2="{_RIGHT}" y2="{_BOTTOM}"/>'
        for second in range(0, self._seconds + 1, _TICK_S):
            x = self._x(second)
            yield f'<line class="a" x1="{x:.1f}" y1="{_BOTTOM}" x2="{x:.1f}" y2="{_BOTTOM + 4}"/>'
            yield f'<text class="m" x="{x:.1f}" y="{_BOTTOM + 18}">{second}</text>'

    def _x(self, second: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * min(second / self._seconds, 1.0)

    def _y(self, requests: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * requests / self._most
