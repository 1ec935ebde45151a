"""The report as a picture: for each work that has peers a group of bars, as long as the wall time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from benchmarks.figures import Figure, Report, WorkResult
from benchmarks.text import ratio, seconds

_WIDTH = 790
_NAMES = 72  # where bars begin
_BARS = 520  # the longest bar
_BAR, _STEP = 14, 19
_GROUP_HEAD, _GROUP_GAP = 24, 14
# Every colour stands out from white and from black; the page's own ground shows through.
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}.t{font-weight:600}.n{text-anchor:end}"
    ".b{fill:#8c959f}.o{fill:#1a7f37}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.b{fill:#6e7681}.o{fill:#3fb950}}"
)


def svg_of(report: Report) -> str:
    """Return an SVG document; the scale of each group is its own, and s3plan's bar has a colour of its own."""
    lines: list[str] = []
    top = 4
    for result in report.results:
        figures = [figure for figure in result.figures() if _wall_s(figure)]
        if len(figures) > 1:
            lines += _group(result, figures, top)
            top += _GROUP_HEAD + _STEP * len(figures) + _GROUP_GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}" '
        f'role="img" aria-label="Wall time of s3plan and of other tools">'
    )
    return "\n".join([head, f"<style>{STYLE}</style>", *lines, "</svg>"]) + "\n"


def _group(result: WorkResult, figures: Sequence[Figure], top: int) -> Iterator[str]:
    yield f'<text class="t" x="0" y="{top + 14}">{escape(result.title)}</text>'
    longest_s = max(_wall_s(figure) for figure in figures)
    for place, figure in enumerate(figures):
        yield from _bar(figure, longest_s, top + _GROUP_HEAD + place * _STEP)


def _wall_s(figure: Figure) -> float:
    """Return the median, or after how long the tool was stopped; 0 if it failed."""
    return figure.wall_s.median if figure.wall_s is not None else figure.over_s or 0.0


def _bar(figure: Figure, longest_s: float, top: int) -> Iterator[str]:
    wall_s = _wall_s(figure)
    length = max(1.0, _BARS * wall_s / longest_s)
    style = "o" if figure.tool == "s3plan" else "b"
    label = seconds(wall_s) if figure.ratio is None else f"{seconds(wall_s)} · {ratio(figure.ratio)}"
    if figure.over_s is not None:
        label = f"stopped after {label}"
    base = top + _BAR - 3
    yield f'<text class="n" x="{_NAMES - 8}" y="{base}">{escape(figure.tool)}</text>'
    yield f'<rect class="{style}" x="{_NAMES}" y="{top}" width="{length:.1f}" height="{_BAR}" rx="2"/>'
    yield f'<text x="{_NAMES + length + 6:.1f}" y="{base}">{label}</text>'
