"""What a plan says of what it removes from sources: nobody should miss it."""

from __future__ import annotations

from rich.text import Text
from s3plan.cli.screens.columns import Cell
from s3plan.cli.screens.wording import count_text
from s3plan.schemas.plan.header import MOVED_KINDS, JobRecord, PlanHeader
from s3plan.schemas.quantities import size_text


def removal_lines(job: JobRecord) -> list[Text]:
    """Return what is deleted where it was; nothing for a job that does not move."""
    if not job.removals:
        return []
    size_bytes = sum(map(job.bytes_of, MOVED_KINDS))
    heading = Text().append("- ", style="red")
    heading.append(f"{count_text(job.removals, 'object')} to remove from the source, {size_text(size_bytes)}")
    return [Text(), heading, Text("    because  each is moved, and removed once its copy is proved")]


def removal_rows(header: PlanHeader) -> list[list[Cell]]:
    """Return the same for a person who is about to say yes."""
    if not header.removals:
        return []
    objects = count_text(header.removals, "object")
    return [[Cell("removes"), Cell(f"{objects} of the source, each once its copy is proved", "bold yellow")]]
