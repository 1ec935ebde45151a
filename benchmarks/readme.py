"""The block of benchmarks/README.md that the tool writes itself."""

from __future__ import annotations

from benchmarks.figures import Report
from benchmarks.text import text_of

BEGIN = "<!-- results: written by `make bench BENCH_ARGS=--write-readme`; edits between these two lines are lost -->"
END = "<!-- end of results -->"


def with_results(readme: str, report: Report, *, picture: str) -> str:
    """Return the page with the results of this report between its markers; raise ValueError if it has none."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no lines {BEGIN!r} and {END!r}")
    days = sorted({taken[:10] for taken in report.taken.values() if taken})
    when = f"Taken on {', '.join(days)}." if days else "Not taken yet."
    picture_line = f"![Wall time of s3plan and of other tools]({picture})"
    block = f"\n\n{when}\n\n{picture_line}\n\n```text\n{text_of(report)}```\n\n"
    return f"{before}{BEGIN}{block}{END}{after}"
