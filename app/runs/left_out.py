"""What a plan leaves out although the source has it: to be said again at the end, where nobody reads the plan."""

from __future__ import annotations

from collections import Counter

from s3plan.schemas.plan.header import PlanHeader


def left_out_sentences(header: PlanHeader) -> tuple[str, ...]:
    """Return a sentence about archived objects that the plan leaves out, with their storage classes; none without."""
    found: Counter[str] = Counter()
    for job in header.jobs:
        found.update(job.archived_objects)
    if not found:
        return ()
    objects = found.total()
    classes = ", ".join(f"{count:,} {name}" for name, count in found.items())
    said = "1 archived object was" if objects == 1 else f"{objects:,} archived objects were"
    return (f"{said} left out ({classes}): to copy them, restore them and plan again",)
