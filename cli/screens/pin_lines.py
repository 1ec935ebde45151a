"""What a plan says of the pins of a job: what holds them where the job changes something."""

from __future__ import annotations

from collections import defaultdict

from s3plan.app.ends import JobEnds, PlanEnd
from s3plan.cli.screens.columns import Cell
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.plan.header import JobRecord, PlanHeader

_ENFORCEMENTS = {
    Enforcement.ENFORCED: "enforced by the store",
    Enforcement.NOT_ATOMIC: "enforced by the store, not atomically",
    Enforcement.CHECKED: "checked by s3plan before it acts, the store ignores them",
    Enforcement.UNKNOWN: "not known yet, apply probes the store first",
}
_IN_FOLDERS = _ENFORCEMENTS | {
    Enforcement.ENFORCED: "held: a file comes only into an empty place, or changes places with the planned one",
}
_OF_REMOVALS = _ENFORCEMENTS | {
    Enforcement.ENFORCED: "held: a file is taken out of its place, and goes if it is the planned one",
}
_DELETES = frozenset({Condition.DELETE_MATCH, Condition.BATCH_DELETE_MATCH})


def pin_blocks(header: PlanHeader, job: JobRecord, ends: JobEnds) -> list[tuple[str, list[list[Cell]]]]:
    """Return the titles and rows: of the destination, and of the source if what is copied is removed there."""
    if job.actions == 0:
        return []
    said = _IN_FOLDERS if ends.destination.location.is_folder else _ENFORCEMENTS
    blocks = [("Pins", _rows(header, ends.destination, said, only=frozenset(Condition)))]
    if job.removals and ends.source is not None:
        said = _OF_REMOVALS if ends.source.location.is_folder else _ENFORCEMENTS
        blocks.append(("Pins of what is removed from the source", _rows(header, ends.source, said, only=_DELETES)))
    return [(title, rows) for title, rows in blocks if rows]


def _rows(
    header: PlanHeader, end: PlanEnd, said: dict[Enforcement, str], *, only: frozenset[Condition]
) -> list[list[Cell]]:
    by_enforcement: dict[Enforcement, list[str]] = defaultdict(list)
    places = (place for place in header.places if place.location == end.location.id)
    for record in (record for place in places for record in place.capabilities):
        if record.condition in only:
            by_enforcement[record.enforcement].append(record.condition.value)
    return [
        [
            Cell(said[enforcement]),
            Cell("all conditions" if len(by_enforcement) == 1 else ", ".join(conditions)),
        ]
        for enforcement, conditions in sorted(by_enforcement.items(), key=lambda item: -item[0].rank)
    ]
