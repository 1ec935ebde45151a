"""What runs leave in the staging folders of the places that they write to."""

from __future__ import annotations

from s3plan.app.runs.running import OpenedRun
from s3plan.schemas.events import Warned
from s3plan.schemas.printable import escape_unprintable

_SHOWN = 3


def tidy_folders(run: OpenedRun) -> None:
    """Remove the plan's staging folders once they are empty; name what in them may be somebody's."""
    plan = run.plan
    for identity in sorted({job.to_location for job in plan.header.jobs}):
        location = plan.locations_by_id[identity]
        if not location.is_folder:
            continue
        left = run.stores.folder_at(location).tidy(plan.digest)
        if left:
            more = "" if len(left) <= _SHOWN else f" and {len(left) - _SHOWN:,} more"
            names = ", ".join(escape_unprintable(path) for path in left[:_SHOWN])
            run.on_event(Warned(f"files that were being replaced when a run broke off lie in {names}{more}"))
