"""Rows of cells as aligned lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from s3plan.schemas.printable import display_width


@dataclass(frozen=True, slots=True)
class Cell:
    """Text that is safe to print; `style` is rich's."""

    text: str
    style: str = ""


def aligned_lines(
    rows: Sequence[Sequence[Cell]], *, right: frozenset[int] = frozenset(), indent: int = 2
) -> list[Text]:
    """Return a line for each row, two spaces between columns; columns in `right` are aligned to the right.

    Rows may differ in length. Nothing is cut, whatever the terminal's width.
    """
    columns = max((len(row) for row in rows), default=0)
    widths = [max(display_width(row[at].text) for row in rows if at < len(row)) for at in range(columns)]
    return [_line(row, widths, right=right, indent=indent) for row in rows]


def _line(row: Sequence[Cell], widths: Sequence[int], *, right: frozenset[int], indent: int) -> Text:
    line = Text(" " * indent)
    for at, cell in enumerate(row):
        padding = " " * (widths[at] - display_width(cell.text))
        if at in right:
            line.append(padding)
        line.append(cell.text, style=cell.style)
        if at not in right:
            line.append(padding)
        line.append("  ")
    line.rstrip()
    return line
