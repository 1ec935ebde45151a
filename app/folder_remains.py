"""What a plan's runs leave in the staging folders of the places that they write to."""

from __future__ import annotations

from collections.abc import Iterator

from s3plan.planfile.reader import PlanReader
from s3plan.schemas.events import OnEvent, Warned
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.printable import escape_unprintable
from s3plan.storage.places.folder import tidy_staged

_SHOWN = 3


def tidy_folders(plan: PlanReader, on_event: OnEvent) -> None:
    """Remove staging folders that are empty; name what in others may be somebody's."""
    for location in _written_folders(plan):
        left = tidy_staged(location, plan.digest)
        if left:
            more = "" if len(left) <= _SHOWN else f" and {len(left) - _SHOWN:,} more"
            names = ", ".join(escape_unprintable(path) for path in left[:_SHOWN])
            on_event(Warned(f"files that were being replaced when a run broke off lie in {names}{more}"))


def clear_folders(plan: PlanReader) -> None:
    """Remove what was fetched and not put into place; what may be somebody's stays."""
    for location in _written_folders(plan):
        tidy_staged(location, plan.digest, clears=True)


def _written_folders(plan: PlanReader) -> Iterator[PlanLocation]:
    for identity in sorted({job.to_location for job in plan.header.jobs}):
        if plan.locations_by_id[identity].is_folder:
            yield plan.locations_by_id[identity]
