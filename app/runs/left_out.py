"""What a plan leaves out although the source has it: to be said again at the end, where nobody reads the plan."""

from __future__ import annotations

from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.plan.header import PlanHeader

_ARCHIVED = "archived: "


def left_out_sentences(header: PlanHeader) -> tuple[str, ...]:
    """Return a sentence about archived objects that the plan leaves out, with their storage classes; none without."""
    found = [
        (total.rule.removeprefix(_ARCHIVED), total.objects)
        for total in header.totals
        if total.kind is VerdictKind.SKIPPED and total.rule.startswith(_ARCHIVED)
    ]
    if not found:
        return ()
    objects = sum(count for _, count in found)
    classes = ", ".join(f"{count:,} {name}" for name, count in found)
    said = "1 archived object was" if objects == 1 else f"{objects:,} archived objects were"
    return (f"{said} left out ({classes}): to copy them, restore them and plan again",)
