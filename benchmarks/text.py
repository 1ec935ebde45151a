"""The report as text: a table for each work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.figures import Figure, Report, Spread, WorkResult

_HEAD = ("", "runs", "wall", "(least - most)", "CPU", "memory", "requests", "us/object", "to s3plan")
_FAILURE_CHARACTERS = 100


def text_of(report: Report) -> str:
    """Return the whole report; lines end without blanks."""
    lines: list[str] = []
    for result in report.results:
        lines += [result.title, *_table([_HEAD, *(_row(each, result) for each in result.figures())]), *_remarks(result)]
        lines.append("")
    lines += [f"{name}: {value}" for name, value in report.machine.items()]
    lines += [f"{name}: {version}" for name, version in report.versions.items()]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def seconds(value: float) -> str:
    """Return a time with three digits that count."""
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} s"


def megabytes(value: float) -> str:
    """Return a size in MB of 1,000,000 bytes."""
    return f"{value / 1e6:,.0f} MB"


def ratio(value: float | None) -> str:
    """Return how many times as long, to two or three digits."""
    if value is None:
        return "-"
    return f"{value:.2f}x" if value < 10 else f"{value:.1f}x" if value < 100 else f"{value:,.0f}x"


def _row(figure: Figure, result: WorkResult) -> tuple[str, ...]:
    if figure.over_s is not None:
        return (figure.tool, "0", f"> {seconds(figure.over_s)}", "", "", "", "", "", f"> {ratio(figure.ratio)}")
    if figure.wall_s is None or figure.cpu_s is None or figure.peak_bytes is None:
        return (figure.tool, "0", "failed", "", "", "", "", "", "-")
    return (
        figure.tool,
        str(figure.runs),
        seconds(figure.wall_s.median),
        _range(figure.wall_s),
        seconds(figure.cpu_s.median),
        megabytes(figure.peak_bytes.median),
        "-" if figure.requests is None else f"{figure.requests:,.0f}",
        f"{figure.wall_s.median / result.objects * 1e6:,.1f}" if result.objects > 1 else "-",
        ratio(figure.ratio),
    )


def _range(spread: Spread) -> str:
    return f"({seconds(spread.least)} - {seconds(spread.greatest)})"


def _remarks(result: WorkResult) -> Iterator[str]:
    for figure in result.figures():
        for name, value in figure.notes.items():
            yield f"  {figure.tool}: {name} {seconds(value)}"
        if figure.failure is not None and figure.over_s is None:
            yield f"  {figure.tool} failed: {' '.join(figure.failure.split())[:_FAILURE_CHARACTERS]}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        first = row[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        yield "  " + "  ".join([first, *rest])
